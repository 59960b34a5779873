"""Prepare a bounce: read its automation, load its singers, measure its source and build the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from dsp.units import hz_to_semitones
from plugin_bridge.bounce.automation import has_unheard_notes, with_ids
from plugin_bridge.bounce.script import Script, asks_for_auto, heard_first, script_asked
from plugin_bridge.bounce.settings import BounceSettings
from plugin_bridge.bounce.sources import Source, Stem
from plugin_bridge.control.events import AnyEvent
from plugin_bridge.control.parameters import PARAMETERS, SINGERS, Value
from plugin_bridge.engine.engine import Engine
from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.engine.pitchtracking import USUAL
from plugin_bridge.engine.rendering import Float32, Processor, reblocked
from plugin_bridge.engine.singers import Singer
from plugin_bridge.engine.sourcepitch import WINDOW_SECONDS, median_of_windows, octave_shift
from plugin_bridge.engine.spares import Spares
from plugin_bridge.errors import SingerFileError
from plugin_bridge.files.reader import AudioReader
from plugin_bridge.files.resampling import native_rate, resampled

if TYPE_CHECKING:
    from plugin_bridge.chain.preset import Preset


@dataclass(frozen=True)
class Plan:
    """Everything a bounce needs to start."""

    processor: Processor
    """Fresh, at `rate`."""
    rate: int
    """Of the engine, hertz."""
    events: list[AnyEvent]
    """In order, positions at `rate`."""
    singer: str
    """Id of the singer heard most at the first sample."""
    source_pitch: float | None
    """Median of the source in hertz, where `auto` asked for it and something is voiced."""
    auto_transpose: float | None
    """What `auto` means for that singer, semitones."""
    finish: Callable[[], None]
    """Called when the processor is not needed any more: the next file may use parts of it again."""


def planned(
    source: Source, settings: BounceSettings, library: SingerLibrary, report: Callable[[str], None]
) -> Plan:
    """Prepare the bounce of an open source.

    Args:
        source: an audio file or a session.
        settings: what is asked for.
        library: singers loaded so far.
        report: called with a sentence for a person to see.

    Raises:
        AudioFileError, ScoreError, SessionError, SingerFileError: one sentence.
    """
    rate = native_rate(source.sample_rate)
    asked = script = script_asked(settings, rate, source.sample_rate, report)
    own_transpose = PARAMETERS["transpose"].default
    tracker = settings.pitch or (settings.preset.pitch if settings.preset else "")
    if source.note:
        report(source.note)
    if not isinstance(source, AudioReader | Stem):  # a session
        from plugin_bridge.bounce.take import taken_again  # noqa: PLC0415 - with the models of sessions, 20 ms

        script = taken_again(source, asked, library)
        own_transpose = 0.0  # what `auto` found live, it finds again
        tracker = tracker or source.header.pitch
    if not script.singers:
        raise SingerFileError("no singer is chosen; add --singer with " + library.listed())
    singers = library.load(script.singers)
    ids = {name: library.id_of(name) for name in script.singers}
    events = with_ids(script.events, ids)
    values = {"singer": script.singers[0], "morph_singer": "", **script.values}
    values |= {name: ids[str(values[name])] for name in SINGERS if values[name]}
    if asked.events:
        _report_oddities(asked.events, script, source.frames * rate // source.sample_rate, report)
    loaded = {singer.id: singer for singer in singers}
    first = loaded[heard_first(values, events, list(loaded))]
    pitch = shift = None
    if asks_for_auto(asked.values, asked.events, own_transpose):
        pitch = median_pitch(source, rate, tracker or USUAL) or None
    if pitch is not None:
        values["source_pitch"] = pitch
        shift = octave_shift(hz_to_semitones(pitch), hz_to_semitones(first.manifest.f0_median))
    how = _EngineSettings(script.seed or 0, tracker or USUAL, rate, source.channels)
    processor, finish = _processor(settings.preset, singers, values, how)
    if not isinstance(source, AudioReader | Stem):
        from plugin_bridge.bounce.take import Interrupted  # noqa: PLC0415

        processor = Interrupted(processor, source.gaps, source.missed if settings.dropouts else ())
    return Plan(processor, rate, events, first.id, pitch, shift, finish)


def median_pitch(source: Source, sample_rate: int, pitch: str = USUAL) -> float:
    """Return the median pitch of what is voiced in a source in hertz, 0 where nothing is.

    Args:
        source: open; it is read to its end, and can be read again.
        sample_rate: the native rate at which it is heard, hertz.
        pitch: how it is heard, one of `plugin_bridge.engine.pitchtracking.PITCHES`.

    Raises:
        AudioFileError, SessionError: it cannot be read.
    """
    stream = resampled(source.chunks(), source.channels, source.sample_rate, sample_rate)
    return median_of_windows(reblocked(stream, WINDOW_SECONDS * sample_rate), sample_rate, pitch)


class _EngineSettings(NamedTuple):
    """Settings of an engine besides its singers and parameter values."""

    seed: int
    pitch: str
    sample_rate: int
    channels: int


_ENGINES: Spares[tuple[Engine, Sequence[Singer]]] = Spares(2)
"""To make one takes 30 ms. Each comes with the singers by whose places in memory it is found."""


def _processor(
    preset: Preset | None, singers: Sequence[Singer], values: dict[str, Value], how: _EngineSettings
) -> tuple[Processor, Callable[[], None]]:
    """Return a processor that is new, or as new, and what to call when it is not needed any more."""
    if preset is not None and (preset.before or preset.after):
        return _Effects(preset, singers, values, how), lambda: None
    key = (how, *map(id, singers))
    if (spare := _ENGINES.take(key)) is not None:
        engine = spare[0]
        engine.reset(values)
    else:
        form = (how.sample_rate, how.channels)
        engine = Engine(*form, singers, seed=how.seed, parameters=values, pitch=how.pitch)
        engine.offline = True

    def finish() -> None:
        engine.reset()  # it may hold megabytes of frames that silent singers did not need
        _ENGINES.give(key, (engine, singers))

    return engine, finish


class _Effects:
    """The singer between a preset's effects."""

    def __init__(
        self, preset: Preset, singers: Sequence[Singer], values: Mapping[str, Value], how: _EngineSettings
    ) -> None:
        from plugin_bridge.chain.preset import effects_of  # noqa: PLC0415 - loads pedalboard
        from plugin_bridge.chain.stage import SingerConversion  # noqa: PLC0415
        from plugin_bridge.chain.stream import Stream  # noqa: PLC0415

        rest = {name: value for name, value in values.items() if name != "singer"}
        first, *others = sorted(singers, key=lambda singer: singer.id != values["singer"])
        stage = SingerConversion(first, singers=others, seed=how.seed, pitch=how.pitch, parameters=rest)
        before, after = effects_of(preset.before), effects_of(preset.after)
        self._stream = Stream([*before, stage, *after], how.sample_rate, how.channels, offline=True)
        self.latency = self._stream.latency

    @property
    def faults(self) -> int:
        return self._stream.faults

    @property
    def beyond(self) -> int:
        return self._stream.beyond

    @property
    def voiced(self) -> int:
        return self._stream.voiced

    def process(self, block: Float32, events: Iterable[AnyEvent] = ()) -> Float32:
        self._stream.schedule(events)
        return self._stream.process(block)


def _report_oddities(
    events: list[AnyEvent], script: Script, frames: int, report: Callable[[str], None]
) -> None:
    beyond = sum(event.position >= frames for event in events)
    if beyond:
        report(
            f"{beyond} of {len(events)} events {'lies' if beyond == 1 else 'lie'} after the end of the source"
        )
    if has_unheard_notes(script.events, script.values.get("melody")):
        report("the automation has notes, but nothing turns them on; add --melody to have them sung")
