"""The engine's heart: hops of source in, hops of singer out, two hops later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.candidates import F0_HIGH, F0_LOW
from dsp.colour import ColourNormalizer
from dsp.controls import VOICED
from dsp.features import FeatureExtractor, Features
from dsp.spectrum import SILENCE_DB, UNVOICED_WIDTH_HZ, envelope, loudness_gain
from dsp.synth import Knot, Synthesizer
from dsp.units import hop_size
from plugin_bridge.desk import Desk
from plugin_bridge.events import AllNotesOff, AnyEvent, Event, EventQueue, NoteOff, NoteOn, PitchBend
from plugin_bridge.melody import Melody
from plugin_bridge.mixing import Levels, Mixer, Panner
from plugin_bridge.parameters import Value
from plugin_bridge.pitchcontrol import PitchControl
from plugin_bridge.pitchtracking import USUAL, pitch_tracker
from plugin_bridge.timbre import Controls, Timbre, Weights, groups
from plugin_bridge.transposition import Transposition
from plugin_bridge.voices import Singer

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

LATENCY_HOPS = 2
TAIL_HOPS = 6
"""Two hops of analysis window, one of interpolation, two of filter and one of its transform's rounding."""
# A sample 24 dB over full scale is a fault: the analysis, though not the dry path, takes it as 0, for the
# pitch tracker and the pan remember the loudest they heard.
_LOUDEST = 16.0


class Reading(NamedTuple):
    """What the engine last heard, for meters."""

    f0: float
    """Pitch of the source, hertz, held through unvoiced frames."""
    voicing: float
    """0..1."""
    loudness: float
    """Source level, A-weighted dB re full scale."""
    f0_out: float
    """Pitch asked of the singer, hertz."""


class _Line(NamedTuple):
    """One hop of what is to be sung."""

    start: int
    """Position of its first sample."""
    source: Float32
    usable: Float32
    f0: Float64
    gate: Float32
    parts: list[tuple[Float32, list[Knot]]]
    """Level and filters of each group of singers."""
    levels: Levels


class _Group:
    """The singers that share a synthesizer."""

    def __init__(self, members: list[int], timbre: Timbre, synthesizer: Synthesizer) -> None:
        self.members = members
        self.timbre = timbre
        self.synthesizer = synthesizer


