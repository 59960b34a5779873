"""Pitch candidates of one frame: peaks of the windowed autocorrelation, scored with spectral cues."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.periodicity import Periodicity

F0_LOW = 60.0
F0_HIGH = 1100.0
MAX_CANDIDATES = 5
OVERSAMPLING = 2
LOOKAHEAD_S = 0.020
HOP_S = 0.010
SHORT_F0_LOW = 115.0
LEAST_PERIODICITY = np.float32(0.25)
SILENCE_POWER = 1e-14
NOTHING = 1e-30

# Costs: a period is as good as twice that period, so the shorter is preferred; amplitude half-way between the
# harmonics says "an octave too high"; no amplitude on all but every second or third says "an octave too low".
LAG_COST_PER_OCTAVE = 0.02
# Of too many peaks those at short lags are kept: at multiples of a period there are peaks as high.
CHOICE_COST_PER_OCTAVE = 0.1
GAP_COST = 0.3
MISSING_COST = 0.3
MISSING_SHARE = 0.25
HARMONICS = 12
SPECTRUM_TOP_HZ = 3800.0
# Below 150 Hz the window resolves the gaps less and less, below 90 Hz not at all: assume a typical share.
GAP_BLUR_LOW_HZ, GAP_BLUR_HIGH_HZ, GAP_ASSUMED = 90.0, 150.0, 0.4
# The weights of the long window, the short one, and the short one a hop later.
WEIGHT_LONG, WEIGHT_NOW, WEIGHT_FOLLOWING = 0.5, 0.3, 0.2
# A glide moves the period under the short windows by a few per cent.
NEAR = (-0.03, -0.015, 0.0, 0.015, 0.03)

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Peaks = NDArray[np.intp]


class Candidates(NamedTuple):
    """Candidates of one frame, lists of 0..`MAX_CANDIDATES` numbers."""

    log_f0: list[float]
    """Base-2 logarithm of the frequency in hertz."""
    now: list[float]
    """Normalised autocorrelation at the period, up to 1, through a window of 18 ms (38 ms below 115 Hz)."""
    following: list[float]
    """The same, one hop later."""
    cost: list[float]
    """Cost of choosing this candidate; 0 is perfect."""


_NONE = Candidates([], [], [], [])


class CandidateFinder:
    """Find the candidates of the frame centred 20 ms before the newest sample.

    Args:
        rate: of the decimated signal, in hertz.
        delay: of the decimated signal, in samples.
    """

    def __init__(self, rate: int, delay: int) -> None:
        self.power = 0.0
        """Mean square of the latest frame."""
        length = 2 * (round(LOOKAHEAD_S * rate) - delay)
        late = 2 * round(HOP_S * rate)
        self._frame = np.zeros(length, np.float32)
        self._grid = rate * OVERSAMPLING
        first = int(self._grid / (F0_HIGH * 1.02)) - 1
        last = int(self._grid / (F0_LOW / 1.02)) + 2
        # The whole frame, and its newest part, whose centre is one hop later.
        windows = ((0, length), (late, length - late))
        self._periodicity = Periodicity(length, windows, (first, last), OVERSAMPLING)
        size = self._periodicity.size
        # Parseval: from the one-sided sum of the power spectrum to the mean square under the window.
        self._to_power = 2.0 / (size * float(self._periodicity.energy[0]))
        self._bins_per_hz = size / rate
        self._sums = np.zeros(size // 2 + 1, np.float32)
        # The short window, one row per hop in turn, continued with the long one.
        self._short = np.zeros((2, last - first), np.float32)
        self._newest = 0
        self._short_lags = int(self._grid / SHORT_F0_LOW) - first
        self._make_tables(np.arange(first, last, dtype=np.float64))

    def _make_tables(self, lags: Float64) -> None:
        """Prepare what depends on the lag alone, and the places of harmonics and gaps."""
        self._first_lag = float(lags[0])
        near = np.rint(lags * (1.0 + np.array(NEAR)[:, None])) - lags[0]
        self._near = np.clip(near, 0, lags.size - 1).astype(np.intp)
        octaves = np.log2(lags * (1024.0 / self._grid))
        self._choice_cost = (CHOICE_COST_PER_OCTAVE * octaves).astype(np.float32)
        blur = (GAP_BLUR_HIGH_HZ - self._grid / lags) / (GAP_BLUR_HIGH_HZ - GAP_BLUR_LOW_HZ)
        blur = np.clip(blur, 0.0, 1.0)
        self._gap_cost = (GAP_COST * (1.0 - blur)).tolist()
        fixed_cost = 1.0 + MISSING_COST + LAG_COST_PER_OCTAVE * octaves + GAP_COST * GAP_ASSUMED * blur
        self._fixed_cost = fixed_cost.tolist()
        # A candidate has its harmonics at even multiples of f / 2 and the gaps at odd ones.
        k = np.arange(1, 2 * HARMONICS + 1)
        self._multiples = k * (0.5 * self._bins_per_hz)
        roles = (k % 2 == 1, k % 2 == 0, k % 4 == 2, (k % 2 == 0) & (k % 6 != 0))
        self._roles = np.stack(roles, axis=1).astype(np.float32)
        # Multiples above the top read zeros.
        self._amplitude = np.zeros(int(1.1 * F0_HIGH * self._multiples[-1]) + 1, np.float32)
        self._heard = self._amplitude[: int(SPECTRUM_TOP_HZ * self._bins_per_hz)]

    def reset(self) -> None:
        """Forget all past samples."""
        self._frame[:] = 0.0
        self._short[:] = 0.0
        self._sums[:] = 0.0
        self.power = 0.0

    def process(self, x: Float32) -> Candidates:
        """Take one decimated hop and return the candidates of the newest complete frame."""
        frame = self._frame
        frame[: -x.size] = frame[x.size :]
        frame[-x.size :] = x
        (nsdf, short), (density, _) = self._periodicity.process(frame)
        np.add.accumulate(density, out=self._sums)
        self.power = self._sums.item(-1) * self._to_power
        self._newest, lags = 1 - self._newest, self._short_lags
        self._short[self._newest, :lags] = short[:lags]
        self._short[:, lags:] = nsdf[lags:]
        if self.power < SILENCE_POWER:
            return _NONE
        # Flat below the least periodicity, so that no peak is found there.
        high = np.maximum(nsdf, LEAST_PERIODICITY)
        rising = high[1:] > high[:-1]
        peaks = (rising[:-1] > rising[1:]).nonzero()[0]
        if peaks.size == 0:
            return _NONE
        peaks += 1
        if peaks.size > MAX_CANDIDATES:
            merit = nsdf.take(peaks) - self._choice_cost.take(peaks)
            peaks = peaks.take(merit.argpartition(-MAX_CANDIDATES)[-MAX_CANDIDATES:])
        np.sqrt(density[: self._heard.size], out=self._heard)
        return self._scored(peaks, *self._refined(nsdf, peaks))

    def share_below(self, hz: float) -> float:
        """Return the share of the latest frame's energy below a frequency in hertz, 0..1."""
        bins = min(self._sums.size, max(1, int(hz * self._bins_per_hz)))
        return self._sums.item(bins - 1) * self._to_power / (self.power + NOTHING)

    def _refined(self, nsdf: Float32, peaks: Peaks) -> tuple[list[float], list[float]]:
        """Return frequency and height of the peaks, by a parabola through three lags each."""
        at = nsdf.item  # For so few numbers plain floats are quicker than arrays.
        f0, heights = [], []
        for peak in peaks.tolist():
            before, top, after = at(peak - 1), at(peak), at(peak + 1)
            rise = after - before
            shift = rise / (4.0 * top - 2.0 * (before + after))
            f0.append(self._grid / (self._first_lag + peak + shift))
            heights.append(top + 0.25 * rise * shift)
        return f0, heights

    def _scored(self, peaks: Peaks, f0: list[float], heights: list[float]) -> Candidates:
        places = (np.array(f0)[:, None] * self._multiples).astype(np.intp)
        amplitudes = self._amplitude.take(places).dot(self._roles).tolist()
        near = self._near.take(peaks, axis=1)
        now, following = np.maximum.reduce(self._short.take(near, axis=1), axis=1).tolist()
        if self._newest == 0:
            now, following = following, now
        costs = []
        for i, peak in enumerate(peaks.tolist()):
            gap, on, odd, third = amplitudes[i]
            # The shares of amplitude between the harmonics, and on those no higher pitch would have.
            between = gap / (on + gap + NOTHING)
            kept = min(odd, third) / (on + NOTHING)
            cost = self._fixed_cost[peak] + self._gap_cost[peak] * between
            cost -= MISSING_COST if kept > MISSING_SHARE else (MISSING_COST / MISSING_SHARE) * kept
            cost -= WEIGHT_LONG * heights[i] + WEIGHT_NOW * now[i] + WEIGHT_FOLLOWING * following[i]
            costs.append(cost)
        return Candidates([math.log2(f) for f in f0], now, following, costs)
