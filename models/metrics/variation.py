"""How much the bands of a voice vary: global variance and modulation spectrum, against another voice."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from models.metrics.bandlevels import BANDS_HZ, STEPS_PER_SECOND, BandLevels

RANGES_HZ = ((4.0, 10.0), (10.0, 20.0), (30.0, 50.0))
"""Of modulation: syllables and vibrato; tremor and glides; roughness."""
_SEGMENT = 64
"""Frames whose modulation is looked at in one: 320 ms, 3.1 Hz apart."""
_LEAST = 20
"""Voiced frames that a variance needs: 100 ms."""
_STILL = 1e-6
"""Modulation of less than a thousandth of a decibel is none, dB squared."""

Float64 = NDArray[np.float64]


class Variation(NamedTuple):
    """Of a voice in each of `models.metrics.bandlevels.BANDS_HZ`; not a number where it cannot be told."""

    variance: Float64
    """Of the level over voiced frames, dB squared, shape (bands,)."""
    modulation: Float64
    """Of the level in each of `RANGES_HZ`, dB re an effective value of 1 dB, shape (ranges, bands)."""


class Compared(NamedTuple):
    """A voice against another, over the bands that both have; not a number where there is none."""

    variance: float
    """Ratio of the variances, summed over bands: 1 as much, 0 still."""
    modulation: tuple[float, ...]
    """By how many dB the modulation in each of `RANGES_HZ` is stronger, a mean over bands."""


def variation(bands: BandLevels) -> Variation:
    """Measure how the bands of a voice vary.

    The global variance of band b (Toda and Tokuda 2007) is v(b) = mean over t of (y(t, b) - mean of y(b))^2,
    where y is the level in dB and t the voiced frames. Here y is relative to the frame's loudness: how loud
    each note is sung belongs to the song, as the 0th cepstral coefficient does.

    The modulation spectrum (Takamichi et al. 2016) is s(b, m) = log of the squared magnitude of the Fourier
    transform of y(., b) at m hertz. Here y is the level itself, less its straight line, under Hann windows of
    320 ms within voiced stretches; powers are summed over each range of m, and the logarithms averaged over
    the windows.
    """
    frames = bands.levels[bands.voiced]
    variance = frames.var(axis=0) if frames.shape[0] >= _LEAST else np.full(BANDS_HZ.size, math.nan)
    return Variation(variance, _modulation(bands))


def mean_variation(measured: Sequence[Variation]) -> Variation:
    """Return the means of what was measured, each over the voices that have it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a mean of nothing, which is not a number
        return Variation(*(np.nanmean(np.stack(parts), axis=0) for parts in zip(*measured, strict=True)))


def compare_variation(sung: Variation, real: Variation) -> Compared:
    """Compare how two voices vary."""
    both = np.isfinite(sung.variance) & np.isfinite(real.variance)
    there = float(real.variance[both].sum())
    ratio = float(sung.variance[both].sum()) / there if there > 0.0 else math.nan
    more = (sung.modulation - real.modulation)[:, np.isfinite(sung.modulation + real.modulation).all(axis=0)]
    return Compared(ratio, tuple(more.mean(axis=1).tolist() if more.size else len(RANGES_HZ) * [math.nan]))


def _modulation(bands: BandLevels) -> Float64:
    """Return the modulation in each range, shape (ranges, bands)."""
    level = bands.levels + bands.loudness[:, None]
    ramp = np.linspace(-1.0, 1.0, _SEGMENT)
    ramp /= np.linalg.norm(ramp)
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * (np.arange(_SEGMENT) + 0.5) / _SEGMENT)
    hertz = np.fft.rfftfreq(_SEGMENT, 1.0 / STEPS_PER_SECOND)
    inside = np.array([(hertz >= low) & (hertz <= high) for low, high in RANGES_HZ], np.float64)
    found = []
    for start in _starts(bands.voiced):
        y = level[start : start + _SEGMENT]
        y = y - y.mean(axis=0) - np.outer(ramp, ramp @ y)
        power = np.abs(np.fft.rfft(y * window[:, None], axis=0)) ** 2
        power *= 2.0 / (_SEGMENT * np.sum(window**2))
        found.append(10.0 * np.log10(np.maximum(inside @ power, _STILL)))
    return np.mean(found, axis=0) if found else np.full((len(RANGES_HZ), BANDS_HZ.size), math.nan)


def _starts(voiced: NDArray[np.bool_]) -> list[int]:
    """Return where windows within voiced stretches start, half a window apart in each."""
    if voiced.size < _SEGMENT:
        return []
    whole = sliding_window_view(voiced, _SEGMENT).all(axis=1)
    found: list[int] = []
    for start in np.flatnonzero(whole).tolist():
        if not found or start - found[-1] >= _SEGMENT // 2:
            found.append(start)
    return found
