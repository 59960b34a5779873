"""Prepare a bounce: read its automation, load its singers, measure its source and build the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dsp.errors import SingerFileError
from dsp.units import hz_to_semitones
from plugin_bridge.audiofile import AudioReader
from plugin_bridge.automation import has_unheard_notes, read_automation, singers_in, with_ids
from plugin_bridge.cast import Cast
from plugin_bridge.dither import DITHER_SEED
from plugin_bridge.engine import Engine
from plugin_bridge.events import AnyEvent, Event
from plugin_bridge.parameters import PARAMETERS, Value
from plugin_bridge.prescan import median_pitch
from plugin_bridge.rendering import Float32, Processor
from plugin_bridge.resampling import native_rate
from plugin_bridge.sourcepitch import octave_shift
from plugin_bridge.voices import Singer

if TYPE_CHECKING:
    from plugin_bridge.presets import Preset

BLOCK = 4096
LARGEST_BLOCK = 1 << 20


@dataclass(frozen=True)
class Settings:
    """How to bounce; the same for all files of a batch."""

    singer: str = ""
    """Id or path of the singer heard first; empty to leave it to the preset or the automation."""
    preset: Preset | None = None
    """A singer, values and effects; the singer and the parameters given here go over it."""
    parameters: Mapping[str, Value] = field(default_factory=dict)
    """Initial values by id, checked."""
    automation: Path | None = None
    """A MIDI file or a JSON-lines score."""
    midi_map: Path | None = None
    """A MIDI map other than the one that ships."""
    seed: int = 0
    """Names the noise of the voice."""
    dither_seed: int = DITHER_SEED
    """Names the noise of the rounding."""
    block: int = BLOCK
    """Samples the engine is given at a time; the result does not depend on it."""
    tail_seconds: float | None = 0.0
    """Rendered after the end of the source; None for as long as something sounds."""
    normalize_db: float | None = None
    """Peak of the output in dBFS; None leaves the level."""
    force: bool = False
    """Replace an output that exists."""

    def __post_init__(self) -> None:
        if not 1 <= self.block <= LARGEST_BLOCK:
            raise ValueError(f"block {self.block!r} is out of range; give 1 to {LARGEST_BLOCK} samples")
        if self.tail_seconds is not None and not 0.0 <= self.tail_seconds <= 3600.0:
            raise ValueError(f"tail {self.tail_seconds!r} is out of range; give 0 to 3600 seconds")
        if self.normalize_db is not None and not -60.0 <= self.normalize_db <= 0.0:
            raise ValueError(f"normalize {self.normalize_db!r} is out of range; give -60 to 0 dBFS")


@dataclass(frozen=True)
class Plan:
    """A bounce that can start."""

    processor: Processor
    """Fresh, at `rate`."""
    rate: int
    """Of the engine, hertz."""
    events: list[AnyEvent]
    """In order, positions at `rate`."""
    singer: str
    """Id of the singer heard first."""
    source_pitch: float | None
    """Median of the source in hertz, where `auto` asked for it and something is voiced."""
    auto_transpose: float | None
    """What `auto` means for that singer, semitones."""


def planned(reader: AudioReader, settings: Settings, cast: Cast, report: Callable[[str], None]) -> Plan:
    """Prepare the bounce of an open file.

    Args:
        reader: the source.
        settings: what is asked for.
        cast: singers loaded so far.
        report: called with a sentence for a person to see.

    Raises:
        AudioFileError, ScoreError, SingerFileError: one sentence.
    """
    rate = native_rate(reader.sample_rate)
    events: list[AnyEvent] = []
    if settings.automation is not None:
        events = read_automation(settings.automation, rate, reader.sample_rate, settings.midi_map, report)
    preset = settings.preset
    values = {**(preset.values() if preset else {}), **settings.parameters}
    morph = str(values.get("morph_singer", ""))
    chosen = settings.singer or (preset.singer if preset else "")
    named = [name for name in (chosen, *singers_in(events, "singer")) if name]
    if not named:
        raise SingerFileError("no singer is chosen; add --singer with " + cast.listed())
    others = [name for name in (morph, *singers_in(events, "morph_singer")) if name]
    singers = cast.load([*named, *others])
    events = with_ids(events, {name: cast.id_of(name) for name in [*named, *others]})
    first = singers[0]
    values |= {"singer": first.id, "morph_singer": cast.id_of(morph) if morph else ""}
    _report_oddities(events, values, reader.frames * rate // reader.sample_rate, report)
    pitch = (median_pitch(reader.path, rate) or None) if _asks_for_auto(values, events) else None
    shift = None
    if pitch is not None:
        values["source_pitch"] = pitch
        shift = octave_shift(hz_to_semitones(pitch), hz_to_semitones(first.manifest.f0_median))
    processor: Processor
    if preset is not None and (preset.before or preset.after):
        processor = _Effects(preset, singers, values, settings.seed, (rate, reader.channels))
    else:
        processor = Engine(rate, reader.channels, singers, seed=settings.seed, parameters=values)
    return Plan(processor, rate, events, first.id, pitch, shift)


class _Effects:
    """The singer between a preset's effects."""

    def __init__(
        self,
        preset: Preset,
        singers: Sequence[Singer],
        values: Mapping[str, Value],
        seed: int,
        form: tuple[int, int],
    ) -> None:
        from plugin_bridge.presets import effects_of  # noqa: PLC0415 - loads pedalboard
        from plugin_bridge.stage import SingerConversion  # noqa: PLC0415
        from plugin_bridge.stream import Stream  # noqa: PLC0415

        rest = {name: value for name, value in values.items() if name != "singer"}
        stage = SingerConversion(singers[0], singers=singers[1:], seed=seed, parameters=rest)
        before, after = effects_of(preset.before), effects_of(preset.after)
        self._stream = Stream([*before, stage, *after], *form)
        self.latency = self._stream.latency

    def process(self, block: Float32, events: Iterable[AnyEvent] = ()) -> Float32:
        self._stream.schedule(events)
        return self._stream.process(block)


def _asks_for_auto(values: Mapping[str, Value], events: Iterable[AnyEvent]) -> bool:
    if values.get("source_pitch"):
        return False
    wanted = [values.get("transpose", PARAMETERS["transpose"].default)]
    wanted += [e.value for e in events if isinstance(e, Event) and e.parameter == "transpose"]
    return "auto" in wanted


def _report_oddities(
    events: list[AnyEvent], values: Mapping[str, Value], frames: int, report: Callable[[str], None]
) -> None:
    beyond = sum(event.position >= frames for event in events)
    if beyond:
        report(f"{beyond} of {len(events)} events lie after the end of the source")
    if has_unheard_notes(events, values.get("melody")):
        report("the automation has notes, but nothing turns them on; add --melody to have them sung")
