"""Minimum-phase FIR filters from log-magnitudes on fixed hertz grids, and their time-varying convolution."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.units import hop_size

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Complex64 = NDArray[np.complex64]

FILTER_BIN_HZ = 50.0
TOP_HZ = 24000.0


def hertz_grid(step_hz: float, knee_hz: float = 2000.0, top_hz: float = TOP_HZ) -> Float64:
    """Return frequencies `step_hz` apart up to the knee, then at the constant ratio 1 + step / knee.

    The grid ends on `top_hz`; shape (points,), hertz, increasing from 0.
    """
    linear = np.arange(0.0, knee_hz, step_hz)
    count = round(np.log(top_hz / knee_hz) / np.log1p(step_hz / knee_hz))
    return np.concatenate([linear, np.geomspace(knee_hz, top_hz, count + 1)])


HARMONIC_GRID = hertz_grid(50.0)
"""Frequencies of the harmonic filter's log-magnitudes, hertz, shape (142,)."""
NOISE_GRID = hertz_grid(100.0)
"""Frequencies of the noise filter's log-magnitudes, hertz, shape (72,)."""


def filter_bins(sample_rate: int) -> Float64:
    """Return the filter's bin frequencies: multiples of 50 Hz to Nyquist, shape (hop + 1,)."""
    return np.arange(hop_size(sample_rate) + 1, dtype=np.float64) * FILTER_BIN_HZ


class GridReader:
    """Interpolate log-magnitudes from hertz grids to filter bins, several sources in one pass.

    Args:
        sample_rate: a native rate in hertz.
        grids: the frequencies of each source's log-magnitudes, hertz, each shape (points,).
    """

    def __init__(self, sample_rate: int, grids: Sequence[Float64]) -> None:
        bins = filter_bins(sample_rate)
        places = [np.interp(bins, grid, np.arange(grid.size)) for grid in grids]
        starts = np.cumsum([0, *(grid.size for grid in grids[:-1])])
        left = [
            np.minimum(place.astype(np.intp), grid.size - 2)
            for place, grid in zip(places, grids, strict=True)
        ]
        self._left = np.stack([index + start for index, start in zip(left, starts, strict=True)])
        self._right = self._left + 1
        self._part = np.stack([place - index for place, index in zip(places, left, strict=True)]).astype(
            np.float32
        )

    def read(self, *controls: Float32) -> Float32:
        """Return the levels at the bins, shape (sources, hop + 1), float32, of controls, (points,) each."""
        joined = np.concatenate(controls)
        levels = joined[self._left]
        levels += self._part * (joined[self._right] - levels)
        return np.asarray(levels, np.float32)


@lru_cache(maxsize=16)
def _fold_and_fade(size: int) -> tuple[Float32, Float32]:
    fold = np.zeros(size, np.float32)
    fold[0] = fold[size // 2] = 1.0
    fold[1 : size // 2] = 2.0
    fade = np.ones(size, np.float32)
    quarter = size // 4
    fade[-quarter:] = 0.5 + 0.5 * np.cos(np.pi * (np.arange(quarter) + 0.5) / quarter)
    return fold, fade


def minimum_phase(log_magnitude: Any, xp: Any = np) -> Any:  # noqa: ANN401 - arrays of numpy or of torch
    """Turn log-magnitudes into minimum-phase impulse responses by the folded cepstrum.

    (Oppenheim and Schafer, Discrete-Time Signal Processing, ch. 13.) A voice is close to minimum phase, and
    such a filter adds no delay: the published SawSing filter is zero-phase and needs half its length.

    Args:
        log_magnitude: natural log at multiples of 50 Hz up to Nyquist, float32, shape (..., hop + 1).
        xp: the array namespace of the input: `numpy`, or `torch` when training.

    Returns:
        Impulse responses of 20 ms, the last 5 ms faded out, shape (..., 2 * hop).
    """
    size = 2 * (log_magnitude.shape[-1] - 1)
    fold, fade = (xp.asarray(part, device=log_magnitude.device) for part in _fold_and_fade(size))
    cepstrum = xp.fft.irfft(log_magnitude, size) * fold
    spectrum = xp.fft.rfft(cepstrum)
    # exp of the real and imaginary part apart: three times as fast as the complex exp of either library.
    angle = spectrum.imag
    spectrum = xp.exp(spectrum.real) * (xp.cos(angle) + 1j * xp.sin(angle))
    return xp.fft.irfft(spectrum, size) * fade


class TimeVaryingFilter:
    """Convolve sources with FIR filters that change linearly between knots, and sum the sources.

    Each output sample is the input convolved with responses cross-faded over overlapping triangular windows,
    so filters glide rather than switch. The filters are causal and add no delay; they ring 20 ms on.

    Args:
        sample_rate: a native rate in hertz.
        sources: how many signals are filtered and summed.
    """

    def __init__(self, sample_rate: int, sources: int) -> None:
        self.hop = hop_size(sample_rate)
        self.latency = 0
        self.tail = 2 * self.hop
        self._size = 3 * self.hop
        self._sources = sources
        self._ring = np.zeros(4 * self.hop, np.float32)
        self._full_ramp = _ramps(self.hop)
        self._frames = np.zeros((2, sources, self.hop), np.float32)

    def response(self, log_magnitude: Float32) -> Complex64:
        """Prepare a filter for `process`.

        Args:
            log_magnitude: natural log per source at the filter bins, shape (sources, hop + 1), float32.
        """
        return np.asarray(np.fft.rfft(minimum_phase(log_magnitude), self._size))

    def process(self, x: Float32, knots: Sequence[tuple[int, Complex64]]) -> Float32:
        """Filter up to one hop.

        Args:
            x: sources, shape (sources, n), n <= hop, float32.
            knots: (position, response) pairs; the first at 0, the last at n, positions increasing.

        Returns:
            The sum of the filtered sources, shape (n,), float32.
        """
        n = x.shape[1]
        for (start, left), (stop, right) in pairwise(knots):
            length = stop - start
            ramps = self._full_ramp if length == self.hop else _ramps(length)
            frames = self._frames[:, :, :length]
            np.multiply(x[None, :, start:stop], ramps[:, None, :], out=frames)
            bins = np.fft.rfft(frames, self._size)
            bins[0] *= left
            bins[1] *= right
            wet = np.fft.irfft(bins.sum(axis=(0, 1)), self._size)
            self._ring[start : start + self._size] += wet
        y = self._ring[:n].copy()
        self._ring[:-n] = self._ring[n:]
        self._ring[-n:] = 0.0
        return y

    def reset(self) -> None:
        """Silence what still rings."""
        self._ring[:] = 0.0


def _ramps(length: int) -> Float32:
    rise = np.arange(length, dtype=np.float32) / np.float32(length)
    return np.stack([1.0 - rise, rise])
