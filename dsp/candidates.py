"""Pitch candidates of one frame: peaks of a windowed normalised difference function, scored with spectral cues."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.periodicity import Periodicity

F0_LOW = 60.0
F0_HIGH = 1100.0
MAX_CANDIDATES = 8
LEAST_PERIODICITY = 0.25
LAG_COST_PER_OCTAVE = 0.02
HARMONICS = 12
OVERSAMPLING = 2
LOOKAHEAD_S = 0.020
GAP_COST = 0.3
MISSING_COST = 0.3
MISSING_SHARE = 0.3
SILENCE_POWER = 1e-14

Float64 = NDArray[np.float64]


class Candidates(NamedTuple):
    """Candidates of one frame, arrays of shape (count,) with count 0..`MAX_CANDIDATES`."""

    log_f0: Float64
    """Base-2 logarithm of the frequency in hertz."""
    periodicity: Float64
    """Normalised autocorrelation at the period, up to 1."""
    cost: Float64
    """Cost of choosing this candidate; 0 is perfect."""
    power: float
    """Mean square under the window."""


_NONE = np.zeros(0)


class CandidateFinder:
    """Find the candidates of the frame centred 20 ms before the newest sample.

    Args:
        rate: of the decimated signal, in hertz.
        delay: of the decimated signal, in samples.
    """

    def __init__(self, rate: int, delay: int) -> None:
        half = round(LOOKAHEAD_S * rate) - delay
        grid = rate * OVERSAMPLING
        self._first = int(grid / (F0_HIGH * 1.02)) - 1
        self._grid = grid
        last = int(grid / (F0_LOW / 1.02)) + 2
        self._frame = np.zeros(2 * half)
        self._periodicity = Periodicity(2 * half, self._first, last, OVERSAMPLING)
        self._log_lag = np.log2(np.arange(self._first, last) / grid)
        bins_per_hz = self._periodicity.size / rate
        # Candidate f has its harmonics at even multiples of f / 2 and the gaps between them at odd ones.
        self._multiples = np.arange(1, 2 * HARMONICS + 1) * (0.5 * bins_per_hz)
        self._top_bin = int(3800.0 * bins_per_hz)
        k = np.arange(1, 2 * HARMONICS + 1)
        self._roles = np.stack([k % 2 == 1, k % 2 == 0, k % 4 == 2], axis=1).astype(np.float64)

    def reset(self) -> None:
        """Forget all past samples."""
        self._frame[:] = 0.0

    def process(self, x: NDArray[np.float32]) -> Candidates:
        """Take one decimated hop and return the candidates of the newest complete frame."""
        frame = self._frame
        frame[: -x.size] = frame[x.size :].copy()
        frame[-x.size :] = x
        nsdf, density, power = self._periodicity.process(frame)
        if power < SILENCE_POWER:
            return Candidates(_NONE, _NONE, _NONE, power)
        return self._score(nsdf, density, power)

    def _score(self, nsdf: Float64, density: Float64, power: float) -> Candidates:
        middle = nsdf[1:-1]
        peaks = np.flatnonzero((middle > nsdf[:-2]) & (middle >= nsdf[2:]) & (middle > LEAST_PERIODICITY)) + 1
        if peaks.size == 0:
            return Candidates(_NONE, _NONE, _NONE, power)
        if peaks.size > MAX_CANDIDATES:
            merit = nsdf[peaks] - LAG_COST_PER_OCTAVE * self._log_lag[peaks]
            peaks = peaks[np.argpartition(merit, -MAX_CANDIDATES)[-MAX_CANDIDATES:]]
        left, centre, right = nsdf[peaks - 1], nsdf[peaks], nsdf[peaks + 1]
        slope = 0.5 * (right - left)
        shift = slope / np.maximum(2.0 * centre - left - right, 1e-9)
        height = np.minimum(1.0, centre + 0.5 * slope * shift)
        f0 = np.minimum(F0_HIGH, np.maximum(F0_LOW, self._grid / (peaks + self._first + shift)))
        log_f0 = np.log2(f0)
        cost = 1.0 - height - LAG_COST_PER_OCTAVE * (log_f0 - 10.0)
        return Candidates(log_f0, height, cost + self._octave_cost(f0, density), power)

    def _octave_cost(self, f0: Float64, density: Float64) -> Float64:
        index = np.outer(f0, self._multiples).astype(np.intp)
        amplitude = np.sqrt(density[: self._top_bin + 1])
        amplitude[-1] = 0.0
        levels = amplitude[np.minimum(index, self._top_bin)] @ self._roles
        between, on, odd = levels[:, 0], levels[:, 1] + 1e-30, levels[:, 2]
        trust = np.minimum(1.0, np.maximum(0.0, (f0 - 90.0) / 60.0))
        cost: Float64 = GAP_COST * trust * between / (on + between)
        return cost + np.maximum(0.0, MISSING_COST - MISSING_COST / MISSING_SHARE * odd / on)
