"""Minimum-phase FIR filters from log-magnitudes on fixed hertz grids, and their time-varying convolution."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dsp.fourier import RealTransform
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
        levels, step = joined.take(self._left), joined.take(self._right)
        step -= levels
        step *= self._part
        levels += step
        return levels


class MinimumPhase:
    """Turn log-magnitudes into minimum-phase impulse responses by the folded cepstrum.

    (Oppenheim and Schafer, Discrete-Time Signal Processing, ch. 13.) A voice is close to minimum phase, and
    such a filter adds no delay: the published SawSing filter is zero-phase and needs half its length.
    `models.synthesis.minimum_phase` is the same in torch.

    Args:
        hop: samples per hop; the responses have twice as many.
        rows: responses made at once.
    """

    def __init__(self, hop: int, rows: int = 1) -> None:
        self._transform = RealTransform(2 * hop, rows)
        fold, fade = fold_and_fade(2 * hop)
        self._fold, self._fade = fold / np.float32(2 * hop), fade / np.float32(2 * hop)
        self._magnitude, self._angle, self._part = np.empty((3, rows, hop + 1), np.float32)

    def respond(self, log_magnitude: Float32, out: Float32) -> None:
        """Make responses.

        Args:
            log_magnitude: natural log at multiples of 50 Hz up to Nyquist, float32, shape (rows, hop + 1).
            out: where the responses go: 20 ms, the last 5 ms faded out, shape (rows, 2 * hop), float32.
        """
        bins, angle, part = self._transform.spectrum, self._angle, self._part
        np.copyto(bins, log_magnitude)
        self._transform.inverse()
        self._transform.signal *= self._fold
        self._transform.forward()
        # The real part is the log-magnitude again. Its exponential and that of the imaginary part are taken
        # apart: three times as fast as the complex one.
        magnitude = np.exp(log_magnitude, out=self._magnitude)
        np.copyto(angle, bins.imag)
        np.multiply(magnitude, np.cos(angle, out=part), out=bins.real)
        np.multiply(magnitude, np.sin(angle, out=part), out=bins.imag)
        self._transform.inverse()
        np.multiply(self._transform.signal, self._fade, out=out)


@lru_cache(maxsize=16)
def fold_and_fade(size: int) -> tuple[Float32, Float32]:
    """Return the weights of a cepstrum that make it causal, and those that end its response softly.

    Both have the shape (size,), float32.
    """
    fold = np.zeros(size, np.float32)
    fold[0] = fold[size // 2] = 1.0
    fold[1 : size // 2] = 2.0
    fade = np.ones(size, np.float32)
    quarter = size // 4
    fade[-quarter:] = 0.5 + 0.5 * np.cos(np.pi * (np.arange(quarter) + 0.5) / quarter)
    return fold, fade


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
        size = 3 * self.hop
        self._minimum_phase = MinimumPhase(self.hop, sources)
        self._impulses = RealTransform(size, sources)
        self._frames = RealTransform(size, 2 * sources)
        self._wet = RealTransform(size)
        self._ring = np.zeros(4 * self.hop, np.float32)
        self._full_ramps = _ramps(self.hop, size)

    def response(self, log_magnitude: Float32) -> Complex64:
        """Prepare a filter for `process`.

        Args:
            log_magnitude: natural log per source at the filter bins, shape (sources, hop + 1), float32.
        """
        self._minimum_phase.respond(log_magnitude, self._impulses.signal[:, : 2 * self.hop])
        self._impulses.forward()
        return self._impulses.spectrum.copy()

    def process(self, x: Float32, knots: Sequence[tuple[int, Complex64]]) -> Float32:
        """Filter up to one hop.

        Args:
            x: sources, shape (sources, n), n <= hop, float32.
            knots: (position, response) pairs; the first at 0, the last at n, positions increasing.

        Returns:
            The sum of the filtered sources, shape (n,), float32.
        """
        n, ring = x.shape[1], self._ring
        for (start, left), (stop, right) in pairwise(knots):
            self._convolve(x[:, start:stop], left, right)
            ring[start : start + self._wet.size] += self._wet.signal[0]
        y = ring[:n].copy()
        ring[:-n] = ring[n:]
        ring[-n:] = 0.0
        return y

    def _convolve(self, x: Float32, left: Complex64, right: Complex64) -> None:
        sources, length = x.shape
        whole = length == self.hop
        frames, bins = self._frames.signal, self._frames.spectrum
        if not whole:
            frames[:, length : self.hop] = 0.0
        falling, rising = self._full_ramps if whole else _ramps(length, self._wet.size)
        np.multiply(x, falling, out=frames[:sources, :length])
        np.multiply(x, rising, out=frames[sources:, :length])
        self._frames.forward()
        before, after = bins[:sources], bins[sources:]
        before *= left
        after *= right
        np.add.reduce(bins, axis=0, out=self._wet.spectrum[0])
        self._wet.inverse()

    def reset(self) -> None:
        """Silence what still rings."""
        self._ring[:] = 0.0


def _ramps(length: int, size: int) -> Float32:
    """Return a falling and a rising ramp, shape (2, length), that also undo the scale of a transform."""
    rise = np.arange(length, dtype=np.float32) / np.float32(length)
    return np.asarray(np.stack([1.0 - rise, rise]) / np.float32(size), np.float32)
