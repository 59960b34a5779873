"""Spectral distance: the multi-scale STFT loss that training minimises, as a score."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from models.metrics.extras import eval_extra

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


def _at_training_rate(audio: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    same = sample_rate == RATE
    return np.ascontiguousarray(audio if same else soxr.resample(audio, sample_rate, RATE), np.float32)
