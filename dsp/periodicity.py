"""Normalised autocorrelation of one frame through several windows, symmetric around each centre."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.fourier import RealTransform

# The ends of the window that wrap around at the longest lag: less than 4e-4 of the energy.
WRAPPED = 0.05
# Of the mean over all lags: keeps the denominator positive where rounding would not.
LEAST_ENERGY = 1e-4
NOTHING = 1e-20  # A silent window has this energy, so that its function is 0.

Float32 = NDArray[np.float32]
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
        count = len(windows)
        self.size = fast_size(int((1.0 - WRAPPED) * length) + lags[1] // oversampling + 1)
        """Length of the transform; its bins are rate / size apart."""
        n = np.arange(length)
        self._windows = np.stack([half_sine(n - start, width) for start, width in windows]).astype(np.float32)
        self.energy = np.square(self._windows, dtype=np.float64).sum(axis=1)
        """Sum of each squared window, shape (windows,)."""
        forward = RealTransform(self.size, 2 * count)
        self._forward = forward.forward
        # x w, whose autocorrelation is the numerator, and x^2 w, correlated with w for the denominator.
        self._windowed = forward.signal[:count, :length]
        self._squared = forward.signal[count:, :length]
        forward.signal[count:, length] = NOTHING
        bins = forward.spectrum.shape[1]
        parts = forward.spectrum.view(np.float32).reshape(2 * count, bins, 2)
        self._parts, self._windowed_parts, self._squared_parts = parts, parts[:count], parts[count:]
        spectra = np.fft.rfft(self._windows, self.size).astype(np.complex64)
        spectra[:, 0] *= 1.0 + LEAST_ENERGY
        self._window_parts = spectra.view(np.float32).reshape(count, bins, 2)
        self._sums = np.zeros((2 * count, bins), np.float32)
        self._density = self._sums[:count]
        backward = RealTransform(self.size * oversampling, 2 * count)
        self._backward, self._spectrum = backward.inverse, backward.spectrum
        self._real = backward.spectrum.real[:, :bins]
        self._products, self._energies = np.split(backward.signal[:, slice(*lags)], 2)
        self._function = np.zeros((count, lags[1] - lags[0]), np.float32)

    def process(self, frame: Float32) -> tuple[Float32, Float32]:
        """Return the function, shape (windows, lags), and the power spectra, shape (windows, bins).

        The next call overwrites both.

        Args:
            frame: samples, shape (length,).
        """
        np.multiply(self._windows, frame, out=self._windowed)
        np.multiply(self._windowed, frame, out=self._squared)
        self._forward()
        parts, sums = self._parts, self._sums
        np.multiply(self._windowed_parts, self._windowed_parts, out=self._windowed_parts)
        np.multiply(self._squared_parts, self._window_parts, out=self._squared_parts)
        np.add(parts[..., 0], parts[..., 1], out=sums)
        self._spectrum.fill(0.0)
        self._real[:] = sums
        self._backward()
        np.divide(self._products, self._energies, out=self._function)
        return self._function, self._density


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
