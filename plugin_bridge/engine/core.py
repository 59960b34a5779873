"""The core of the engine: hops of the source in, hops of the singer out, two hops later."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.consonants import Consonants, Passed
from dsp.controls import VOICED
from dsp.downmix import Downmix
from dsp.features import FeatureExtractor, Features
from dsp.levelhold import LevelHold
from dsp.ltas import Audible, LtasNormalizer
from dsp.smoothing import Segments
from dsp.spectrum import SILENCE_DB, UNVOICED_WIDTH_HZ, envelope, loudness_gain
from dsp.steadying import Steadier
from dsp.synth import Synthesizer
from dsp.units import MAX_F0, MIN_F0, hop_size
from dsp.whisper import Whisper
from plugin_bridge.control.events import AllNotesOff, AnyEvent, Event, EventQueue, NoteOff, NoteOn, PitchBend
from plugin_bridge.control.parameters import QUALITIES, Value
from plugin_bridge.engine.estimators import Estimators
from plugin_bridge.engine.mixing import Mixer, Panner
from plugin_bridge.engine.notes import Melody
from plugin_bridge.engine.parameterstate import ParameterState
from plugin_bridge.engine.pitchcontrol import Course, PitchControl, notes_to_hz
from plugin_bridge.engine.pitchtracking import USUAL, pitch_tracker
from plugin_bridge.engine.singers import Singer
from plugin_bridge.engine.timbre import Breakpoint, Controls, Timbre, Weights, groups
from plugin_bridge.engine.transposition import Transposition

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

LATENCY_HOPS = 2
TAIL_HOPS = 6
"""Two hops of analysis window, one of interpolation, two of filter and one of its transform's rounding."""
REST_HOPS = 100
"""So much exact silence is worked on as any sound; in more of it all but the parameters and the noise stand
still. After a second every analysis has come to rest, and each note has died away."""
CEILING = 16.0
"""24 dB over full scale: no sample that comes out is larger. One that comes in larger is a fault, which the
analysis takes as 0, since the pitch tracker and the pan remember the loudest sample."""


_SUNG_DB = 25.0
"""So far below the loudest a pitch out of range is no concern."""


class Reading(NamedTuple):
    """The newest measurements, for meters."""

    f0: float
    """Pitch of the source, hertz, held through unvoiced frames."""
    voicing: float
    """0..1."""
    loudness: float
    """Source level, A-weighted dB re full scale."""
    f0_out: float
    """Pitch asked of the singer, hertz."""


class _Line(NamedTuple):
    """The plan of one hop."""

    start: int
    """Position of its first sample."""
    asked: float
    """Pitch asked of the singers at its end, hertz."""
    likeness: float
    steps: int
    """Those that refiners may take."""
    course: Course
    """The pitch over the hop."""
    plans: list[list[Breakpoint]]
    """The filter breakpoints of each singer group."""
    shares: list[float | Float64]
    """The gain of each singer group; empty if there is only one."""
    consonants: float | Float64
    """How far they are the source's over the hop."""
    levels: Segments
    """Mix, gain and bypass of the output."""


class _Group:
    """The singers that share a synthesizer."""

    def __init__(self, members: list[int], timbre: Timbre, synthesizer: Synthesizer) -> None:
        self.members = members
        self.timbre = timbre
        self.synthesizer = synthesizer
        self.sung: Float32 = np.zeros(0, np.float32)
        """What the synthesizer gave last."""


