"""What the singer embedding reads: log-mel frames in which somebody sings, in crops of equal level."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import ArrayLike, NDArray

from dsp.units import LN_POWER_PER_DB

Float32 = NDArray[np.float32]

RATE = 16000
"""Hertz: every recording reaches up to 8 kHz, so that its bandwidth does not tell who sings."""
HOP = 160
"""Samples of a frame, 10 ms."""
WINDOW = 512
MELS = 80
LOWEST_HZ, HIGHEST_HZ = 50.0, 7600.0
CROP = 243
"""Frames that are read at once."""
STEP = CROP // 2
"""Frames from one crop to the next, at most, ..."""
MOST = 128
"""... but of no more crops, two and a half minutes, which tell who sings as well as an hour does."""
SILENCE_DB = 35.0
"""A frame so far below the loud ones has no voice in it, ..."""
SILENT_DB = -100.0
"""... nor has one below this level, dB re full scale: dither."""
FLOOR_DB = -60.0
"""Levels lower than this against the crop's mean power say nothing."""
SCALE_DB = 20.0
_FLOOR = np.float32(10.0 ** (FLOOR_DB / 10.0))
_LEAST = np.float32(1e-20)  # power, -200 dB
_LN_PER_DB = np.float32(LN_POWER_PER_DB)
_TOGETHER = 1024  # frames whose spectra are held at once


def _mel(hertz: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(hertz) / 700.0))


def mel_filters(rate: int, window: int, bands: int, lowest_hz: float, highest_hz: float) -> Float32:
    """Return overlapping triangles of equal width in mel, each of sum 1, shape (bands, window // 2 + 1)."""
    lowest, highest = _mel([lowest_hz, highest_hz])
    width = (highest - lowest) / (bands + 1)
    centres = lowest + width * np.arange(1, bands + 1)
    bins = _mel(np.arange(window // 2 + 1) * (rate / window))
    triangles = np.maximum(1.0 - np.abs(bins - centres[:, None]) / width, 0.0)
    # The lowest are narrower than a bin: they read the bin at their centre.
    nearest = np.abs(bins - centres[:, None]).argmin(axis=1)
    triangles[np.arange(bands), nearest] += np.where(triangles.sum(axis=1) > 0.0, 0.0, 1.0)
    return np.asarray(triangles / triangles.sum(axis=1, keepdims=True), np.float32)


_FILTERS = mel_filters(RATE, WINDOW, MELS, LOWEST_HZ, HIGHEST_HZ)
_HANN = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)
_HANN *= 2.0 / _HANN.sum()


def levels(audio: Float32, sample_rate: int) -> Float32:
    """Return the levels of mel bands.

    Args:
        audio: mono, shape (samples,), float32, of any level.
        sample_rate: hertz, any.

    Returns:
        dB, shape (frames, 80), float32, a frame for every 10 ms that begins within the audio, each centred
        there; a sine of amplitude 1 has about 0 dB, silence -200.
    """
    x = audio if sample_rate == RATE else soxr.resample(audio, sample_rate, RATE)
    count = -(-x.size // HOP)
    padded = np.zeros(count * HOP + WINDOW, np.float32)
    padded[WINDOW // 2 : WINDOW // 2 + x.size] = x
    pieces = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:count]
    power = np.zeros((count, MELS), np.float32)
    for at in range(0, count, _TOGETHER):
        spectrum = np.fft.rfft(pieces[at : at + _TOGETHER] * _HANN)
        power[at : at + _TOGETHER] = np.square(np.abs(spectrum)).astype(np.float32) @ _FILTERS.T
    return np.asarray(np.log(np.maximum(power, _LEAST)) / _LN_PER_DB, np.float32)


def power_of(level: Float32) -> Float32:
    """Return the power of levels in dB, of their shape, float32."""
    return np.asarray(np.exp(level * _LN_PER_DB), np.float32)


def sung(level: Float32) -> Float32:
    """Return the frames that are not much quieter than the loud ones, shape (n, 80); none of silence."""
    if not level.size:
        return level
    loudness = 10.0 * np.log10(power_of(level).mean(axis=1))
    loud = max(float(np.percentile(loudness, 95.0)) - SILENCE_DB, SILENT_DB)
    return np.asarray(level[loudness > loud])


def crops(level: Float32) -> Float32:
    """Cut frames into crops.

    Args:
        level: dB, shape (n, 80), n at least 1.

    Returns:
        Shape (crops, 243, 80), float32, spread evenly from the first frame to the last; fewer frames than one
        crop has are repeated.
    """
    if len(level) <= CROP:
        return normalized(power_of(level[np.arange(CROP) % len(level)][None]))
    last = len(level) - CROP
    starts = np.linspace(0, last, min(MOST, 1 - (-last // STEP))).round().astype(int)
    return normalized(power_of(np.stack([level[start : start + CROP] for start in starts])))


def normalized(power: Float32) -> Float32:
    """Return the levels of crops, of equal loudness, in the range that a network reads.

    Args:
        power: above 0, shape (crops, 243, 80).

    Returns:
        -3 to about 2, of the same shape, float32; the mean power is 0.
    """
    mean = power.mean(axis=(1, 2), keepdims=True)
    found = np.log(np.maximum(power / mean, _FLOOR)) / (_LN_PER_DB * SCALE_DB)
    return np.asarray(found, np.float32)
