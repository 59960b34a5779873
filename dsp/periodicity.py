"""Normalised autocorrelation of frames through several windows, symmetric around each centre."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.fourier import RealTransform, fast_size
from dsp.units import CACHED_HOPS

# The ends of the window that wrap around at the longest lag: less than 4e-4 of the energy.
WRAPPED = 0.05
# Of the mean over all lags: keeps the denominator positive where rounding would not.
MIN_ENERGY = 1e-4
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
        most: frames at once.
    """

    def __init__(
        self,
        length: int,
        windows: Sequence[tuple[int, int]],
        lags: tuple[int, int],
        oversampling: int,
        most: int,
    ) -> None:
        count = len(windows)
        self.size = fast_size(int((1.0 - WRAPPED) * length) + lags[1] // oversampling + 1)
        """Length of the transform; its bins are rate / size apart."""
        n = np.arange(length)
        self._windows = np.stack([half_sine(n - start, width) for start, width in windows]).astype(np.float32)
        self.energy = np.square(self._windows, dtype=np.float64).sum(axis=1)
        """Sum of each squared window, shape (windows,)."""
        together = min(most, CACHED_HOPS)
        self._forward = RealTransform(self.size, 2 * count, together, inverse=False)
        # x w, whose autocorrelation is the numerator, and x^2 w, correlated with w for the denominator.
        signal = self._forward.signal.reshape(together, 2 * count, -1)
        signal[:, count:, length] = NOTHING
        bins = self._forward.spectrum.shape[1]
        parts = self._forward.spectrum.view(np.float32).reshape(together, 2 * count, bins, 2)
        spectra = np.fft.rfft(self._windows, self.size).astype(np.complex64)
        spectra[:, 0] *= 1.0 + MIN_ENERGY
        self._factors = spectra.view(np.float32).reshape(count, bins, 2)
        # An inverse transform brings a numerator a and its denominator b at once. With N its size,
        # c[n] = 2 b[n] sin(2 pi n / N) is odd and has the spectrum j (B[k+1] - B[k-1]); a is even.
        size = self.size * oversampling
        self._backward = RealTransform(size, count, together, forward=False)
        spectrum = self._backward.spectrum.reshape(together, count, -1)
        both = self._backward.signal.reshape(together, count, -1)
        self._sine = (2.0 * np.sin(2.0 * np.pi / size * np.arange(*lags))).astype(np.float32)
        sums = np.zeros((together, 2 * count, spectrum.shape[2] + 2), np.float32)
        work = _Work(
            windowed=signal[:, :count, :length],
            squared=signal[:, count:, :length],
            above=parts[:, :count],
            below=parts[:, count:],
            real=parts[..., 0],
            imaginary=parts[..., 1],
            sums=sums[..., 1 : bins + 1],
            density=sums[:, :count, 1 : bins + 1],
            even=sums[:, :count, 1:-1],
            next_odd=sums[:, count:, 2:],
            last_odd=sums[:, count:, :-2],
            even_bins=spectrum.real,
            odd_bins=spectrum.imag,
            ahead=both[..., slice(*lags)],
            behind=both[..., ::-1][..., lags[0] - 1 : lags[1] - 1],
            difference=np.zeros((together, count, lags[1] - lags[0]), np.float32),
        )
        # Cut for every number of frames, for a cut costs as much as a product.
        self._cuts = [_Work(*(array[:frames] for array in work)) for frames in range(together + 1)]
        self._power = np.zeros((most, count, bins), np.float32)

    def process(self, frames: Float32, out: Float32) -> Float32:
        """Fill `out` with the functions and return the power spectra, shape (n, windows, bins).

        The next call overwrites the spectra.

        Args:
            frames: samples, shape (n, length), n from 1 to `most`.
            out: shape (n, windows, lags).
        """
        for start in range(0, frames.shape[0], CACHED_HOPS):
            some = slice(start, start + CACHED_HOPS)
            self._some(frames[some], out[some], self._power[some])
        return self._power[: frames.shape[0]]

    def _some(self, frames: Float32, out: Float32, power: Float32) -> None:
        """Fill the functions and power spectra of up to `CACHED_HOPS` frames."""
        count, x = frames.shape[0], frames[:, None]
        work = self._cuts[count]
        np.multiply(self._windows, x, out=work.windowed)
        np.multiply(work.windowed, x, out=work.squared)
        self._forward.forward(count)
        np.multiply(work.above, work.above, out=work.above)
        np.multiply(work.below, self._factors, out=work.below)
        np.add(work.real, work.imaginary, out=work.sums)
        np.copyto(power[:count], work.density)
        np.copyto(work.even_bins, work.even)
        np.subtract(work.next_odd, work.last_odd, out=work.odd_bins)
        self._backward.inverse(count)
        np.subtract(work.ahead, work.behind, out=work.difference)
        np.add(work.ahead, work.behind, out=out)
        np.multiply(out, self._sine, out=out)
        np.divide(out, work.difference, out=out)


class _Work(NamedTuple):
    """Views of the arrays of some frames, each of shape (frames, rows, ...)."""

    windowed: Float32
    squared: Float32
    above: Float32
    below: Float32
    real: Float32
    imaginary: Float32
    sums: Float32
    density: Float32
    even: Float32
    next_odd: Float32
    last_odd: Float32
    even_bins: Float32
    odd_bins: Float32
    ahead: Float32
    behind: Float32
    difference: Float32


def half_sine(n: Float64 | NDArray[np.intp], width: int) -> Float64:
    """Return sin(pi (n + 1/2) / width) where positive, zero outside, at fractional positions too."""
    phase = (np.asarray(n, np.float64) + 0.5) / width
    inside = (phase > 0.0) & (phase < 1.0)
    result: Float64 = np.where(inside, np.sin(np.pi * phase), 0.0)
    return result
