"""`plugin-bridge evaluate`: how well conversions and copies come out, in figures and pictures."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin_bridge.commands import UsageError
from plugin_bridge.commands.options import (
    add_force,
    add_parameters,
    add_seconds,
    add_singer,
    parameter_values,
)
from plugin_bridge.scoretable import CONVERSION, COPY, header, line, without_nan

if TYPE_CHECKING:
    from plugin_bridge.commands import Subparsers
    from plugin_bridge.evaluation import ConversionScores, CopyScores, Take
    from plugin_bridge.evaluationplan import Plan
    from plugin_bridge.parameters import Value
    from plugin_bridge.target import Target

    Row = ConversionScores | CopyScores

_EPILOG = """\
Conversion: cents, corr(elation), gross (beyond 50 cents), octave and F1 (voicing) compare the output's pitch,
measured by another tracker than the engine's, with what the engine asked for; spread is how many cents that
moves: a held note has little to correlate. src ct and src F1 compare the two trackers on the source. before
and after are the likeness of source and output to the singer's held-out recordings (Resemblyzer), real that
of those recordings among themselves in clips as long: short ones tell less. STOI is of the output against the
source; it falls when the voice is transposed, so "at pi." is the same at the source's pitch.
Copy synthesis: the singer sings its own held-out recordings at their own pitch and likeness 0; all is
compared with the recording, and (rec.) is the recording's own likeness to them all.
Exit status: 0 done, 2 bad input.
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "evaluate",
        help="score conversions and copies",
        description="Score conversions, or with --copy how well a singer copies its own recordings.",
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
    add_seconds(parser, 0.0, 0.0, "of a longer clip take the stretch of this length with the most singing")
    add(
        "--json",
        nargs="?",
        const="-",
        metavar="FILE.json",
        help="print JSON instead of the table, or write it to a file",
    )
    add("--plots", type=Path, metavar="FOLDER", help="a picture of each pair: spectrograms and pitch")
    add_force(parser)
    add_parameters(parser, leave_out=("singer",))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a row for each pair, and the means."""
    from models.metrics.extras import check_eval_extra  # noqa: PLC0415

    _check(arguments)
    check_eval_extra(*(("matplotlib",) if arguments.plots is not None else ()))
    report = _target(arguments)
    columns = COPY if arguments.copy else CONVERSION
    talk: Callable[[str], None] = _nothing if arguments.json == "-" else _say
    rows: list[Row] = []
    for row in _copies(arguments) if arguments.copy else _conversions(arguments):
        if not rows:
            talk(header(columns))
        rows.append(row)
        talk(line(columns, asdict(row)))
    means = _means(rows)
    for singer, mean in means.items():
        talk(line(columns, {"source": "MEAN", "singer": singer, **mean}))
    text = json.dumps(without_nan({"rows": [asdict(row) for row in rows], "means": means}), indent=2)
    if report is not None:
        _write(report, text, force=arguments.force)
    elif arguments.json:
        print(text)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    listed = bool(arguments.sources or arguments.reference)
    if sum((listed, arguments.plan is not None, arguments.copy is not None)) != 1:
        raise UsageError(
            "one thing to evaluate is needed; give SOURCE... with --reference, --copy, or --plan"
        )
    if arguments.plan is not None and arguments.singer:
        raise UsageError("--singer does not go with --plan, which names the singers; leave one out")
    if arguments.plan is None and not arguments.singer:
        raise UsageError("a singer is needed; name it with --singer")
    if listed and not (arguments.sources and arguments.reference):
        raise UsageError("sources and held-out recordings are needed; give SOURCE... and --reference")


def _target(arguments: argparse.Namespace) -> Path | None:
    """Return where the report goes, checked before the work; None for no file."""
    from plugin_bridge.drafts import check_target  # noqa: PLC0415

    if arguments.plots is not None:
        _make(arguments.plots)
    if arguments.json in (None, "-"):
        return None
    target = Path(arguments.json)
    if target.suffix != ".json":  # it may be a source that followed a bare --json
        raise UsageError(
            f"--json {arguments.json!r} does not end in .json; name such a file or put --json last"
        )
    check_target(target, force=arguments.force)
    return target


def _conversions(arguments: argparse.Namespace) -> Iterator[ConversionScores]:
    from plugin_bridge.cast import Cast  # noqa: PLC0415 - loads onnxruntime
    from plugin_bridge.clips import read_clip  # noqa: PLC0415 - loads numpy
    from plugin_bridge.evaluation import heard, score_conversion, sing  # noqa: PLC0415 - loads the engine

    plan = _plan(arguments)
    cast = Cast()
    singers = {name: cast.load([name])[0] for item in plan.items for name in item.singers}
    ids = {name: singer.id for name, singer in singers.items()}
    targets = _targets(plan, ids)
    values = parameter_values(arguments)
    for item in plan.items:
        source = _measured(heard, read_clip(item.paths, item.name), item.seconds)
        for name in item.singers:
            take = sing(source, singers[name], values)
            row = score_conversion(take, ids[name], targets[name])
            _plot(arguments, take, row, f"{row.cents:.1f} cents, voicing F1 {row.voicing_f1:.3f}")
            yield row


def _copies(arguments: argparse.Namespace) -> Iterator[CopyScores]:
    from models.metrics.speaker import mean_embedding  # noqa: PLC0415 - loads numpy
    from plugin_bridge.cast import Cast  # noqa: PLC0415 - loads onnxruntime
    from plugin_bridge.clips import read_clip, recordings  # noqa: PLC0415
    from plugin_bridge.evaluation import heard, score_copy, sing  # noqa: PLC0415 - loads the engine

    singers = [Cast().load([name])[0] for name in arguments.singer]
    values: dict[str, Value] = {"transpose": 0.0, "likeness": 0.0, **parameter_values(arguments)}
    clips = [read_clip([path]) for path in recordings(arguments.copy)]
    sources = [_measured(heard, clip, arguments.seconds) for clip in clips]
    target = mean_embedding([source.speaker for source in sources])
    for singer in singers:
        for source in sources:
            take = sing(source, singer, values)
            row = score_copy(take, f"{singer.id} {singer.kind}", target)
            _plot(arguments, take, row, f"loss {row.stft_loss:.3f}, PESQ {row.pesq:.2f}")
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


def _plot(arguments: argparse.Namespace, take: Take, row: Row, note: str) -> None:
    if arguments.plots is None:
        return
    from models.metrics.plots import plot_pair  # noqa: PLC0415 - loads numpy
    from plugin_bridge.drafts import Draft  # noqa: PLC0415

    clip = take.source.clip
    plain = "".join(c if c.isalnum() else "-" for c in f"{row.source}-{row.singer}")
    with Draft(arguments.plots / f"{plain}.png", force=arguments.force) as draft:
        title = f"{row.source} sung by {row.singer}: {note}"
        plot_pair(
            draft.path, title, (clip.audio, take.output), clip.sample_rate, (take.requested, take.pitch)
        )
        draft.commit()


def _means(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    from plugin_bridge.evaluation import mean_row  # noqa: PLC0415 - loads the engine

    singers = list(dict.fromkeys(row.singer for row in rows))
    means = {singer: mean_row([row for row in rows if row.singer == singer]) for singer in singers}
    return means if len(singers) == 1 else {**means, "all": mean_row(rows)}


def _make(folder: Path) -> None:
    from plugin_bridge.drafts import unwritable  # noqa: PLC0415

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error


def _write(target: Path, text: str, *, force: bool) -> None:
    from plugin_bridge.drafts import Draft, unwritable  # noqa: PLC0415

    with Draft(target, force=force) as draft:
        try:
            draft.path.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise unwritable(target, error) from error
        draft.commit()


def _say(text: str) -> None:
    print(text, flush=True)


def _nothing(_: str) -> None:
    pass
