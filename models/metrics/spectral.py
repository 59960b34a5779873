"""Spectral distances of aligned recordings: the loss that training minimises, and one in decibels."""

from __future__ import annotations

import math

import numpy as np
import soxr
from numpy.typing import NDArray

from models.metrics.bandlevels import band_levels
from models.metrics.extras import eval_extra
from models.metrics.trackers import TRACKERS

RATE = 48000
"""The loss is taken at the rate of training: scores of recordings at different rates can be compared."""


def stft_loss(audio: NDArray[np.float32], target: NDArray[np.float32], sample_rate: int) -> float:
    """Return `models.differentiable.losses.multi_scale_loss`, 0 for equal audio.

    Args:
        audio: mono, shape (samples,), float32, at least 2048 samples at 48 kHz.
        target: of the same shape, aligned to the sample.
        sample_rate: hertz, any.

    Raises:
        MissingExtraError: torch is not installed.
    """
    with eval_extra():
        import torch  # noqa: PLC0415 - an extra

        from models.differentiable.losses import multi_scale_loss  # noqa: PLC0415 - needs torch
    a, b = (torch.from_numpy(_at_training_rate(x, sample_rate))[None] for x in (audio, target))
    with torch.inference_mode():
        return float(multi_scale_loss(a, b))


def log_spectral_distance(audio: NDArray[np.float32], target: NDArray[np.float32], sample_rate: int) -> float:
    """Return the log-spectral distance in dB (Gray and Markel 1976): 0 for equal audio.

    The root of the mean over bands of (10 log P / Q)^2, a mean over the frames where the target is voiced; P
    and Q are the powers in the bands of `models.metrics.bandlevels`, each one harmonic wide, so that neither
    noise between harmonics nor a pitch that is cents off counts as a distance.

    Args:
        audio: mono, shape (samples,), float32.
        target: of the same shape, aligned to the sample.
        sample_rate: a native rate in hertz.

    Returns:
        Not a number where the target is nowhere voiced.
    """
    track = TRACKERS["periodicity"].track(target, sample_rate)
    a, b = (band_levels(x, sample_rate, track) for x in (audio, target))
    if not b.voiced.any():
        return math.nan
    apart = (a.levels - b.levels + (a.loudness - b.loudness)[:, None])[b.voiced]
    return float(np.sqrt(np.nanmean(apart**2, axis=1)).mean())


def _at_training_rate(audio: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    same = sample_rate == RATE
    return np.ascontiguousarray(audio if same else soxr.resample(audio, sample_rate, RATE), np.float32)
