"""Normalised autocorrelation of one frame through several windows, symmetric around each centre."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ENERGY_NODES = 14

Float64 = NDArray[np.float64]


class Periodicity:
    """The normalised square difference function of McLeod and Wyvill (2005, "A smarter way to find pitch").

    Each product x[n] x[n+lag] is weighted with w[n] w[n+lag], w a half sine. That weight is symmetric around
    the centre of the window for every lag, so a glide does not shift the result, and a signal with period T
    of any shape still gives 1 at lag T. Signals should have no energy near half the sampling rate.

    Args:
        length: of the frame, in samples.
        windows: (start, length) of each window inside the frame, in samples.
        lags: first lag and one past the last, in `oversampling`-ths of a sample.
        oversampling: lags per sample.
    """

    def __init__(
        self, length: int, windows: Sequence[tuple[int, int]], lags: tuple[int, int], oversampling: int
    ) -> None:
        self.size = fast_size(length + lags[1] // oversampling + 1)
        """Length of the transform; its bins are rate / size apart."""
        n = np.arange(length)
        self._windows = np.stack([half_sine(n - start, width) for start, width in windows])
        self.energy = np.square(self._windows).sum(axis=1)
        """Sum of each squared window, shape (windows,)."""
        self._lags = slice(*lags)
        self._grid_size = self.size * oversampling
        steps = np.arange(*lags) / oversampling
        # The denominator is smooth over the lag: a polynomial through Chebyshev nodes is exact to 1e-4.
        unit_nodes = -np.cos((np.arange(ENERGY_NODES) + 0.5) * np.pi / ENERGY_NODES)
        nodes = steps[0] + (steps[-1] - steps[0]) * (0.5 + 0.5 * unit_nodes)
        self._at_nodes = np.stack([_energy_matrix(n - start, width, nodes) for start, width in windows])
        unit = 2.0 * (steps - steps[0]) / (steps[-1] - steps[0]) - 1.0
        basis = np.polynomial.chebyshev.chebvander(unit, ENERGY_NODES - 1)
        inverse = np.linalg.inv(np.polynomial.chebyshev.chebvander(unit_nodes, ENERGY_NODES - 1))
        self._spread = (basis @ inverse).T / (2.0 * oversampling)

    def process(self, frame: Float64) -> tuple[Float64, Float64]:
        """Return the function, shape (windows, lags), and the power spectra, shape (windows, bins).

        Args:
            frame: samples, shape (length,).
        """
        x = self._windows * frame
        parts = np.fft.rfft(x, self.size).view(np.float64)
        parts *= parts
        density: Float64 = parts[:, 0::2] + parts[:, 1::2]
        # Single precision is enough here (0.05 cents) and a fifth faster.
        products = np.fft.irfft(density.astype(np.complex64), self._grid_size)[:, self._lags]
        x *= x
        energy = (self._at_nodes @ x[:, :, None])[:, :, 0] @ self._spread
        function: Float64 = products / np.maximum(energy, 1e-9 * energy[:, :1] + 1e-30)
        return function, density


def _energy_matrix(n: NDArray[np.intp], width: int, lags: Float64) -> Float64:
    """Return the matrix that maps a squared windowed frame to the denominator at some lags."""
    ahead, behind = half_sine(n + lags[:, None], width), half_sine(n - lags[:, None], width)
    window = half_sine(n, width)
    # Divided by the window, which the squared frame holds twice and the denominator once.
    result: Float64 = (ahead + behind) / np.where(window > 0.0, window, np.inf)
    return result


def half_sine(n: Float64 | NDArray[np.intp], width: int) -> Float64:
    """Return sin(pi (n + 1/2) / width) where positive, zero outside, at fractional positions too."""
    phase = (np.asarray(n, np.float64) + 0.5) / width
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
