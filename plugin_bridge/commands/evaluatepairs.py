"""Conversions and copies, scored pair by pair: what `plugin-bridge evaluate` does without `--melody`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from plugin_bridge.commands import UsageError
from plugin_bridge.commands.options import parameter_values
from plugin_bridge.commands.report import Report
from plugin_bridge.measure.metricstable import CONVERSION, COPY, LIFE, PHONES, WORDS, Column, header, line

if TYPE_CHECKING:
    from plugin_bridge.control.parameters import Value
    from plugin_bridge.engine.singers import Singer
    from plugin_bridge.measure.audition import Source, Take
    from plugin_bridge.measure.clips import Clip
    from plugin_bridge.measure.evaluation import ConversionScores, CopyScores
    from plugin_bridge.measure.plan import Item, Plan
    from plugin_bridge.measure.target import Target
    from plugin_bridge.measure.voicescores import VoiceJudge

    Scores = ConversionScores | CopyScores
    Row = dict[str, Any]


_MORE: tuple[tuple[Column, ...], ...] = (WORDS, LIFE)


def run_pairs(arguments: argparse.Namespace) -> int:
    """Print a row for each pair, and the means."""
    from models.metrics.extras import check_eval_extra  # noqa: PLC0415

    check_eval_extra(*(("matplotlib",) if arguments.plots is not None else ()))
    report = Report(arguments)
    tables: dict[tuple[Column, ...], list[Row]] = {}
    for row in _scored(arguments, report):
        columns: tuple[Column, ...] = COPY if row["copy"] else CONVERSION
        if columns not in tables:
            _say_means(report, tables)
            report.say(("\n" if tables else "") + header(columns))
        tables.setdefault(columns, []).append(row)
        report.say(line(columns, row))
    _say_means(report, tables)
    rows = [row for some in tables.values() for row in some]
    for more in _MORE:
        report.say("\n" + header(more))
        for row in rows:
            report.say(line(more, row))
        for some in tables.values():
            _say_means(report, {more: some})
    means = {name: mean for some in tables.values() for name, mean in _means(some).items()}
    phones = _phones(rows)
    for name, counted in phones.items():
        report.say(f"\nPhones in {name}:\n" + header(PHONES))
        for row in counted:
            report.say(line(PHONES, row))
    values = parameter_values(arguments)
    report.finish(
        {"parameters": values, "judge": arguments.judge, "rows": rows, "means": means, "phones": phones}
    )
    return 0


def _say_means(report: Report, tables: Mapping[tuple[Column, ...], Sequence[Row]]) -> None:
    """Say the means of the last of the tables."""
    for columns, rows in list(tables.items())[-1:]:
        for mean in _means(rows).values():
            report.say(line(columns, mean))


def _means(rows: Sequence[Row]) -> dict[str, Row]:
    """Return the means by voice and singer, and of all where these are several."""
    from plugin_bridge.measure.evaluation import mean_row  # noqa: PLC0415 - loads the engine

    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["voice"], row["singer"]), []).append(row)
    found = {
        f"{voice} -> {singer}" if voice else singer: {
            "source": f"MEAN {voice}".strip(),
            "singer": singer,
            **mean_row(some),
        }
        for (voice, singer), some in groups.items()
    }
    if len(groups) > 1:
        voices = any(voice for voice, _ in groups)
        what = ("all copies" if rows[0]["copy"] else "all conversions") if voices else "all"
        found[what] = {"source": "MEAN", "singer": what, **mean_row(rows)}
    return found


def _phones(rows: Sequence[Row]) -> dict[str, list[Row]]:
    from plugin_bridge.measure.confusions import confusion_rows  # noqa: PLC0415 - loads numpy

    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(f"{'copies' if row['copy'] else 'conversions'} to {row['singer']}", []).append(row)
    found = {name: confusion_rows(some) for name, some in groups.items()}
    return {name: counted for name, counted in found.items() if counted}


def _scored(arguments: argparse.Namespace, report: Report) -> Iterator[Row]:
    """Yield the row of every take: first the conversions, then the copies."""
    from plugin_bridge.measure.audition import sing  # noqa: PLC0415 - loads the engine

    plan = _plan(arguments)
    singers = _singers(arguments, plan)
    targets = {name: _target(plan, name, singer.id, arguments.judge) for name, singer in singers.items()}
    music = _music(arguments, len(plan.items))
    judged = cache(lambda index: _judged(plan.items[index], music[index], arguments))
    values = parameter_values(arguments)
    own: dict[str, Value] = {"transpose": 0.0, "likeness": 0.0, **values}
    for copy in (False, True):
        for name, singer in singers.items():
            for index, item in enumerate(plan.items):
                if copy != (plan.copies or item.voice == singer.id):
                    continue
                source, judge = judged(index)
                take = sing(source, singer, own if copy else values, arguments.pitch)
                label = _label(singer, name, singers, plan)
                scores = _scores(take, label, targets[name], copy=copy)
                _plot(report, take, scores)
                voice = judge.score(take, label, targets[name], copy=copy)
                yield {**asdict(scores), **asdict(voice), "voice": item.voice, "copy": copy}


def _scores(take: Take, singer: str, target: Target, *, copy: bool) -> Scores:
    from plugin_bridge.measure.evaluation import score_conversion, score_copy  # noqa: PLC0415 - the engine

    return score_copy(take, singer, target) if copy else score_conversion(take, singer, target)


def _judged(item: Item, music: Path | None, arguments: argparse.Namespace) -> tuple[Source, VoiceJudge]:
    from plugin_bridge.measure.audition import heard  # noqa: PLC0415 - loads the engine
    from plugin_bridge.measure.clips import read_clip  # noqa: PLC0415 - loads numpy
    from plugin_bridge.measure.voicescores import VoiceJudge  # noqa: PLC0415

    clip = read_clip(item.paths, item.name, item.spelt, item.language)
    mix = None if music is None else _measured(_mix, clip, read_clip([music]), arguments.snr)
    source = _measured(heard, clip, item.seconds, mix, arguments.judge)
    return source, VoiceJudge(source.clip)


def _plan(arguments: argparse.Namespace) -> Plan:
    from plugin_bridge.measure import plan  # noqa: PLC0415 - loads pydantic

    try:
        if arguments.copy:
            return plan.plan_of_copies(arguments.copy, arguments.singer, arguments.seconds)
        if arguments.plan is None:
            return plan.plan_of(arguments.sources, arguments.singer, arguments.reference, arguments.seconds)
        read = plan.read_plan(arguments.plan, arguments.data)
        named = plan.named_references(arguments.reference, arguments.singer)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return replace(read, references={**read.references, **named})


def _singers(arguments: argparse.Namespace, plan: Plan) -> dict[str, Singer]:
    """Return the singers by the names they were given; with a plan all that ship where none were given."""
    from plugin_bridge.engine.library import SingerLibrary  # noqa: PLC0415 - loads onnxruntime

    library = SingerLibrary()
    names = arguments.singer or library.known()
    singers = {name: library.load([name])[0] for name in names}
    for name, singer in singers.items():
        if not (name in plan.references or singer.id in plan.references):
            raise UsageError(
                f"singer {name!r} has no held-out recordings; give --reference {singer.id}=FOLDER"
            )
    return singers


def _label(singer: Singer, name: str, singers: Mapping[str, Singer], plan: Plan) -> str:
    """Return what tells a singer from the others in a table."""
    if plan.copies:
        return f"{singer.id} {singer.kind}"
    alone = [one.id for one in singers.values()].count(singer.id) == 1
    return singer.id if alone else Path(name).stem


def _target(plan: Plan, name: str, singer: str, likeness: str) -> Target:
    """Return a singer's held-out recordings."""
    from plugin_bridge.measure.clips import read_clip  # noqa: PLC0415 - loads numpy
    from plugin_bridge.measure.target import Target  # noqa: PLC0415

    paths = plan.references.get(name) or plan.references[singer]
    return cast("Target", _measured(Target, [read_clip([path]) for path in paths], likeness))


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


def _plot(report: Report, take: Take, scores: Scores) -> None:
    from models.metrics.plots import plot_pair  # noqa: PLC0415 - loads numpy
    from plugin_bridge.measure.evaluation import CopyScores  # noqa: PLC0415 - loads the engine

    if isinstance(scores, CopyScores):
        note = f"loss {scores.stft_loss:.3f}, PESQ {scores.pesq:.2f}"
    else:
        note = f"{scores.cents:.1f} cents, voicing F1 {scores.voicing_f1:.3f}"
    source = take.source
    draw = partial(
        plot_pair,
        title=f"{scores.source} sung by {scores.singer}: {note}",
        sounds=(source.clip.audio if source.mix is None else source.mix, take.output),
        sample_rate=source.clip.sample_rate,
        pitches=(take.requested, take.pitch),
    )
    report.draw(f"{scores.source}-{scores.singer}", draw)
