"""Minimum-phase FIR filters from log-magnitudes on fixed hertz grids, and their time-varying convolution."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dsp.fourier import RealTransform, fast_size
from dsp.units import CACHED_HOPS, hop_size

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

    def read(self, controls: Float32) -> Float32:
        """Return the levels at the bins of controls that stand side by side.

        Args:
            controls: of every source, one after the other, shape (count, points in all), float32.

        Returns:
            Shape (count, sources, hop + 1), float32.
        """
        levels, step = controls.take(self._left, axis=1), controls.take(self._right, axis=1)
        step -= levels
        step *= self._part
        levels += step
        return levels


class MinimumPhase:
    """Turn log-magnitudes into minimum-phase impulse responses by the folded cepstrum.

    (Oppenheim and Schafer, Discrete-Time Signal Processing, ch. 13.) A voice is close to minimum phase, and
    such a filter adds no delay: the published SawSing filter is zero-phase and needs half its length.
    `models.differentiable.filters.minimum_phase` is the same in torch.

    Args:
        hop: samples per hop; the responses have twice as many.
        rows: responses of a set.
        sets: the most sets made at once.
    """

    def __init__(self, hop: int, rows: int = 1, sets: int = 1) -> None:
        self._transform = RealTransform(2 * hop, rows, sets)
        self._bins = self._transform.spectrum.reshape(sets, rows, -1)
        self._signal = self._transform.signal.reshape(sets, rows, -1)
        fold, fade = fold_and_fade(2 * hop)
        self._fold, self._fade = fold / np.float32(2 * hop), fade / np.float32(2 * hop)
        # With gaps between the rows numpy never joins them into one loop, so no set changes another's bits.
        self._scratch = np.zeros((3, sets, rows, hop + 2), np.float32)[..., :-1]

    def respond(self, log_magnitude: Float32, out: Float32, logarithm: Complex64) -> None:
        """Make responses.

        Args:
            log_magnitude: natural log at multiples of 50 Hz up to Nyquist, float32, shape
                (sets, rows, hop + 1).
            out: where the responses go: 20 ms, the last 5 ms faded out, shape (sets, rows, 2 * hop), float32.
            logarithm: where log-magnitudes and, as imaginary parts, phases in radians, unwrapped, go,
                complex64, shape of `log_magnitude`.
        """
        sets = log_magnitude.shape[0]
        bins, signal = self._bins[:sets], self._signal[:sets]
        magnitude, angle, part = self._scratch[:, :sets]
        np.copyto(bins, log_magnitude)
        self._transform.inverse(sets)
        signal *= self._fold
        self._transform.forward(sets)
        np.copyto(logarithm, bins)
        # The real part is the log-magnitude again. Its exponential and that of the imaginary part are taken
        # apart: three times as fast as the complex one.
        np.exp(log_magnitude, out=magnitude)
        np.copyto(angle, bins.imag)
        np.multiply(magnitude, np.cos(angle, out=part), out=bins.real)
        np.multiply(magnitude, np.sin(angle, out=part), out=bins.imag)
        self._transform.inverse(sets)
        np.multiply(signal, self._fade, out=out)


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
        self._longest = 3 * self.hop
        size = fast_size(self._longest)
        self._minimum_phase = MinimumPhase(self.hop, sources, CACHED_HOPS)
        self._impulses = RealTransform(size, sources, CACHED_HOPS, inverse=False)
        self._windowed = RealTransform(size, 2 * sources, CACHED_HOPS, inverse=False)
        self._wet = RealTransform(size, 1, CACHED_HOPS, forward=False)
        self._short = self._impulses.signal.reshape(CACHED_HOPS, sources, -1)[..., : 2 * self.hop]
        self._bins = self._impulses.spectrum.reshape(CACHED_HOPS, sources, -1)
        self._frames = self._windowed.signal.reshape(CACHED_HOPS, 2, sources, -1)
        self._products = self._windowed.spectrum.reshape(CACHED_HOPS, 2 * sources, -1)
        self._ringing = np.zeros(self._longest, np.float32)
        self._full_ramps = _ramps(self.hop, size)

    def responses(self, log_magnitude: Float32) -> tuple[Complex64, Complex64]:
        """Prepare filters for `process`.

        Args:
            log_magnitude: natural log per source at the filter bins, float32, shape
                (count, sources, hop + 1).

        Returns:
            The filters, shape (count, sources, bins), and their logarithms at the filter bins, log-magnitude
            and phase, unwrapped, shape (sources, count, hop + 1), complex64; new arrays.
        """
        made = np.empty((log_magnitude.shape[0], *self._bins.shape[1:]), np.complex64)
        logarithms = np.empty(log_magnitude.swapaxes(0, 1).shape, np.complex64)
        logarithm = logarithms.swapaxes(0, 1)
        for start in range(0, made.shape[0], CACHED_HOPS):
            levels = log_magnitude[start : start + CACHED_HOPS]
            count = levels.shape[0]
            self._minimum_phase.respond(levels, self._short[:count], logarithm[start : start + count])
            self._impulses.forward(count)
            made[start : start + count] = self._bins[:count]
        return made, logarithms

    def process(self, x: Float32, positions: Sequence[int], responses: Complex64) -> Float32:
        """Filter any number of samples.

        Args:
            x: sources, shape (sources, n), float32.
            positions: of the knots; the first is 0, the last n, and between two lies a hop at most.
            responses: the filters at the knots, shape (knots, sources, bins).

        Returns:
            The sum of the filtered sources, shape (n,), float32.
        """
        n, longest = x.shape[1], self._longest
        y = np.zeros(n + longest, np.float32)
        y[:longest] = self._ringing
        segments = list(pairwise(positions))
        for first in range(0, len(segments), CACHED_HOPS):
            part = segments[first : first + CACHED_HOPS]
            self._convolve(x, part, responses[first : first + len(part) + 1])
            for (start, _), wet in zip(part, self._wet.signal, strict=False):
                y[start : start + longest] += wet[:longest]
        self._ringing = y[n:].copy()
        return y[:n]

    def _convolve(self, x: Float32, segments: Sequence[tuple[int, int]], responses: Complex64) -> None:
        """Filter each segment by itself, into the first sets of `_wet`."""
        count, sources = len(segments), x.shape[0]
        for (start, stop), frame in zip(segments, self._frames, strict=False):
            length = stop - start
            ramps = self._full_ramps
            if length < self.hop:
                ramps = _ramps(length, self._wet.size)
                frame[:, :, length : self.hop] = 0.0
            np.multiply(x[:, start:stop], ramps[:, None], out=frame[:, :, :length])
        self._windowed.forward(count)
        bins = self._products[:count]
        bins[:, :sources] *= responses[:-1]
        bins[:, sources:] *= responses[1:]
        np.add.reduce(bins, axis=1, out=self._wet.spectrum[:count])
        self._wet.inverse(count)

    def reset(self) -> None:
        """Silence what still rings."""
        self._ringing[:] = 0.0


def _ramps(length: int, size: int) -> Float32:
    """Return a falling and a rising ramp, shape (2, length), that also undo the scale of a transform."""
    ramps = np.empty((2, length), np.float32)
    rise = np.divide(np.arange(length, dtype=np.float32), np.float32(length), out=ramps[1])
    np.subtract(np.float32(1.0), rise, out=ramps[0])
    ramps /= np.float32(size)
    return ramps
