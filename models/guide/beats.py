"""Where the beats and bars of a backing track lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.guide.steps import BEATS_PER_BAR, PER_BAR, PER_BEAT
from models.optional import imports

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

DEFAULT_BPM = 100.0
"""Tempo of the grid under a sound without beats."""
MIN_BPM, MAX_BPM = 66.0, 180.0
USUAL_BPM = 120.0
UNUSUAL = 1.0
"""Loss of a tempo an octave away from the usual one, against repeats that are worth 4 at most."""
MIN_REPEAT = 0.15
STEADY = 1.5
"""Of beats of constant tempo: their contrast, times the strength of their onsets over those of tracked beats,
from which the tempo is taken for constant."""
DRIFT_SECONDS = 0.15
"""By which the last beat of a line may be moved to fit the onsets better."""
MIN_CONTRAST = 1.25
"""Onsets on the beats over those between, below which there is no beat."""
MIN_ONSET = 0.3
"""Of the onsets on the beats, the mean rise of the bands in dB, below which nothing begins there."""


class Beats(NamedTuple):
    """The beats of a recording, all of it and a little more."""

    times: Float64
    """Seconds of the beats of whole bars, the first one's first, and of the end of the last, (beats + 1,)."""
    bpm: float
    found: bool
    """Whether there are any, or the grid is one of `DEFAULT_BPM`."""


class Evidence(NamedTuple):
    """What tells of beats: curves of one frame rate, shape (frames,), and tones at another."""

    onset: Float32
    """How much begins, in all of the sound."""
    kick: Float32
    """Below 150 Hz."""
    snare: Float32
    """Above 600 Hz."""
    tones: Float32
    """Of chords and bass, shape (rows, coarse frames)."""
    frame: float
    """Seconds from frame to frame."""
    coarse: float
    """Seconds from coarse frame to coarse frame."""
    seconds: float
    """Length of the recording."""


def beats_of(heard: Evidence) -> Beats:
    """Find beats and bars: of constant tempo where that fits as well as what librosa tracks."""
    with imports("listening to a backing track", "guide"):
        import librosa.beat  # noqa: PLC0415 - an extra
    none = _whole_bars(np.array([0.0, 60.0 / DEFAULT_BPM]), 0.0, heard.seconds, DEFAULT_BPM, found=False)
    period = _period(heard)
    if period is None:
        return none
    onsets = _Curve(heard.onset, heard.frame)
    times = _line(onsets, period, heard.seconds)
    _, found = librosa.beat.beat_track(
        onset_envelope=heard.onset, sr=1.0 / heard.frame, hop_length=1, bpm=60.0 / period, trim=False
    )
    tracked = np.asarray(found, float) * heard.frame
    if tracked.size >= BEATS_PER_BAR and not _is_steady(onsets, times, tracked):
        times = tracked
    if _contrast(onsets, times) < MIN_CONTRAST or onsets.mean * onsets.around(times).mean() < MIN_ONSET:
        return none
    bpm = 60.0 / float(np.median(np.diff(times)))
    return _whole_bars(times, _bar_phase(times, heard), heard.seconds, bpm, found=True)


def _period(heard: Evidence) -> float | None:
    """Return the seconds of the beat after which onsets come again most; None where they do not."""
    curve = np.asarray(heard.onset, float) / (heard.onset.std() + 1e-12)
    curve += np.asarray(heard.kick, float) / (heard.kick.std() + 1e-12)
    curve -= curve.mean()
    size = 1 << int(np.ceil(np.log2(2 * curve.size)))
    again = np.fft.irfft(np.square(np.abs(np.fft.rfft(curve, size))), size)[: curve.size]
    again /= again[0] + 1e-12
    lag = np.arange(curve.size)
    again /= np.maximum(1.0 - lag / curve.size, 0.2)

    def repeats(bpm: Float64, multiples: Sequence[int], most: float) -> Float64:
        at = np.multiply.outer(multiples, 60.0 / bpm / heard.frame)
        return np.asarray(np.where(at < most * curve.size, np.interp(at, lag, again), 0.0).sum(axis=0))

    bpm = MIN_BPM * 2.0 ** np.arange(0.0, np.log2(MAX_BPM / MIN_BPM), 1.0 / 400.0)
    found = repeats(bpm, (1, 2, 4, 8), 0.9)
    best = int((found - np.square(np.log2(bpm / USUAL_BPM)) * UNUSUAL).argmax())
    if found[best] < MIN_REPEAT:
        return None
    near = bpm[best] * np.linspace(0.985, 1.015, 3001)
    return float(60.0 / near[repeats(near, (1, 2, 4, 8, 16, 32, 64), 0.6).argmax()])


def _line(onsets: _Curve, period: float, seconds: float) -> Float64:
    """Return beats of constant tempo, at the phase where most begins on them and on the eighths."""
    number = np.arange(max(2, int(seconds / period)))
    phases = np.arange(0.0, period, 0.004)
    strengths = [
        onsets.at(phase + period * number).mean() + 0.5 * onsets.at(phase + period * (number + 0.5)).mean()
        for phase in phases
    ]
    start = float(phases[int(np.argmax(strengths))])
    shifts = np.linspace(-DRIFT_SECONDS, DRIFT_SECONDS, 61)
    share = number / number[-1]
    ways = [
        (float(onsets.at(start + period * number + a + (b - a) * share).sum()), -abs(a) - abs(b), a, b)
        for a in shifts[20:41]
        for b in shifts
    ]
    *_, first, last = max(ways)
    start, period = start + first, period + (last - first) / float(number[-1])
    start %= period
    return np.asarray(start + period * np.arange(max(2, int((seconds - start) / period) + 1)))