class Core:
    """Convert hops of audio under timed events.

    Args:
        sample_rate: a native rate in hertz.
        channels: 1 or 2.
        singers: the set, by id; all of them run, so that a switch needs no warm-up.
        seed: names the noise.
        values: initial parameter values in canonical types.
        pitch: the pitch tracker, one of `plugin_bridge.engine.pitchtracking.PITCHES`.
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
        self.faults = 0
        """See `Engine.faults`."""
        self.beyond = 0
        """See `Engine.beyond`."""
        self.voiced = 0
        """See `Engine.voiced`."""
        self._rise = (np.arange(self.hop) / self.hop).astype(np.float32)
        self.parameters = ParameterState(sample_rate, {"singer": next(iter(singers))} | dict(values))
        self._medians = [singer.manifest.f0_median for singer in singers.values()]
        self._downmix = Downmix(self.hop)
        self._features = FeatureExtractor(sample_rate, pitch_tracker(pitch, sample_rate))
        self._ltas = LtasNormalizer()
        self._steadier = Steadier()
        self._whisper = Whisper()
        self._consonants = Consonants(sample_rate)
        self._audible = Audible(_SUNG_DB)
        self._weights = Weights(sample_rate, self.parameters, list(singers))
        self._melody = Melody(sample_rate)
        self._transposition = Transposition(self.parameters, lambda: self._medians[self._weights.heaviest()])
        self._pitch = PitchControl(self.hop, self.parameters, self._melody)
        self._groups = self._grouped(sample_rate, singers, seed)
        sources = {member: group.synthesizer for group in self._groups for member in group.members}
        holds = [LevelHold(sample_rate, sources[i]) for i in range(len(singers))]
        self._estimators = Estimators(singers.values(), holds)
        self._likeness = self.parameters.ramp("likeness")
        self._kept = self.parameters.ramp("consonants")
        self._alone = pitch == USUAL  # music has no pitch of its own either, and is not to be let through
        self._panner = Panner(self.hop) if channels == 2 else None
        self._mixer = Mixer(self.parameters, channels, self.latency)
        self.reset()

    def _grouped(self, sample_rate: int, singers: Mapping[str, Singer], seed: int) -> list[_Group]:
        found = []
        for members in groups(singers):
            singer = list(singers.values())[members[0]]
            timbre = Timbre(self.hop, self.parameters, singer.kind, [self._weights.ramps[i] for i in members])
            found.append(_Group(members, timbre, singer.synthesizer(sample_rate, seed)))
        return found

    def reset(self) -> None:
        """Return to the state of a new core; events to come are forgotten."""
        self.queue.clear()
        self.parameters.reset()
        self._downmix.reset()
        self._features.reset()
        self._ltas.reset()
        self._steadier.reset()
        self._whisper.reset()
        self._consonants.reset()
        self._audible.reset()
        self._weights.reset()
        self._melody.reset()
        self._melody.enable(bool(self.parameters.values["melody"]), 0)
        self._transposition.reset()
        self._pitch.reset()
        self._estimators.reset()
        for group in self._groups:
            group.timbre.reset()
            group.synthesizer.reset()
            group.sung = np.zeros(0, np.float32)
        if self._panner is not None:
            self._panner.reset()
        self._mixer.reset()
        self._hops = self._silence = 0
        self.repaired = self.faults = self.beyond = self.voiced = 0
        self._voicing = self._gain = self._open = 0.0
        self.reading = Reading(0.0, 0.0, SILENCE_DB, 0.0)

    def render(self, x: Float32) -> Float32:
        """Take the next hops of source and return those `latency` samples before them.

        Each stage runs over all the hops before the next one begins: the caches stay warm, and the cost of a
        call is shared.

        Args:
            x: shape (channels, n), float32, one hop to `dsp.units.MAX_HOPS`; samples that are not finite are
                taken as 0 and counted.
        """
        x, usable = self._repaired(x)
        if usable.item(-1) and self._silence + x.shape[1] // self.hop <= REST_HOPS:  # none can rest
            self._silence = 0
            return self._convert(x, usable)
        parts = [
            self._rest(x[:, span]) if rests else self._convert(x[:, span], usable[:, span])
            for span, rests in self._spans(usable)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _spans(self, usable: Float32) -> list[tuple[slice, bool]]:
        """Cut hops where long silence begins or ends; return of each part whether it lies within."""
        rests = []
        for sounds in np.any(usable.reshape(usable.shape[0], -1, self.hop), axis=(0, 2)).tolist():
            self._silence = 0 if sounds else self._silence + 1
            rests.append(self._silence > REST_HOPS)
        cuts = [0, *(i for i in range(1, len(rests)) if rests[i] != rests[i - 1]), len(rests)]
        return [(slice(a * self.hop, b * self.hop), rests[a]) for a, b in pairwise(cuts)]

    def _rest(self, x: Float32) -> Float32:
        """Let hops within long silence pass."""
        f0, hops = self.reading.f0, x.shape[1] // self.hop
        score = [self._decide(f0, 0.0) for _ in range(hops)]
        self.reading = Reading(f0, 0.0, SILENCE_DB, score[-1].asked)
        for group in self._groups:
            group.synthesizer.skip(x.shape[1])
        return self._mixer.process(x, np.zeros_like(x), [line.levels for line in score])

    def _convert(self, x: Float32, usable: Float32) -> Float32:
        """Do as `render`, with hops of which those that can be analysed are given too."""
        mono = self._downmix.process(usable)
        heard = self._features.process(mono)
        whispers = self._whisper.process(heard)
        passed = self._consonants.process(mono, heard.f0, heard.voicing, whispers[0].tolist())
        audible = self._audible.process(heard.loudness)
        self.beyond += sum(map(operator.and_, heard.beyond, audible))
        self.voiced += sum(voicing > VOICED for voicing in heard.voicing)
        score = [self._decide(f0, voicing) for f0, voicing in zip(heard.f0, heard.voicing, strict=True)]
        self.reading = Reading(heard.f0[-1], heard.voicing[-1], heard.loudness[-1], score[-1].asked)
        voice = self._sing(score, heard, self._estimate(score, heard, whispers), passed)
        wet = voice[None, :] if self._panner is None else self._panner.process(usable, voice)
        return self._bounded(self._mixer.process(x, wet, [line.levels for line in score]), score, heard)

    def heard_pitch(self, frames: int) -> float:
        """See `Engine.heard_pitch`."""
        return self._transposition.heard(frames)

    @property
    def offline(self) -> bool:
        """See `Engine.offline`."""
        return self._estimators.offline

    @offline.setter
    def offline(self, offline: bool) -> None:
        self._estimators.offline = offline

    def use_pause(self) -> bool:
        """See `Engine.use_pause`."""
        return self._estimators.use_pause()

    def _decide(self, f0: float, voicing: float) -> _Line:
        """Take the events of one hop and its analysis frame; return the plan of what is sung."""
        hop = self.hop
        stop = (self._hops + 1 - LATENCY_HOPS) * hop
        start = stop - hop
        if self._hops == 0:  # what is set at time 0 holds before it, as if it were an initial value
            self._take_events(0)
        self._hops += 1
        asked = self._pitch.frame(f0, voicing, start)
        self._likeness.forget(start)
        likeness = self._likeness.value(start)
        steps = QUALITIES[self.parameters.word("quality")]
        self._take_events(stop)
        self._melody.settle(stop)
        course = self._pitch.course(start)
        plans = [group.timbre.plan(start) for group in self._groups]
        shares: list[float | Float64] = []
        if len(plans) > 1:
            shares = [group.timbre.share(start) for group in self._groups]
        consonants = self._kept.segment(start, hop) if self._alone else 0.0
        levels = self._mixer.levels(start, hop)
        self._transposition.listen(f0, voicing, stop + 1)
        return _Line(start, asked, likeness, steps, course, plans, shares, consonants, levels)

    def _repaired(self, x: Float32) -> tuple[Float32, Float32]:
        """Return hops with only their finite samples, and with only those the analysis can use."""
        if _fits(x):
            return x, x
        finite = np.isfinite(x)
        self.repaired += x.size - int(np.count_nonzero(finite))
        none = np.float32(0.0)
        return np.where(finite, x, none), np.where(np.abs(x) <= CEILING, x, none)

    def _bounded(self, y: Float32, score: Sequence[_Line], heard: Features) -> Float32:
        """Return hops of output with finite samples within the ceiling only, and count those at fault."""
        fits = _fits(y)
        if fits and not self._estimators.faulty:
            return y
        faulty = np.zeros(len(score), bool)
        for singer, frames in self._estimators.faulty.items():
            faulty |= frames & [
                level > SILENCE_DB and self._is_heard(singer, line)
                for line, level in zip(score, heard.loudness, strict=True)
            ]
        if not fits:
            for group in self._groups:
                if not np.isfinite(group.sung).all():  # its phase or its filters may be no numbers either
                    group.synthesizer.reset(score[-1].start + self.hop)
            wrong = ~(np.abs(y) <= CEILING)
            faulty |= wrong.reshape(y.shape[0], -1, self.hop).any(axis=(0, 2))
            y = np.clip(
                np.where(np.isfinite(y), y, np.float32(0.0)), np.float32(-CEILING), np.float32(CEILING)
            )
        self.faults += int(np.count_nonzero(faulty))
        return y

    def _estimate(self, score: Sequence[_Line], heard: Features, whispers: Float64) -> list[list[Controls]]:
        """Return the controls of each singer, from the frame before on."""
        widths = [
            max(f0, line.asked) if voicing > VOICED else UNVOICED_WIDTH_HZ
            for line, f0, voicing in zip(score, heard.f0, heard.voicing, strict=True)
        ]
        bands = envelope(heard.spectrum.power, heard.spectrum.loudness, np.array(widths))
        bands = self._ltas.process(bands, heard.loudness)
        bands = self._steadier.process(bands, heard.f0, heard.voicing)
        asked, likeness = [line.asked for line in score], [line.likeness for line in score]
        steps = [line.steps for line in score]
        trained = [min(MAX_F0, max(MIN_F0, hertz)) for hertz in asked]
        facts = np.array((trained, heard.voicing, heard.loudness, likeness, steps, asked, *whispers))
        return self._estimators.process(bands, facts, self._wanted(score))

    def _wanted(self, score: Sequence[_Line]) -> list[bool]:
        """Return for each singer whether its controls are used in any of these hops."""
        wanted = [False] * len(self._medians)
        for number, group in enumerate(self._groups):
            for heard in {point.setting.heard for line in score for point in line.plans[number]}:
                for singer, _ in heard:
                    wanted[group.members[singer]] = True
        return wanted

    def _is_heard(self, singer: int, line: _Line) -> bool:
        """Return whether a singer's controls are used in a hop."""
        number = next(i for i, group in enumerate(self._groups) if singer in group.members)
        place = self._groups[number].members.index(singer)
        return any(one == place for point in line.plans[number] for one, _ in point.setting.heard)

    def _sing(
        self, score: Sequence[_Line], heard: Features, controls: Sequence[list[Controls]], passed: Passed
    ) -> Float32:
        """Render consecutive hops, shape (n,), with the source's consonants in place of the noise."""
        voicing = [self._voicing, *heard.voicing]
        gains = [self._gain, *(loudness_gain(level) for level in heard.loudness)]
        opened = [self._open, *passed.opened]
        self._voicing, self._gain, self._open = voicing[-1], gains[-1], opened[-1]
        gate, gain, kept = _straight((voicing, gains, opened), self._rise)
        kept *= _by_sample([line.consonants for line in score], self.hop)
        hiss = np.float32(1.0) - kept
        f0 = notes_to_hz(self._pitch.samples([line.course for line in score]))
        first = self.hop * sum(line.start < 0 for line in score)  # the noise starts at position 0
        voice = np.zeros(f0.size, np.float32)
        for number, group in enumerate(self._groups):
            plans = [line.plans[number] for line in score]
            knots = group.timbre.knots(plans, [controls[i] for i in group.members], voicing, f0)
            level = gain
            if len(self._groups) > 1:
                level = gain * _by_sample([line.shares[number] for line in score], self.hop)
            if first:
                knots = [k._replace(position=k.position - first) for k in knots if k.position >= first]
            if first < f0.size:
                sung = group.synthesizer.process(f0[first:], gate[first:], level[first:], knots, hiss[first:])
                voice[first:] += sung
                group.sung = sung
        voice += kept * passed.sound
        return voice

    def _take_events(self, position: int) -> None:
        for event in self.queue.until(position):
            self._apply(event)

    def _apply(self, event: AnyEvent) -> None:
        match event:
            case Event():
                self._set(event)
            case NoteOn(position, note):
                self._melody.note_on(note, position, self.parameters.number("glide"))
            case NoteOff(position, note):
                self._melody.note_off(note, position)
            case PitchBend(position, semitones):
                self._melody.bend.move(semitones, position)
            case AllNotesOff(position):
                self._melody.all_off(position)

    def _set(self, event: Event) -> None:
        name, position = event.parameter, event.position
        self.parameters.set(name, event.value, position)
        if name in ("singer", "morph_singer", "morph"):
            self._weights.aim(position)
        if name in ("transpose", "source_pitch", "singer"):
            self._transposition.decide(position)
        if name in ("morph_singer", "morph"):
            self._transposition.ask(position)
        if name == "melody":
            self._melody.enable(bool(event.value), position)


def _fits(x: Float32) -> bool:
    """Return whether all samples are within the ceiling; what is not a number is not."""
    # The first test is the quicker and passes most hops.
    return bool(np.vdot(x, x) <= CEILING**2 or (x.max() <= CEILING and x.min() >= -CEILING))


def _by_sample(values: Sequence[float | Float64], hop: int) -> Float32:
    """Join what each of some hops has, a number or one for each sample; the same number in all stays one."""
    first = values[0]
    if all(value is first for value in values):
        return np.asarray(first, np.float32)
    return np.concatenate([np.broadcast_to(np.float32(value), hop) for value in values])


def _straight(ends: Sequence[Sequence[float]], rise: Float32) -> Float32:
    """Interpolate values a hop apart, (rows, hops + 1), linearly to samples, (rows, samples)."""
    steps = [[stop - start for start, stop in pairwise(row)] for row in ends]
    starts = [row[:-1] for row in ends]
    step, start = np.array((steps, starts), np.float32)[..., None]
    lines: Float32 = step * rise
    lines += start
    return lines.reshape(len(ends), -1)
