"""`plugin-bridge evaluate`: how well conversions and copies come out, in figures and pictures."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin_bridge.commands import UsageError
from plugin_bridge.commands.options import (
    add_parameters,
    add_pitch,
    add_seconds,
    add_singer,
    number_within,
    parameter_values,
)
from plugin_bridge.commands.report import Report, add_report
from plugin_bridge.scoretable import CONVERSION, COPY, header, line

if TYPE_CHECKING:
    from plugin_bridge.audition import Take
    from plugin_bridge.clips import Clip
    from plugin_bridge.commands import Subparsers
    from plugin_bridge.evaluation import ConversionScores, CopyScores
    from plugin_bridge.evaluationplan import Plan
    from plugin_bridge.parameters import Value
    from plugin_bridge.target import Target

    Row = ConversionScores | CopyScores

SNR_DB = 5.0
_EPILOG = """\
Conversion: cents, corr(elation), gross (beyond 50 cents), octave and F1 (voicing) compare the output's pitch,
measured by another tracker than the engine's, with what the engine asked for; spread is how many cents that
moves: a held note has little to correlate. src ct and src F1 compare the two trackers on the source. before
and after are the likeness of source and output to the singer's held-out recordings (Resemblyzer), real that
of those recordings among themselves in clips as long: short ones tell less. STOI is of the output against the
source; it falls when the voice is transposed, so "at pi." is the same at the source's pitch.
With --music the engine hears the source under accompaniment; cents and the rest compare the output's pitch
with that of the clean source, moved by the interval the engine chose, where two trackers agree on it.
Copy synthesis: the singer sings its own held-out recordings at their own pitch and likeness 0; all is
compared with the recording, and (rec.) is the recording's own likeness to them all.
Melody: every voice is mixed with an excerpt of the accompaniment drawn by its name, at 15 to 0 dB SNR (mean
powers where the voice is within 40 dB of its loudest). Trackers are compared with the pitch of the clean
voice: seconds,hertz in NAME.f0.csv beside NAME.wav (0 hertz: unvoiced), or what the independent tracker and
`periodicity` agree on within 50 cents; other frames carry no score, which favours these two when clean.
With --singer the voices are sung by it first, and the pitch it was asked for is the exact label. F0RMSE is of
ln f0 over frames voiced in both, x clean its rise; F0CORR the mean over voices that move by 50 cents; right
the share of frames right in voicing and within 50 cents; ms/s the computing for a second of audio.
Trackers: melody and periodicity are the engine's, pyin is librosa's, swiftf0 SwiftF0 by itself; praat
(praat-parselmouth) and crepe (torchcrepe) where you installed them.
Exit status: 0 done, 2 bad input.
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "evaluate",
        help="score conversions and copies",
        description="Score conversions; with --copy how well a singer copies its own recordings; with "
        "--melody how pitch trackers do under accompaniment.",
        epilog=_EPILOG,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("sources", nargs="*", type=Path, metavar="SOURCE", help="audio files, or folders of them")
    add_singer(parser, "may be repeated", several=True)
    add(
        "--reference",
        action="append",
        default=[],
        metavar="[SINGER=]PATH",
        help="held-out recordings of a singer, a file or a folder; may be repeated",
    )
    add("--plan", type=Path, metavar="FILE", help="TOML with pairs and references, instead of these three")
    add("--copy", nargs="+", type=Path, metavar="PATH", help="held-out recordings for copy synthesis")
    add("--melody", nargs="+", type=Path, metavar="VOICE", help="clean voices to compare pitch trackers on")
    add(
        "--music",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="accompaniment for --melody; for SOURCE one file for each or one for all, from the start",
    )
    add(
        "--snr",
        type=number_within(-20, 60),
        default=SNR_DB,
        metavar="DB",
        help=f"of SOURCE over --music, where it is heard (default {SNR_DB:g})",
    )
    add("--tracker", action="append", default=[], metavar="NAME", help="for --melody; may be repeated")
    add_pitch(parser)
    add_seconds(parser, 0.0, 0.0, "of a longer clip take the stretch of this length with the most singing")
    add_report(parser, "a picture of each pair or voice: spectrograms and pitch")
    add_parameters(parser, leave_out=("singer", "melody"))  # no notes come that could be a melody
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a row for each pair, and the means; or those of the pitch trackers."""
    from models.metrics.extras import check_eval_extra  # noqa: PLC0415
    from plugin_bridge.commands.evaluatemelody import run_melody  # noqa: PLC0415

    _check(arguments)
    if arguments.melody:
        return run_melody(arguments)
    check_eval_extra(*(("matplotlib",) if arguments.plots is not None else ()))
    report = Report(arguments)
    columns = COPY if arguments.copy else CONVERSION
    rows: list[Row] = []
    for row in _copies(arguments, report) if arguments.copy else _conversions(arguments, report):
        if not rows:
            report.say(header(columns))
        rows.append(row)
        report.say(line(columns, asdict(row)))
    means = _means(rows)
    for singer, mean in means.items():
        report.say(line(columns, {"source": "MEAN", "singer": singer, **mean}))
    report.finish({"rows": [asdict(row) for row in rows], "means": means})
    return 0


def _check(arguments: argparse.Namespace) -> None:
    listed = bool(arguments.sources or arguments.reference)
    tasks = (listed, *(task is not None for task in (arguments.plan, arguments.copy, arguments.melody)))
    if sum(tasks) != 1:
        raise UsageError(
            "one thing to evaluate is needed; give SOURCE... with --reference, --copy, --plan or --melody"
        )
    if arguments.melody is None and arguments.tracker:
        raise UsageError("--tracker goes with --melody only; leave it out")
    if arguments.music and not (listed or arguments.melody):
        raise UsageError("--music goes with SOURCE... or --melody only; leave it out")
    if arguments.plan is not None and arguments.singer:
        raise UsageError("--singer does not go with --plan, which names the singers; leave one out")
    if (listed or arguments.copy) and not arguments.singer:
        raise UsageError("a singer is needed; name it with --singer")
    if listed and not (arguments.sources and arguments.reference):
        raise UsageError("sources and held-out recordings are needed; give SOURCE... and --reference")


def _conversions(arguments: argparse.Namespace, report: Report) -> Iterator[ConversionScores]:
    from plugin_bridge.audition import heard, sing  # noqa: PLC0415 - loads the engine
    from plugin_bridge.cast import Cast  # noqa: PLC0415 - loads onnxruntime
    from plugin_bridge.clips import read_clip  # noqa: PLC0415 - loads numpy
    from plugin_bridge.evaluation import score_conversion  # noqa: PLC0415 - loads the engine

    plan = _plan(arguments)
    cast = Cast()
    singers = {name: cast.load([name])[0] for item in plan.items for name in item.singers}
    ids = {name: singer.id for name, singer in singers.items()}
    targets = _targets(plan, ids)
    values = parameter_values(arguments)
    for item, music in zip(plan.items, _music(arguments, len(plan.items)), strict=True):
        clip = read_clip(item.paths, item.name)
        mix = None if music is None else _measured(_mix, clip, read_clip([music]), arguments.snr)
        source = _measured(heard, clip, item.seconds, mix)
        for name in item.singers:
            take = sing(source, singers[name], values, arguments.pitch)
            row = score_conversion(take, ids[name], targets[name])
            _plot(report, take, row, f"{row.cents:.1f} cents, voicing F1 {row.voicing_f1:.3f}")
            yield row


def _copies(arguments: argparse.Namespace, report: Report) -> Iterator[CopyScores]:
    from models.metrics.speaker import mean_embedding  # noqa: PLC0415 - loads numpy
    from plugin_bridge.audition import heard, sing  # noqa: PLC0415 - loads the engine
    from plugin_bridge.cast import Cast  # noqa: PLC0415 - loads onnxruntime
    from plugin_bridge.clips import read_clip, recordings  # noqa: PLC0415
    from plugin_bridge.evaluation import score_copy  # noqa: PLC0415 - loads the engine

    singers = [Cast().load([name])[0] for name in arguments.singer]
    values: dict[str, Value] = {"transpose": 0.0, "likeness": 0.0, **parameter_values(arguments)}
    clips = [read_clip([path]) for path in recordings(arguments.copy)]
    sources = [_measured(heard, clip, arguments.seconds) for clip in clips]
    target = mean_embedding([source.speaker for source in sources])
    for singer in singers:
        for source in sources:
            take = sing(source, singer, values, arguments.pitch)
            row = score_copy(take, f"{singer.id} {singer.kind}", target)
            _plot(report, take, row, f"loss {row.stft_loss:.3f}, PESQ {row.pesq:.2f}")
            yield row


def _plan(arguments: argparse.Namespace) -> Plan:
    from plugin_bridge.evaluationplan import plan_of, read_plan  # noqa: PLC0415 - loads pydantic

    try:
        if arguments.plan is not None:
            return read_plan(arguments.plan)
        return plan_of(arguments.sources, arguments.singer, arguments.reference, arguments.seconds)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _targets(plan: Plan, ids: dict[str, str]) -> dict[str, Target]:
    """Return every singer's held-out recordings, by its name in the plan."""
    from plugin_bridge.clips import read_clip  # noqa: PLC0415 - loads numpy
    from plugin_bridge.target import Target  # noqa: PLC0415

    found = {}
    for name, singer in ids.items():
        paths = plan.references.get(name) or plan.references.get(singer)
        if not paths:
            raise UsageError(f"singer {name!r} has no held-out recordings; give --reference {singer}=FOLDER")
        found[name] = _measured(Target, [read_clip([path]) for path in paths])
    return found