class _Curve:
    """A curve over time, read between its frames."""

    def __init__(self, values: NDArray[np.floating], frame: float) -> None:
        self.mean = float(np.mean(values))
        self._values = np.asarray(values, float) / (self.mean + 1e-12)
        self._frame = frame

    def at(self, times: Float64) -> Float64:
        """Return the curve, of mean 1, at some seconds."""
        return np.asarray(
            np.interp(times / self._frame, np.arange(self._values.size), self._values, 0.0, 0.0)
        )

    def around(self, times: Float64) -> Float64:
        """Return its largest value within a frame or two."""
        near = [self.at(times + shift * self._frame) for shift in (-2, -1, 0, 1, 2)]
        return np.asarray(np.max(near, axis=0))


def _is_steady(onsets: _Curve, times: Float64, tracked: Float64) -> bool:
    strength = onsets.around(times).mean() / max(onsets.around(tracked).mean(), 1e-9)
    return bool(_contrast(onsets, times) * strength >= STEADY)


def _contrast(onsets: _Curve, times: Float64) -> float:
    """Return how much more begins on the beats than between them."""
    between = times[:-1] + 0.37 * np.diff(times)
    return float(onsets.around(times).mean()) / max(float(onsets.around(between).mean()), 1e-9)


def _bar_phase(times: Float64, heard: Evidence) -> float:
    """Return by how many beats, 0 to under 4, in quarters of one, the first bar begins after the first beat.

    Of all sixteenths of a bar, that is its first where chords change and the bass drum plays, with the snare
    on the second and fourth beat. The weights are near those that place most made-up songs rightly.
    """
    steps = np.interp(np.arange((times.size - 1) * PER_BEAT) / PER_BEAT, np.arange(times.size), times)
    steps = steps[: steps.size // PER_BAR * PER_BAR]
    if not steps.size:
        return 0.0
    kick, snare, onset = (
        _profile(_Curve(row, heard.frame).around(steps)) for row in (heard.kick, heard.snare, heard.onset)
    )
    change = _profile(_change(steps, heard))

    def likely(first: int) -> float:
        chords, low, high, all_of_it = (np.roll(row, -first) for row in (change, kick, snare, onset))
        score = 1.25 * chords[0] + 0.9 * low[0] + 0.6 * low[8] + 0.5 * (high[4] + high[12])
        return float(score + 0.3 * all_of_it[::PER_BEAT].mean() + 0.4 * all_of_it[::2].mean())

    return max(range(PER_BAR), key=likely) / PER_BEAT


def _profile(strength: Float64) -> Float64:
    """Return the mean at each sixteenth of a bar, in standard deviations."""
    return _standard(strength.reshape(-1, PER_BAR).mean(axis=0))


def _change(steps: Float64, heard: Evidence) -> Float64:
    """Return how much the tones after each step differ from those before it, (steps,)."""
    sums = np.cumsum(np.pad(heard.tones, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    reach = 4.0 * float(np.median(np.diff(steps)))
    edges = [
        np.clip(steps + shift, 0.0, heard.seconds) / heard.coarse + 0.5 for shift in (-reach, 0.0, reach)
    ]
    before, at, after = (np.clip(np.round(edge).astype(int), 0, sums.shape[1] - 1) for edge in edges)
    first, second = sums[:, at] - sums[:, before], sums[:, after] - sums[:, at]
    first, second = (x / (np.linalg.norm(x, axis=0) + 1e-9) for x in (first, second))
    return np.asarray(np.linalg.norm(second - first, axis=0))


def _standard(x: Float64) -> Float64:
    return np.asarray((x - x.mean()) / (x.std() + 1e-9))


def _whole_bars(times: Float64, first: float, seconds: float, bpm: float, *, found: bool) -> Beats:
    """Go on with the beats at both ends, to whole bars that hold the recording.

    Args:
        times: of beats.
        first: how many beats after the first one a bar begins.
        seconds: length of the recording.
        bpm: beats a minute.
        found: whether they were.
    """
    before, after = times[1] - times[0], times[-1] - times[-2]
    number = np.arange(times.size)

    def at(beat: Float64) -> Float64:
        early, late = np.minimum(beat, 0.0), np.maximum(beat - number[-1], 0.0)
        return np.asarray(np.interp(beat, number, times) + before * early + after * late)

    start = first - BEATS_PER_BAR * np.ceil((first + times[0] / before) / BEATS_PER_BAR - 1e-6)
    end = number[-1] + (seconds - times[-1]) / after
    bars = max(1, int(np.ceil((end - start) / BEATS_PER_BAR - 1e-6)))
    return Beats(at(start + np.arange(bars * BEATS_PER_BAR + 1)), bpm, found)
