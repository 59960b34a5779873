"""The mel spectrogram of a clip, in dB and normalised, and the way back to sound."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.units import LN_POWER_PER_DB
from models.embedding.frames import mel_filters
from models.metrics.extras import eval_extra

Float32 = NDArray[np.float32]

RATE = 22050
"""Hertz."""
SECONDS = 10
CLIP = RATE * SECONDS
"""Samples of a clip."""
WINDOW, HOP, MELS = 1024, 256, 80
FRAMES = CLIP // HOP - 1
"""860 of a clip, as in the seed's last model."""
LOWEST_HZ, HIGHEST_HZ = 40.0, 11025.0
FLOOR_DB = -80.0
"""The mean power of a band that is 0, re full scale; 0 dB is 1. A sine of amplitude 1 has -5 dB at 1 kHz."""
ROUNDS = 32
"""Of Griffin and Lim's algorithm."""
_LEAST = np.float32(1e-12)
_FILTERS = mel_filters(RATE, WINDOW, MELS, LOWEST_HZ, HIGHEST_HZ)
_HANN = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)
_SCALE = np.float32(2.0 / _HANN.sum())


def spectrogram(audio: Float32) -> Float32:
    """Return the normalised mel spectrogram of a clip.

    Args:
        audio: mono at `RATE`, shape (`CLIP`,), float32.

    Returns:
        Shape (`MELS`, `FRAMES`), float32, 0 (`FLOOR_DB` or less) to 1 (0 dB or more); frame k is centred at
        sample k * `HOP`.
    """
    padded = np.pad(audio, WINDOW // 2)
    pieces = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:FRAMES]
    power = np.square(np.abs(np.fft.rfft(pieces * (_HANN * _SCALE)))).astype(np.float32) @ _FILTERS.T
    level = np.log(np.maximum(power, _LEAST)) / np.float32(LN_POWER_PER_DB)
    return np.asarray(np.clip(1.0 - level / FLOOR_DB, 0.0, 1.0).T, np.float32)


def decibels(normalised: Float32) -> Float32:
    """Return the levels of a normalised spectrogram, of the same shape, dB."""
    return np.asarray((1.0 - normalised) * FLOOR_DB, np.float32)


def sound(normalised: Float32) -> Float32:
    """Return a clip with such a spectrogram, magnitudes by the filters' inverse and phases by Griffin-Lim.

    Args:
        normalised: as `spectrogram` returns it.

    Returns:
        Mono at `RATE`, shape (`CLIP`,), float32.

    Raises:
        MissingExtraError: librosa is not installed.
    """
    with eval_extra():
        import librosa  # noqa: PLC0415 - an extra
    power = np.exp(decibels(normalised) * np.float32(LN_POWER_PER_DB))
    power[normalised <= 0.0] = 0.0
    linear = np.maximum(np.linalg.pinv(_FILTERS) @ power, 0.0)
    found = librosa.griffinlim(
        np.sqrt(linear) / _SCALE, n_iter=ROUNDS, hop_length=HOP, n_fft=WINDOW, random_state=0
    )
    return np.pad(np.asarray(found, np.float32), (0, CLIP - found.size))  # the last frame has half a window
