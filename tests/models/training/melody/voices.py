"""Voices and music made for tests of the melody network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.units import hop_size

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


def vowel(rate: int, hz: Float64) -> Float32:
    """A sung vowel at a pitch for each sample, peak 0.3."""
    phase = 2.0 * np.pi * np.cumsum(hz) / rate
    wave = np.zeros(hz.size)
    for k in range(1, 31):
        partial = k * hz
        first, second = ((partial - centre) / width for centre, width in ((600.0, 250.0), (1300.0, 300.0)))
        level = 1.0 / (1.0 + first**2) + 0.4 / (1.0 + second**2) + 0.03
        wave += level / k**0.3 * (partial < 0.45 * rate) * np.sin(k * phase)
    return np.asarray(0.3 * wave / np.abs(wave).max(), np.float32)


def sung(rate: int, seconds: float, hz: float, vibrato: float = 0.0) -> tuple[Float32, Float64]:
    """A vowel with vibrato of so many cents, and its pitch at every frame."""
    t = np.arange(round(seconds * rate)) / rate
    line = hz * 2.0 ** (vibrato / 1200.0 * np.sin(2.0 * np.pi * 5.5 * t))
    return vowel(rate, line), line[:: hop_size(rate)]


def chord(rate: int, samples: int) -> Float64:
    """An organ's chord, RMS 1."""
    t = np.arange(samples) / rate
    wave = sum(np.sin(2.0 * np.pi * f * k * t) / k**2 for f in (110.0, 138.6, 164.8) for k in range(1, 6))
    return np.asarray(wave / np.sqrt(np.mean(np.square(wave))))
