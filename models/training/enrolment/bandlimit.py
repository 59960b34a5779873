"""Up to where recordings hold anything, and losses that do not ask for more: old or small files end early."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from dsp.ltas import AUDIBLE_DB
from models.training.corpus import TRAINING_RATE, Recording

SILENT_DB = -85.0
"""Of a bin in the loudest frames, relative to the loudest: voices have -75 dB at 20 kHz, cut bands -100."""
FADE_HZ = 500.0
WHOLE_HZ = TRAINING_RATE / 2 - FADE_HZ
"""From here on a recording counts as whole."""


def band_limit(recordings: Sequence[Recording]) -> float:
    """Return up to where the recordings of a voice hold anything, hertz; half the rate where that is all."""
    loud = [record.power[record.loudness > record.loudness.max() - AUDIBLE_DB] for record in recordings]
    peaks = np.percentile(np.concatenate(loud), 99.0, axis=0)
    (held,) = np.nonzero(peaks > peaks.max() * 10.0 ** (SILENT_DB / 10.0))
    hertz = float(held[-1]) * TRAINING_RATE / 2 / (peaks.size - 1)
    return hertz if hertz < WHOLE_HZ else TRAINING_RATE / 2


def below(audio: Tensor, limits: Tensor) -> Tensor:
    """Take away what lies above a limit, so that a loss compares only what is below.

    Args:
        audio: (batch, samples) at 48 kHz.
        limits: hertz, (batch,), from `band_limit`.
    """
    if bool((limits >= TRAINING_RATE / 2).all()):
        return audio
    hertz = torch.fft.rfftfreq(audio.shape[1], 1.0 / TRAINING_RATE, device=audio.device)
    gains = ((limits[:, None] - hertz) / FADE_HZ).clamp(0.0, 1.0)
    gains = torch.where(limits[:, None] < TRAINING_RATE / 2, gains, torch.ones_like(gains))
    kept: Tensor = torch.fft.irfft(torch.fft.rfft(audio) * gains, audio.shape[1])
    return kept
