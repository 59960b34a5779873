"""Normalised autocorrelation of a short signal, weighted symmetrically around its centre for every lag."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ENERGY_NODES = 14

Float64 = NDArray[np.float64]


class Periodicity:
    """The normalised square difference function of McLeod and Wyvill (2005, "A smarter way to find pitch").

    Each product x[n] x[n+lag] is weighted with w[n] w[n+lag], w a half sine. That weight is symmetric around
    the centre of the frame for every lag, so a glide does not shift the result, and a signal with period T of
    any shape still gives 1 at lag T. Signals should have no energy near half the sampling rate.

    Args:
        length: of the frame, in samples.
        first: first lag, in `oversampling`-ths of a sample.
        last: one past the last lag, same unit.
        oversampling: lags per sample.
    """

    def __init__(self, length: int, first: int, last: int, oversampling: int) -> None:
        self.size = fast_size(length + last // oversampling + 1)
        """Length of the transform; its bins are rate / size apart."""
        self._window = half_sine(np.arange(length), length)
        self.energy = float(np.square(self._window).sum())
        """Sum of the squared window."""
        self._first, self._last = first, last
        self._grid_size = self.size * oversampling
        lags = np.arange(first, last) / oversampling
        # The denominator is smooth over the lag: a polynomial through Chebyshev nodes is exact to 1e-4.
        angle = (np.arange(ENERGY_NODES) + 0.5) * np.pi / ENERGY_NODES
        nodes = lags[0] + (lags[-1] - lags[0]) * (0.5 - 0.5 * np.cos(angle))
        n = np.arange(length)[None, :]
        ahead, behind = half_sine(n + nodes[:, None], length), half_sine(n - nodes[:, None], length)
        # Divided by the window: the matrix meets x^2 w^2, which the transform's input already gives.
        self._energy = (ahead + behind) / self._window
        unit = 2.0 * (lags - lags[0]) / (lags[-1] - lags[0]) - 1.0
        basis = np.polynomial.chebyshev.chebvander(unit, ENERGY_NODES - 1)
        at_nodes = np.polynomial.chebyshev.chebvander(-np.cos(angle), ENERGY_NODES - 1)
        self._spread = basis @ np.linalg.inv(at_nodes) / (2.0 * oversampling)

    def process(self, frame: Float64) -> tuple[Float64, Float64, float]:
        """Return the function over the lags, the power spectrum, and the mean square under the window.

        Args:
            frame: samples, shape (length,).
        """
        x = frame * self._window
        squares = x * x
        power = float(squares.sum()) / self.energy
        parts = np.fft.rfft(x, self.size).view(np.float64)
        parts *= parts
        density: Float64 = parts[0::2] + parts[1::2]
        products = np.fft.irfft(density, self._grid_size)[self._first : self._last]
        # The floor keeps digital silence and signals at the edge of the window finite.
        energy = self._spread @ (self._energy @ squares) + (1e-6 * power + 1e-30)
        return products / np.maximum(energy, 1e-30), density, power


def half_sine(n: Float64 | NDArray[np.intp], length: int) -> Float64:
    """Return sin(pi (n + 1/2) / length) inside 0 <= n < length, zero outside, at fractional positions too."""
    phase = (np.asarray(n, np.float64) + 0.5) / length
    inside = (phase > 0.0) & (phase < 1.0)
    result: Float64 = np.where(inside, np.sin(np.pi * phase), 0.0)
    return result


def fast_size(least: int) -> int:
    """Return the smallest even product of 2, 3 and 5 that is not below `least`."""
    size = least + least % 2
    while True:
        rest = size
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += 2
