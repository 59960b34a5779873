"""Targets for pre-training an encoder: k-means clusters of log-mel spectra; HuBERT starts from MFCCs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from transformers.audio_utils import mel_filter_bank

from models.extractor.windows import RATE, STEP

Float32 = NDArray[np.float32]

BANDS = 64
"""Mel bands; MFCC would leave out the harmonics, and with them the pitch."""
WINDOW = 640
"""Samples, 40 ms: harmonics of a voice stand apart in it."""
MIN_HZ = 60.0
_MIN_POWER = 1e-4
ROUNDS = 12


def log_mel(audio: Float32) -> Float32:
    """Return log-mel spectra of a stretch of audio at 16 kHz, its level and its mean spectrum taken off.

    Args:
        audio: (samples,), a multiple of `STEP`.

    Returns:
        (samples / STEP + 1, BANDS); frame i is centred at sample i * STEP.
    """
    padded = np.pad(audio, WINDOW // 2)
    pieces = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::STEP]
    power = np.square(np.abs(np.fft.rfft(pieces * np.hanning(WINDOW))))
    power = power / (power.mean() + 1e-12)
    mel = mel_filter_bank(
        WINDOW // 2 + 1,
        BANDS,
        MIN_HZ,
        RATE / 2,
        RATE,
        mel_scale="htk",
        triangularize_in_mel_space=True,
    )
    levels = np.log(power @ mel + _MIN_POWER)
    return np.asarray(levels - levels.mean(0), np.float32)


def k_means(points: Float32, clusters: int, rng: np.random.Generator) -> Float32:
    """Return centres by Lloyd's algorithm, (clusters, width); one without points stays where it was."""
    centres = points[rng.choice(len(points), clusters, replace=False)].copy()
    for _ in range(ROUNDS):
        nearest = nearest_of(points, centres)
        for cluster in np.unique(nearest):
            centres[cluster] = points[nearest == cluster].mean(0)
    return centres


def nearest_of(points: Float32, centres: Float32) -> NDArray[np.int64]:
    """Return the index of the nearest centre of each point, (points,)."""
    return np.asarray(np.argmin(np.square(centres).sum(1) - 2.0 * points @ centres.T, axis=1))
