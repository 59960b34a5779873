"""From the sung pitch to the pitch that is to be heard, per frame and per sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.controls import VOICED
from dsp.smoothing import Ramps, Segments
from dsp.units import hz_to_semitones, semitones_to_hz
from plugin_bridge.control.scales import notes
from plugin_bridge.engine.correction import Corrector
from plugin_bridge.engine.notes import Melody
from plugin_bridge.engine.parameterstate import ParameterState
from plugin_bridge.engine.vibrato import VibratoFinder

Float64 = NDArray[np.float64]

MIN_HZ = 20.0
MAX_HZ = 6000.0

Track = tuple[float, float, float]
"""Sung line, vibrato and correction at a frame, semitones."""
Course = tuple[Track, Track, Segments]
"""What makes up the pitch over one hop: where it starts, where it stops, and the parameters."""


class PitchControl:
    """Sum the pitch of its parts: sung line, vibrato, correction, interval, melody, tuning.

    Each part is a track over frames, drawn straight between them, times a parameter that moves by the sample;
    so an automated change begins on its sample, and a parameter at rest leaves the sung pitch as it is.

    Args:
        hop: samples per frame.
        parameters: the parameters.
        melody: the notes played.
    """

    def __init__(self, hop: int, parameters: ParameterState, melody: Melody) -> None:
        self._rise = np.arange(hop) / hop
        self._melody = melody
        self._parameters = parameters
        self._vibrato, self._correction = parameters.ramp("vibrato"), parameters.ramp("correction")
        self._transpose, self._fine = parameters.ramp("transpose"), parameters.ramp("fine_tune")
        played = melody.weight, melody.note, melody.bend
        self._ramps = Ramps((self._vibrato, self._correction, self._transpose, *played, self._fine))
        self._finder = VibratoFinder()
        self._corrector = Corrector()
        self.reset()

    def reset(self) -> None:
        """Forget the pitch sung."""
        self._finder.reset()
        self._corrector.reset()
        self._start: Track = (0.0, 0.0, 0.0)
        self._stop = self._start
        self._voiced = False

    def frame(self, f0: float, voicing: float, position: int) -> float:
        """Take the next frame of the sung pitch; return the pitch for the estimator in hertz.

        Args:
            f0: hertz, held through unvoiced frames.
            voicing: 0..1.
            position: the sample one frame earlier. The parameters are read there, so that no change is heard
                before its sample.
        """
        base, voiced = hz_to_semitones(f0), voicing > VOICED
        depth = self._vibrato.value(position)
        share = self._melody.weight.value(position)
        self._finder.listen(base, voiced)
        swing = self._finder.depth() if share > 0.0 or not (depth == self._vibrato.target == 1.0) else 0.0
        sung = base + (depth - 1.0) * swing + self._transpose.value(position)
        amount = self._correction.value(position)
        shift = self._correct(sung, voiced) if amount > 0.0 or self._correction.target > 0.0 else 0.0
        now = (base, swing, shift)
        # As `dsp.controls.onset_hold`: a note that starts out of an unvoiced frame starts on its own pitch.
        self._start = self._stop if self._voiced else now
        self._stop, self._voiced = now, voiced
        pitch = sung + amount * shift
        if share > 0.0:
            played = self._melody.note.value(position) + self._melody.bend.value(position) + depth * swing
            pitch += share * (played - pitch)
        pitch += 0.01 * self._fine.value(position)
        return semitones_to_hz(pitch)

    def course(self, position: int) -> Course:
        """Return what makes up the pitch from the sample `position` to the frame taken last."""
        return self._start, self._stop, self._ramps.segments(position, self._rise.size)

    def samples(self, courses: Sequence[Course]) -> Float64:
        """Return the pitch of the samples of hops that follow on each other, as MIDI note numbers.

        The shape is (n,); see `notes_to_hz`.
        """
        depth, amount, interval, share, note, bend, fine = _joined([levels for _, _, levels in courses])
        pitch = self._lines(courses, 0)
        swing: float | Float64 = 0.0
        if _sounds(depth - 1.0) or _sounds(share):
            swing = self._lines(courses, 1)
            pitch += (depth - 1.0) * swing
        if _sounds(amount):
            pitch += amount * self._lines(courses, 2)
        if _sounds(interval):
            pitch += interval
        if _sounds(share):
            pitch += share * (note + bend + depth * swing - pitch)
        if _sounds(fine):
            pitch += 0.01 * fine
        return pitch.ravel()

    def _lines(self, courses: Sequence[Course], track: int) -> Float64:
        """Draw one of the tracks, shape (hops, hop)."""
        ends = [(start[track], stop[track] - start[track]) for start, stop, _ in courses]
        starts, steps = np.array(ends).T[..., None]
        lines: Float64 = steps * self._rise
        lines += starts
        return lines

    def _correct(self, pitch: float, voiced: bool) -> float:
        parameters = self._parameters
        allowed = notes(parameters.word("scale"), parameters.word("key"))
        return self._corrector.process(pitch, voiced, allowed, parameters.number("retune"))


def _joined(levels: Sequence[Segments]) -> Segments:
    """Return parameters over hops: a number where one holds for all samples, else an array by the hop."""
    if all(level is levels[0] for level in levels):
        return levels[0]
    return tuple(map(_in_rows, zip(*levels, strict=True)))


def _in_rows(values: Segments) -> float | Float64:
    if any(isinstance(value, np.ndarray) for value in values):
        return np.stack(np.broadcast_arrays(*values))
    return values[0] if len(set(values)) == 1 else np.array(values)[:, None]


def _sounds(value: float | Float64) -> bool:
    return not isinstance(value, float) or value != 0.0


def notes_to_hz(pitch: Float64) -> Float64:
    """Turn MIDI note numbers into hertz that can be sung, 20 to 6000, in place."""
    pitch -= 69.0
    pitch *= 1.0 / 12.0
    f0 = np.exp2(pitch, out=pitch)
    f0 *= 440.0
    return np.minimum(np.maximum(f0, MIN_HZ, out=f0), MAX_HZ, out=f0)