def _measured(measure: Callable[..., Any], *audio: Any) -> Any:  # noqa: ANN401 - passes on what it is given
    try:
        return measure(*audio)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _music(arguments: argparse.Namespace, count: int) -> Sequence[Path | None]:
    """Return the accompaniment of each source."""
    from plugin_bridge.clips import recordings  # noqa: PLC0415 - loads numpy

    if not arguments.music:
        return [None] * count
    files = recordings(arguments.music)
    if len(files) not in (1, count):
        raise UsageError(
            f"{len(files)} files of --music do not fit {count} sources; give one for each or one for all"
        )
    return files if len(files) == count else files * count


def _mix(clip: Clip, music: Clip, snr: float) -> Any:  # noqa: ANN401 - an array
    """Return a clip with the accompaniment under it, both from their start."""
    from models.metrics.accompaniment import from_start, mixed  # noqa: PLC0415 - loads numpy
    from plugin_bridge.melodytable import at_rate  # noqa: PLC0415

    rate = clip.sample_rate
    return mixed(clip.audio, from_start(at_rate(music, rate), clip.audio.size), snr, rate)


def _plot(report: Report, take: Take, row: Row, note: str) -> None:
    from models.metrics.plots import plot_pair  # noqa: PLC0415 - loads numpy

    source = take.source
    draw = partial(
        plot_pair,
        title=f"{row.source} sung by {row.singer}: {note}",
        sounds=(source.clip.audio if source.mix is None else source.mix, take.output),
        sample_rate=source.clip.sample_rate,
        pitches=(take.requested, take.pitch),
    )
    report.draw(f"{row.source}-{row.singer}", draw)


def _means(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    from plugin_bridge.evaluation import mean_row  # noqa: PLC0415 - loads the engine

    singers = list(dict.fromkeys(row.singer for row in rows))
    means = {singer: mean_row([row for row in rows if row.singer == singer]) for singer in singers}
    return means if len(singers) == 1 else {**means, "all": mean_row(rows)}
