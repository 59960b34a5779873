"""`plugin-bridge evaluate --melody`: pitch trackers compared on voices under accompaniment."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from plugin_bridge.commands import UsageError
from plugin_bridge.commands.options import parameter_values
from plugin_bridge.commands.report import Report
from plugin_bridge.measure.metricstable import MELODY, header, line

if TYPE_CHECKING:
    from plugin_bridge.measure.clips import Clip
    from plugin_bridge.measure.melodytable import MelodyScores, Trial
    from plugin_bridge.measure.melodyvoices import Voice

DRAWN = "5 dB"
"""The level at which tracks are drawn."""
_PANELS = {"rmse": "F0RMSE, ln f0", "accuracy": "frames right", "voicing_f1": "voicing F1"}


def run_melody(arguments: argparse.Namespace) -> int:
    """Print a row for each tracker and level."""
    from models.metrics.extras import check_installed  # noqa: PLC0415
    from plugin_bridge.measure.clips import read_clip, recordings  # noqa: PLC0415 - loads numpy
    from plugin_bridge.measure.melodytable import scores  # noqa: PLC0415 - loads the engine
    from plugin_bridge.measure.melodyvoices import LEVELS, left_out  # noqa: PLC0415

    if not arguments.music:
        raise UsageError("accompaniment is needed; give files or folders of it with --music")
    check_installed("swift_f0", "mir_eval", *(("matplotlib",) if arguments.plots is not None else ()))
    names = _trackers(arguments.tracker)
    report = Report(arguments)
    music = [read_clip([path]) for path in recordings(arguments.music)]
    voices = list(_voices(arguments))
    for name in names:  # what they load and compile at first is no cost of theirs
        _warm_up(name, voices[0])
    found: list[Trial] = []
    for voice in _progress(voices):
        found += _tried(report, voice, music, names)
    rows = scores(found)
    share, seconds = left_out(voices), sum(voice.clip.seconds for voice in voices)
    exact = sum(voice.reference.exact for voice in voices)
    report.say(
        f"{len(voices)} voices, {seconds:.1f} s, {exact} with exact labels; "
        f"{share:.1%} of the frames carry no score"
    )
    report.say(header(MELODY))
    for row in rows:
        report.say(line(MELODY, asdict(row)))
    _draw(report, rows)
    report.finish(
        {
            "left_out": share,
            "rows": [asdict(row) for row in rows],
            "voices": {
                trial.voice: {
                    "music": trial.music,
                    "exact": trial.reference.exact,
                    "rows": [asdict(row) for row in scores([t for t in found if t.voice == trial.voice])],
                }
                for trial in found[:: len(names) * len(LEVELS)]
            },
        }
    )
    return 0


def _trackers(asked: Sequence[str]) -> list[str]:
    """Return the trackers to compare: those asked for, or all that can run here."""
    from models.metrics.trackers import TRACKERS  # noqa: PLC0415 - loads numpy

    for name in asked:
        if name not in TRACKERS:
            raise UsageError(f"tracker {name!r} is unknown; choose from {', '.join(TRACKERS)}")
        if not TRACKERS[name].available:
            raise UsageError(f"tracker {name!r} is not installed; get it: {TRACKERS[name].install}")
    return list(dict.fromkeys(asked)) or [name for name, row in TRACKERS.items() if row.available]


def _voices(arguments: argparse.Namespace) -> Iterator[Voice]:
    from plugin_bridge.engine.library import SingerLibrary  # noqa: PLC0415 - loads onnxruntime
    from plugin_bridge.measure.clips import recordings  # noqa: PLC0415
    from plugin_bridge.measure.melodyvoices import read_voice, resung  # noqa: PLC0415

    singers = SingerLibrary().load(arguments.singer)
    values = parameter_values(arguments)
    for path in recordings(arguments.melody):
        try:
            voice = read_voice(path, arguments.seconds)
        except ValueError as error:
            raise UsageError(str(error)) from error
        if not singers:
            yield voice
        for singer in singers:
            yield resung(voice, singer, values, arguments.pitch)


def _tried(report: Report, voice: Voice, music: Sequence[Clip], names: Sequence[str]) -> list[Trial]:
    from models.metrics.melodyplots import plot_tracks  # noqa: PLC0415 - loads numpy
    from plugin_bridge.measure.melodytable import trials  # noqa: PLC0415
    from plugin_bridge.measure.melodyvoices import under_music  # noqa: PLC0415

    try:
        mixes = under_music(voice, music)
    except ValueError as error:
        raise UsageError(f"{voice.clip.name}: {error}") from error
    found = list(trials(voice, mixes, names))
    draw = partial(
        plot_tracks,
        title=f"{voice.clip.name} over {mixes.music} at {DRAWN}",
        audio=mixes.levels[DRAWN],
        sample_rate=voice.clip.sample_rate,
        reference=voice.reference,
        tracks={trial.tracker: trial.track for trial in found if trial.snr == DRAWN},
    )
    report.draw(f"melody-{voice.clip.name}", draw)
    return found


def _warm_up(name: str, voice: Voice) -> None:
    from models.metrics.trackers import TRACKERS  # noqa: PLC0415 - loads numpy

    clip = voice.clip
    TRACKERS[name].track(clip.audio[: clip.sample_rate // 2], clip.sample_rate)


def _draw(report: Report, rows: Sequence[MelodyScores]) -> None:
    from models.metrics.melodyplots import plot_errors  # noqa: PLC0415 - loads numpy

    levels = list(dict.fromkeys(row.snr for row in rows))
    names = list(dict.fromkeys(row.tracker for row in rows))
    panels = {
        title: {name: [getattr(row, field) for row in rows if row.tracker == name] for name in names}
        for field, title in _PANELS.items()
    }
    report.draw(
        "melody", partial(plot_errors, title="Pitch under accompaniment", levels=levels, panels=panels)
    )


def _progress(voices: Sequence[Voice]) -> Iterable[Voice]:
    """Show how far the work is, where a person watches."""
    from tqdm import tqdm  # noqa: PLC0415 - only where it is seen

    return tqdm(voices, desc="voices", unit="voice", disable=None, leave=False)
