"""Conversions and copies, scored pair by pair: what `plugin-bridge evaluate` does without `--melody`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin_bridge.commands import UsageError
from plugin_bridge.commands.options import parameter_values
from plugin_bridge.commands.report import Report
from plugin_bridge.measure.metricstable import CONVERSION, COPY, VOICE, Column, header, line

if TYPE_CHECKING:
    from plugin_bridge.control.parameters import Value
    from plugin_bridge.measure.audition import Take
    from plugin_bridge.measure.clips import Clip
    from plugin_bridge.measure.evaluation import ConversionScores, CopyScores
    from plugin_bridge.measure.plan import Plan
    from plugin_bridge.measure.target import Target
    from plugin_bridge.measure.voicescores import VoiceScores

    Row = ConversionScores | CopyScores


def run_pairs(arguments: argparse.Namespace) -> int:
    """Print a row for each pair, and the means."""
    from models.metrics.extras import check_eval_extra  # noqa: PLC0415

    check_eval_extra(*(("matplotlib",) if arguments.plots is not None else ()))
    report = Report(arguments)
    columns = COPY if arguments.copy else CONVERSION
    rows: list[dict[str, Any]] = []
    for scores, voice in _copies(arguments, report) if arguments.copy else _conversions(arguments, report):
        if not rows:
            report.say(header(columns))
        rows.append(asdict(scores) | asdict(voice))
        report.say(line(columns, rows[-1]))
    means = _means(rows)
    _say_means(report, columns, means)
    report.say("\n" + header(VOICE))
    for row in rows:
        report.say(line(VOICE, row))
    _say_means(report, VOICE, means)
    report.finish({"rows": rows, "means": means})
    return 0


def _say_means(report: Report, columns: tuple[Column, ...], means: dict[str, dict[str, Any]]) -> None:
    for singer, mean in means.items():
        report.say(line(columns, {"source": "MEAN", "singer": singer, **mean}))


def _conversions(
    arguments: argparse.Namespace, report: Report
) -> Iterator[tuple[ConversionScores, VoiceScores]]:
    from plugin_bridge.engine.library import SingerLibrary  # noqa: PLC0415 - loads onnxruntime
    from plugin_bridge.measure.audition import heard, sing  # noqa: PLC0415 - loads the engine
    from plugin_bridge.measure.clips import read_clip  # noqa: PLC0415 - loads numpy
    from plugin_bridge.measure.evaluation import score_conversion  # noqa: PLC0415 - loads the engine
    from plugin_bridge.measure.voicescores import score_voice  # noqa: PLC0415

    plan = _plan(arguments)
    library = SingerLibrary()
    singers = {name: library.load([name])[0] for item in plan.items for name in item.singers}
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
            yield row, score_voice(take, ids[name], targets[name])


def _copies(arguments: argparse.Namespace, report: Report) -> Iterator[tuple[CopyScores, VoiceScores]]:
    from plugin_bridge.engine.library import SingerLibrary  # noqa: PLC0415 - loads onnxruntime
    from plugin_bridge.measure.audition import heard, sing  # noqa: PLC0415 - loads the engine
    from plugin_bridge.measure.clips import read_clip, recordings  # noqa: PLC0415
    from plugin_bridge.measure.evaluation import score_copy  # noqa: PLC0415 - loads the engine
    from plugin_bridge.measure.target import Target  # noqa: PLC0415
    from plugin_bridge.measure.voicescores import score_voice  # noqa: PLC0415

    singers = [SingerLibrary().load([name])[0] for name in arguments.singer]
    values: dict[str, Value] = {"transpose": 0.0, "likeness": 0.0, **parameter_values(arguments)}
    clips = [read_clip([path]) for path in recordings(arguments.copy)]
    sources = [_measured(heard, clip, arguments.seconds) for clip in clips]
    target = Target([source.clip for source in sources])
    for singer in singers:
        for source in sources:
            take = sing(source, singer, values, arguments.pitch)
            row = score_copy(take, f"{singer.id} {singer.kind}", target.speaker)
            _plot(report, take, row, f"loss {row.stft_loss:.3f}, PESQ {row.pesq:.2f}")
            yield row, score_voice(take, row.singer, target)


def _plan(arguments: argparse.Namespace) -> Plan:
    from plugin_bridge.measure.plan import plan_of, read_plan  # noqa: PLC0415 - loads pydantic

    try:
        if arguments.plan is not None:
            return read_plan(arguments.plan)
        return plan_of(arguments.sources, arguments.singer, arguments.reference, arguments.seconds)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _targets(plan: Plan, ids: dict[str, str]) -> dict[str, Target]:
    """Return every singer's held-out recordings, by its name in the plan."""
    from plugin_bridge.measure.clips import read_clip  # noqa: PLC0415 - loads numpy
    from plugin_bridge.measure.target import Target  # noqa: PLC0415

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
    from plugin_bridge.measure.clips import recordings  # noqa: PLC0415 - loads numpy

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
    from plugin_bridge.measure.melodyvoices import at_rate  # noqa: PLC0415

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


def _means(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    from plugin_bridge.measure.evaluation import mean_row  # noqa: PLC0415 - loads the engine

    singers = list(dict.fromkeys(row["singer"] for row in rows))
    means = {singer: mean_row([row for row in rows if row["singer"] == singer]) for singer in singers}
    return means if len(singers) == 1 else {**means, "all": mean_row(rows)}