class Core:
    """Convert hops of audio under timed events.

    Args:
        sample_rate: a native rate in hertz.
        channels: 1 or 2.
        singers: the set, by id; all of them run, so that a switch needs no warm-up.
        seed: names the noise.
        values: initial parameter values in canonical types.
        pitch: which tracker hears the source, one of `plugin_bridge.pitchtracking.PITCHES`.
    """

    def __init__(
        self,
        sample_rate: int,
        channels: int,
        singers: Mapping[str, Singer],
        seed: int,
        values: Mapping[str, Value],
        pitch: str = USUAL,
    ) -> None:
        self.hop = hop_size(sample_rate)
        self.latency = LATENCY_HOPS * self.hop
        self.tail = TAIL_HOPS * self.hop
        self.queue = EventQueue()
        self.repaired = 0
        """Samples that were not finite and were taken as 0."""
        self._rise = (np.arange(self.hop) / self.hop).astype(np.float32)
        self.desk = Desk(sample_rate, {"singer": next(iter(singers))} | dict(values))
        self._medians = [singer.manifest.f0_median for singer in singers.values()]
        self._features = FeatureExtractor(sample_rate, pitch_tracker(pitch, sample_rate))
        self._colour = ColourNormalizer()
        self._weights = Weights(sample_rate, self.desk, list(singers))
        self._melody = Melody(sample_rate)
        self._transposition = Transposition(self.desk, lambda: self._medians[self._weights.heaviest()])
        self._pitch = PitchControl(self.hop, self.desk, self._melody)
        self._estimators = [singer.start() for singer in singers.values()]
        self._groups = self._grouped(sample_rate, singers, seed)
        self._likeness = self.desk.ramp("likeness")
        self._panner = Panner() if channels == 2 else None
        self._mixer = Mixer(self.desk, channels, self.latency)
        self.reset()

    def _grouped(self, sample_rate: int, singers: Mapping[str, Singer], seed: int) -> list[_Group]:
        found = []
        for members in groups(singers):
            singer = list(singers.values())[members[0]]
            timbre = Timbre(self.desk, singer.kind, [self._weights.ramps[i] for i in members])
            found.append(_Group(members, timbre, singer.synthesizer(sample_rate, seed)))
        return found

    def reset(self) -> None:
        """Return to the state of a new core; events to come are forgotten."""
        self.queue.clear()
        self.desk.reset()
        self._features.reset()
        self._colour.reset()
        self._weights.aim(0)
        self._melody.reset()
        self._melody.enable(bool(self.desk.values["melody"]), 0)
        self._transposition.reset()
        self._pitch.reset()
        for estimator in self._estimators:
            estimator.reset()
        for group in self._groups:
            group.timbre.reset()
            group.synthesizer.reset()
        if self._panner is not None:
            self._panner.reset()
        self._mixer.reset()
        self._hops = 0
        self.repaired = 0
        self._voicing = 0.0
        self._gain = 0.0
        self.reading = Reading(0.0, 0.0, SILENCE_DB, 0.0)

    def render(self, x: Float32) -> Float32:
        """Take the next hops of source and return those `latency` samples before them.

        What listens and decides goes hop by hop; the synthesizers then render all hops at once.

        Args:
            x: shape (channels, n), float32, one hop to `dsp.units.MOST_HOPS`; samples that are not finite are
                taken as 0 and counted.
        """
        hop = self.hop
        score = [self._decide(x[:, at : at + hop]) for at in range(0, x.shape[1], hop)]
        voice = self._sing(score)
        out = np.empty(x.shape, np.float32)
        for index, line in enumerate(score):
            span = slice(index * hop, (index + 1) * hop)
            wet = self._pan(line.usable, voice[span])
            out[:, span] = self._mixer.process(line.source, wet, line.levels)
        return out

    def _decide(self, x: Float32) -> _Line:
        """Hear one hop, take its events, and say what is to be sung."""
        stop = (self._hops + 1 - LATENCY_HOPS) * self.hop
        start = stop - self.hop
        if self._hops == 0:  # what is set at time 0 holds before it, as if it were an initial value
            self._take_events(0)
        self._hops += 1
        x, usable = self._repaired(x)
        mono = usable[0] if x.shape[0] == 1 else np.float32(0.5) * (usable[0] + usable[1])
        heard = self._features.process(mono)
        f0_out = self._pitch.frame(heard.f0, heard.voicing, start)
        controls = self._estimate(heard, f0_out, start)
        self._take_events(stop)
        self._melody.settle(stop)
        gain_after = loudness_gain(heard.loudness)
        gate, gain = (
            self._line(*ends) for ends in ((self._voicing, heard.voicing), (self._gain, gain_after))
        )
        self._voicing, self._gain = heard.voicing, gain_after
        f0 = self._pitch.samples(start, self.hop)
        parts = [self._part(group, start, controls, heard.voicing, f0, gain) for group in self._groups]
        levels = self._mixer.levels(start, self.hop)
        self._transposition.listen(heard.f0, heard.voicing, stop + 1)
        self.reading = Reading(heard.f0, heard.voicing, heard.loudness, f0_out)
        return _Line(start, x, usable, f0, gate, parts, levels)

    def _repaired(self, x: Float32) -> tuple[Float32, Float32]:
        """Return a hop with finite samples only, and with usable ones only."""
        level = np.abs(x)
        if level.max() <= _LOUDEST:  # not a number fails, too
            return x, x
        finite = np.isfinite(x)
        self.repaired += x.size - int(np.count_nonzero(finite))
        none = np.float32(0.0)
        return np.where(finite, x, none), np.where(level <= _LOUDEST, x, none)

    def _pan(self, x: Float32, voice: Float32) -> Float32:
        return voice[None, :] if self._panner is None else self._panner.process(x, voice)

    def _estimate(self, heard: Features, f0_out: float, position: int) -> list[Controls]:
        width = max(heard.f0, f0_out) if heard.voicing > VOICED else UNVOICED_WIDTH_HZ
        bands = envelope(heard.spectrum.power, heard.spectrum.loudness, width)
        bands = self._colour.process(bands, heard.loudness)
        self._likeness.forget(position)
        likeness = self._likeness.value(position)
        trained = min(F0_HIGH, max(F0_LOW, f0_out))
        return [e.step(bands, trained, heard.voicing, heard.loudness, likeness) for e in self._estimators]

    def _part(
        self, group: _Group, start: int, controls: list[Controls], voicing: float, f0: Float64, gain: Float32
    ) -> tuple[Float32, list[Knot]]:
        """Return the level and the filters of one group of singers over a hop."""
        knots = group.timbre.knots(start, [controls[i] for i in group.members], voicing, f0)
        if len(self._groups) > 1:
            gain = gain * np.asarray(group.timbre.share(start, self.hop), np.float32)
        return gain, knots

    def _sing(self, score: Sequence[_Line]) -> Float32:
        """Render lines that follow on each other, shape (n,)."""
        voice = np.zeros(len(score) * self.hop, np.float32)
        sung = [line for line in score if line.start >= 0]  # the noise starts at position 0
        if not sung:
            return voice
        f0 = np.concatenate([line.f0 for line in sung])
        gate = np.concatenate([line.gate for line in sung])
        for number, group in enumerate(self._groups):
            levels, found = zip(*(line.parts[number] for line in sung), strict=True)
            knots = [found[0][0]]
            for index, part in enumerate(found):
                at = index * self.hop
                knots += [knot._replace(position=at + knot.position) for knot in part[1:]]
            voice[-f0.size :] += group.synthesizer.process(f0, gate, np.concatenate(levels), knots)
        return voice

    def _line(self, start: float, stop: float) -> Float32:
        return np.float32(start) + np.float32(stop - start) * self._rise

    def _take_events(self, position: int) -> None:
        for event in self.queue.until(position):
            self._apply(event)

    def _apply(self, event: AnyEvent) -> None:
        match event:
            case Event():
                self._set(event)
            case NoteOn(position, note):
                self._melody.note_on(note, position, self.desk.number("glide"))
            case NoteOff(position, note):
                self._melody.note_off(note, position)
            case PitchBend(position, semitones):
                self._melody.bend.move(semitones, position)
            case AllNotesOff(position):
                self._melody.all_off(position)

    def _set(self, event: Event) -> None:
        name, position = event.parameter, event.position
        self.desk.set(name, event.value, position)
        if name in ("singer", "morph_singer", "morph"):
            self._weights.aim(position)
        if name in ("transpose", "source_pitch", "singer"):
            self._transposition.decide(position)
        if name == "melody":
            self._melody.enable(bool(event.value), position)
