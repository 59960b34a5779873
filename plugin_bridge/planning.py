"""Prepare a bounce: read its automation, load its singers, measure its source and build the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dsp.errors import SingerFileError
from dsp.units import MOST_SEED, hz_to_semitones
from plugin_bridge.automation import has_unheard_notes, with_ids
from plugin_bridge.cast import Cast
from plugin_bridge.dither import DITHER_SEED
from plugin_bridge.engine import Engine
from plugin_bridge.events import AnyEvent
from plugin_bridge.live.sessionreader import SessionReader
from plugin_bridge.parameters import PARAMETERS, SINGERS, Value, is_number, is_whole
from plugin_bridge.pitchtracking import USUAL, check_pitch
from plugin_bridge.prescan import median_pitch
from plugin_bridge.rendering import Float32, Processor
from plugin_bridge.resampling import native_rate
from plugin_bridge.script import Script, asks_for_auto, heard_first, script_asked
from plugin_bridge.sourcepitch import octave_shift
from plugin_bridge.sources import Source
from plugin_bridge.take import Interrupted, taken_again
from plugin_bridge.voices import Singer

if TYPE_CHECKING:
    from plugin_bridge.presets import Preset

BLOCK = 30720
"""Sixty-four hops at 48 kHz: rows of hops cost the engine less than hops one by one."""
LARGEST_BLOCK = 1 << 20


@dataclass(frozen=True)
class Settings:
    """How to bounce; the same for all files of a batch.

    Raises:
        TypeError: a tail that is no number.
        ValueError: a value out of range, or no such way to hear pitch.
    """

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
    seed: int | None = None
    """Names the noise of the voice; None for the session's own, or 0."""
    pitch: str = ""
    """How the pitch of the source is heard, one of `plugin_bridge.pitchtracking.PITCHES`; empty for the
    preset's way, else the session's, else the usual one."""
    dither_seed: int = DITHER_SEED
    """Names the noise of the rounding."""
    block: int = BLOCK
    """Samples the engine is given at a time; the result does not depend on it."""
    tail_seconds: float | None = 0.0
    """Rendered after the end of the source; None for as long as something sounds."""
    normalize_db: float | None = None
    """Peak of the output in dBFS; None leaves the level."""
    dropouts: bool = True
    """Whether a session falls silent where it did live because the engine was late."""
    force: bool = False
    """Replace an output that exists."""

    def __post_init__(self) -> None:
        if self.pitch:
            check_pitch(self.pitch)
        for what, seed in (("seed", self.seed), ("dither seed", self.dither_seed)):
            if seed is not None and not (is_whole(seed) and 0 <= int(seed) <= MOST_SEED):
                raise ValueError(
                    f"{what} {seed!r} does not name a noise; give a whole number from 0 to 2^63 - 1"
                )
        if not (is_whole(self.block) and 1 <= int(self.block) <= LARGEST_BLOCK):
            raise ValueError(f"block {self.block!r} is out of range; give 1 to {LARGEST_BLOCK} samples")
        if self.tail_seconds is not None and not is_number(self.tail_seconds):
            raise TypeError(
                f"tail {self.tail_seconds!r} is not a number; give seconds, or None for all of it"
            )
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
    """Id of the singer heard most at the first sample."""
    source_pitch: float | None
    """Median of the source in hertz, where `auto` asked for it and something is voiced."""
    auto_transpose: float | None
    """What `auto` means for that singer, semitones."""


def planned(source: Source, settings: Settings, cast: Cast, report: Callable[[str], None]) -> Plan:
    """Prepare the bounce of an open source.

    Args:
        source: an audio file or a session.
        settings: what is asked for.
        cast: singers loaded so far.
        report: called with a sentence for a person to see.

    Raises:
        AudioFileError, ScoreError, SessionError, SingerFileError: one sentence.
    """
    rate = native_rate(source.sample_rate)
    asked = script = script_asked(settings, rate, source.sample_rate, report)
    own_transpose = PARAMETERS["transpose"].default
    tracker = settings.pitch or (settings.preset.pitch if settings.preset else "")
    if isinstance(source, SessionReader):
        if source.note:
            report(source.note)
        script = taken_again(source, asked, cast)
        own_transpose = 0.0  # what `auto` found live, it finds again
        tracker = tracker or source.header.pitch
    if not script.singers:
        raise SingerFileError("no singer is chosen; add --singer with " + cast.listed())
    singers = cast.load(script.singers)
    ids = {name: cast.id_of(name) for name in script.singers}
    events = with_ids(script.events, ids)
    values = {"singer": script.singers[0], "morph_singer": "", **script.values}
    values |= {name: ids[str(values[name])] for name in SINGERS if values[name]}
    if asked.events:
        _report_oddities(asked.events, script, source.frames * rate // source.sample_rate, report)
    loaded = {singer.id: singer for singer in singers}
    first = loaded[heard_first(values, events, list(loaded))]
    pitch = shift = None
    if asks_for_auto(asked.values, asked.events, own_transpose):
        pitch = median_pitch(source.path, rate, tracker or USUAL) or None
    if pitch is not None:
        values["source_pitch"] = pitch
        shift = octave_shift(hz_to_semitones(pitch), hz_to_semitones(first.manifest.f0_median))
    made = _Making(script.seed or 0, tracker or USUAL, rate, source.channels)
    processor = _processor(settings.preset, singers, values, made)
    if isinstance(source, SessionReader):
        processor = Interrupted(processor, source.gaps, source.missed if settings.dropouts else ())
    return Plan(processor, rate, events, first.id, pitch, shift)


class _Making(NamedTuple):
    """What an engine is made of besides its singers and values."""

    seed: int
    pitch: str
    sample_rate: int
    channels: int


def _processor(
    preset: Preset | None, singers: Sequence[Singer], values: dict[str, Value], made: _Making
) -> Processor:
    if preset is not None and (preset.before or preset.after):
        return _Effects(preset, singers, values, made)
    form = (made.sample_rate, made.channels)
    return Engine(*form, singers, seed=made.seed, parameters=values, pitch=made.pitch)


class _Effects:
    """The singer between a preset's effects."""

    def __init__(
        self, preset: Preset, singers: Sequence[Singer], values: Mapping[str, Value], made: _Making
    ) -> None:
        from plugin_bridge.presets import effects_of  # noqa: PLC0415 - loads pedalboard
        from plugin_bridge.stage import SingerConversion  # noqa: PLC0415
        from plugin_bridge.stream import Stream  # noqa: PLC0415

        rest = {name: value for name, value in values.items() if name != "singer"}
        first, *others = sorted(singers, key=lambda singer: singer.id != values["singer"])
        stage = SingerConversion(first, singers=others, seed=made.seed, pitch=made.pitch, parameters=rest)
        before, after = effects_of(preset.before), effects_of(preset.after)
        self._stream = Stream([*before, stage, *after], made.sample_rate, made.channels)
        self.latency = self._stream.latency

    def process(self, block: Float32, events: Iterable[AnyEvent] = ()) -> Float32:
        self._stream.schedule(events)
        return self._stream.process(block)


def _report_oddities(
    events: list[AnyEvent], script: Script, frames: int, report: Callable[[str], None]
) -> None:
    beyond = sum(event.position >= frames for event in events)
    if beyond:
        report(f"{beyond} of {len(events)} events lie after the end of the source")
    if has_unheard_notes(script.events, script.values.get("melody")):
        report("the automation has notes, but nothing turns them on; add --melody to have them sung")
