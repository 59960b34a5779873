"""Pitch candidates of one frame: peaks of a windowed normalised difference function, scored with spectral cues."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

F0_LOW = 60.0
F0_HIGH = 1100.0
MAX_CANDIDATES = 8
LEAST_PERIODICITY = 0.25
LAG_COST_PER_OCTAVE = 0.02
HARMONICS = 12
OVERSAMPLING = 2
LOOKAHEAD_S = 0.020

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

    The function is that of McLeod and Wyvill (2005, "A smarter way to find pitch"), each product weighted with
    w[n] w[n+lag]: that weight is symmetric around the centre for every lag, so that glides do not shift the result,
    and a periodic signal of any shape still gives exactly 1 at its period.

    Args:
        rate: of the decimated signal, in hertz.
        delay: of the decimated signal, in samples.
    """

    def __init__(self, rate: int, delay: int) -> None:
        half = round(LOOKAHEAD_S * rate) - delay
        length = 2 * half
        self._longest = int(rate / F0_LOW * 1.02) + 2
        size = _fast_size(length + self._longest)
        self._size = size
        self._rate = rate
        self._frame = np.zeros(length)
        window = np.sin(np.pi * (np.arange(length) + 0.5) / length)
        self._window = window
        self._window_power = float(np.square(window).sum())
        self._window_spectrum = np.conj(np.fft.rfft(window, size))
        self._stack = np.zeros((2, length))
        self._spectra = np.zeros((2, size // 2 + 1), np.complex128)
        grid = rate * OVERSAMPLING
        self._first = int(grid / (F0_HIGH * 1.02)) - 1
        self._last = int(grid / (F0_LOW / 1.02)) + 2
        self._log_lag = np.log2(np.arange(self._first, self._last) / grid)
        self._bins_per_hz = size / rate
        self._harmonic = np.arange(1, HARMONICS + 1)
        self._top_bin = int(3800.0 * self._bins_per_hz)

    def reset(self) -> None:
        """Forget all past samples."""
        self._frame[:] = 0.0

    def process(self, x: NDArray[np.float32]) -> Candidates:
        """Take one decimated hop and return the candidates of the newest complete frame."""
        frame = self._frame
        frame[: -x.size] = frame[x.size :].copy()
        frame[-x.size :] = x
        np.multiply(frame, self._window, out=self._stack[0])
        power = float(self._stack[0] @ self._stack[0]) / self._window_power
        if power < 1e-14:
            return Candidates(_NONE, _NONE, _NONE, power)
        np.multiply(self._stack[0], frame, out=self._stack[1])
        spectra = np.fft.rfft(self._stack, self._size)
        density = np.square(spectra[0].real) + np.square(spectra[0].imag)
        self._spectra[0] = density
        np.multiply(spectra[1], self._window_spectrum, out=self._spectra[1])
        both = np.fft.irfft(self._spectra, self._size * OVERSAMPLING)
        first, last = self._first, self._last
        energy = both[1, first:last] + both[1, : -last : -1][first - 1 : last - 1]
        nsdf = 2.0 * both[0, first:last] / np.maximum(energy, 1e-9 * power * self._window_power)
        return self._score(nsdf, np.sqrt(density), power)

    def _score(self, nsdf: Float64, amplitude: Float64, power: float) -> Candidates:
        middle = nsdf[1:-1]
        peaks = np.flatnonzero((middle > nsdf[:-2]) & (middle >= nsdf[2:]) & (middle > LEAST_PERIODICITY)) + 1
        if peaks.size == 0:
            return Candidates(_NONE, _NONE, _NONE, power)
        if peaks.size > MAX_CANDIDATES:
            keep = np.argpartition(nsdf[peaks] - LAG_COST_PER_OCTAVE * self._log_lag[peaks], -MAX_CANDIDATES)
            peaks = peaks[keep[-MAX_CANDIDATES:]]
        left, centre, right = nsdf[peaks - 1], nsdf[peaks], nsdf[peaks + 1]
        slope = 0.5 * (right - left)
        curve = left - 2.0 * centre + right
        shift = -slope / np.minimum(curve, -1e-12)
        lag = (peaks + self._first + shift) / (self._rate * OVERSAMPLING)
        height = np.minimum(1.0, centre + 0.5 * slope * shift)
        f0 = np.clip(1.0 / lag, F0_LOW, F0_HIGH)
        log_f0 = np.log2(f0)
        cost = 1.0 - height - LAG_COST_PER_OCTAVE * (log_f0 - 10.0)
        cost += self._octave_cost(f0, amplitude)
        return Candidates(log_f0, height, cost, power)

    def _octave_cost(self, f0: Float64, amplitude: Float64) -> Float64:
        bins = np.outer(f0 * (0.5 * self._bins_per_hz), np.arange(1, 2 * HARMONICS + 1))
        index = np.minimum((bins + 0.5).astype(np.intp), self._top_bin)
        levels = amplitude[index] * (bins < self._top_bin)
        between = levels[:, 0::2].sum(axis=1)
        on = levels[:, 1::2].sum(axis=1)
        odd = levels[:, 1::4].sum(axis=1)
        total = on + between + 1e-30
        missing = odd / (on + 1e-30)
        trust = np.minimum(1.0, np.maximum(0.0, (f0 - 90.0) / 60.0))
        return 0.3 * trust * between / total + 0.3 * np.maximum(0.0, 0.3 - missing) / 0.3


def _fast_size(least: int) -> int:
    """Return the smallest even 2-3-5 product that is not below `least`."""
    size = least + least % 2
    while True:
        rest = size
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += 2
