"""Pitch candidates of one frame: peaks of the windowed autocorrelation, scored with spectral cues."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.periodicity import Periodicity

F0_LOW = 60.0
F0_HIGH = 1100.0
MAX_CANDIDATES = 8
OVERSAMPLING = 2
LOOKAHEAD_S = 0.020
HOP_S = 0.010
SHORT_F0_LOW = 115.0
LEAST_PERIODICITY = 0.25
SILENCE_POWER = 1e-14

# Costs: a period is as good as twice that period, so the shorter is preferred; amplitude half-way between the
# harmonics says "an octave too high"; no amplitude on all but every second or third says "an octave too low".
LAG_COST_PER_OCTAVE = 0.02
GAP_COST = 0.3
MISSING_COST = 0.3
MISSING_SHARE = 0.25
HARMONICS = 12
SPECTRUM_TOP_HZ = 3800.0
# Below 150 Hz the window resolves the gaps less and less, below 90 Hz not at all: assume a typical share.
GAP_BLUR_LOW_HZ, GAP_BLUR_HIGH_HZ, GAP_ASSUMED = 90.0, 150.0, 0.4
# The weights of the long window, the short one, and the short one a hop later.
WEIGHT_LONG, WEIGHTS_SHORT = 0.5, np.array([0.3, 0.2])
# A glide moves the period under the short windows by a few per cent.
NEAR = (-0.03, -0.015, 0.0, 0.015, 0.03)

AROUND = np.array([[-1], [0], [1]])
# From the values around a peak: right - left, 4 centre - 2 left - 2 right, centre.
PARABOLA = np.array([[-1.0, 0.0, 1.0], [-2.0, 4.0, -2.0], [0.0, 1.0, 0.0]])

Float64 = NDArray[np.float64]


class Candidates(NamedTuple):
    """Candidates of one frame, arrays of shape (count,) with count 0..`MAX_CANDIDATES`."""

    log_f0: Float64
    """Base-2 logarithm of the frequency in hertz."""
    now: Float64
    """Normalised autocorrelation at the period, up to 1, through a window of 18 ms (38 ms below 115 Hz)."""
    following: Float64
    """The same, one hop later."""
    cost: Float64
    """Cost of choosing this candidate; 0 is perfect."""


_NONE = Candidates(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0))


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
        self._frame = np.zeros(length)
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
        self._density = np.zeros(size // 2 + 1)
        # Row 0: the short window at the frame centre, row 1: one hop later; both continue with the long one.
        self._pair = np.zeros((2, last - first))
        self._short_lags = int(self._grid / SHORT_F0_LOW) - first
        self._make_tables(np.arange(first, last, dtype=np.float64))

    def _make_tables(self, lags: Float64) -> None:
        """Prepare what depends on the lag alone, and the places of harmonics and gaps."""
        self._lags = lags
        near = np.rint(lags[:, None] * (1.0 + np.array(NEAR))) - lags[0]
        self._near = np.clip(near, 0, lags.size - 1).astype(np.intp)
        self._lag_cost = LAG_COST_PER_OCTAVE * np.log2(lags * (1024.0 / self._grid))
        blur = (GAP_BLUR_HIGH_HZ - self._grid / lags) / (GAP_BLUR_HIGH_HZ - GAP_BLUR_LOW_HZ)
        blur = np.clip(blur, 0.0, 1.0)
        self._gap_cost = GAP_COST * (1.0 - blur)
        self._fixed_cost = 1.0 + MISSING_COST + self._lag_cost + GAP_COST * GAP_ASSUMED * blur
        # A candidate has its harmonics at even multiples of f / 2 and the gaps at odd ones.
        k = np.arange(1, 2 * HARMONICS + 1)
        self._multiples = k * (0.5 * self._bins_per_hz)
        roles = (k % 2 == 1, k % 2 == 0, k % 4 == 2, (k % 2 == 0) & (k % 6 != 0))
        self._roles = np.stack(roles, axis=1).astype(np.float64)
        # Multiples above the top read zeros.
        self._top_bin = int(SPECTRUM_TOP_HZ * self._bins_per_hz)
        self._amplitude = np.zeros(int(1.1 * F0_HIGH * self._multiples[-1]) + 1)

    def reset(self) -> None:
        """Forget all past samples."""
        self._frame[:] = 0.0
        self._pair[:] = 0.0
        self._density[:] = 0.0
        self.power = 0.0

    def process(self, x: Float64) -> Candidates:
        """Take one decimated hop and return the candidates of the newest complete frame."""
        frame = self._frame
        frame[: -x.size] = frame[x.size :].copy()
        frame[-x.size :] = x
        (nsdf, short), (self._density, _) = self._periodicity.process(frame)
        self.power = float(np.add.reduce(self._density)) * self._to_power
        pair, lags = self._pair, self._short_lags
        pair[0, :lags] = pair[1, :lags]
        pair[1, :lags] = short[:lags]
        pair[:, lags:] = nsdf[lags:]
        if self.power < SILENCE_POWER:
            return _NONE
        middle = nsdf[1:-1]
        peaks = np.flatnonzero((middle > nsdf[:-2]) & (middle >= nsdf[2:]) & (middle > LEAST_PERIODICITY))
        if peaks.size == 0:
            return _NONE
        peaks += 1
        if peaks.size > MAX_CANDIDATES:
            merit = nsdf[peaks] - self._lag_cost[peaks]
            peaks = peaks[np.argpartition(merit, -MAX_CANDIDATES)[-MAX_CANDIDATES:]]
        return self._score(nsdf, peaks)

    def share_below(self, hz: float) -> float:
        """Return the share of the latest frame's energy below a frequency in hertz, 0..1."""
        top = max(1, int(hz * self._bins_per_hz))
        return float(np.add.reduce(self._density[:top])) * self._to_power / (self.power + 1e-30)

    def _score(self, nsdf: Float64, peaks: NDArray[np.intp]) -> Candidates:
        rise, bend, height = PARABOLA @ nsdf[peaks + AROUND]
        shift = rise / bend
        height += 0.25 * rise * shift
        f0 = self._grid / (self._lags[peaks] + shift)
        short = self._pair[:, self._near[peaks]].max(axis=2)
        gap, odd = self._octave_cues(f0)
        cost = self._fixed_cost[peaks] + self._gap_cost[peaks] * gap
        cost -= np.minimum(MISSING_COST, (MISSING_COST / MISSING_SHARE) * odd)
        cost -= WEIGHT_LONG * height + WEIGHTS_SHORT @ short
        return Candidates(np.log2(f0), short[0], short[1], cost)

    def _octave_cues(self, f0: Float64) -> tuple[Float64, Float64]:
        """Return the shares of amplitude between the harmonics, and on those no higher pitch would have."""
        np.sqrt(self._density[: self._top_bin], out=self._amplitude[: self._top_bin])
        index = (f0[:, None] * self._multiples).astype(np.intp)
        gap, on, odd, third = (self._amplitude[index] @ self._roles).T
        on += 1e-30
        return gap / (on + gap), np.minimum(odd, third) / on
