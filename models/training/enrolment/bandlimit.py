"""Up to where recordings hold anything, and losses that do not ask for more: many files end early."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from dsp.ltas import AUDIBLE_DB
from models.training.corpus import TRAINING_RATE, Recording

NYQUIST = TRAINING_RATE / 2
CLIFF_DB = 25.0
"""Within `CLIFF_HZ`: a file that was cut falls so far and stays there, which no voice does by itself."""
CLIFF_HZ = 1000.0
EDGE_DB = 10.0
"""So far down its cliff is where a band ends."""
LOWEST_HZ = 3000.0
"""Of a cut; below, formants have slopes as steep."""
SMOOTH_HZ = 250.0
FADE_HZ = 500.0


def band_limit(recordings: Sequence[Recording]) -> float:
    """Return up to where the recordings of a voice hold anything, hertz; half the rate where that is all.

    What lies above the cut need not be silence: codecs and converters leave noise.
    """
    loud = [record.power[record.loudness > record.loudness.max() - AUDIBLE_DB] for record in recordings]
    peaks = np.percentile(np.concatenate(loud), 99.0, axis=0)
    bin_hz = NYQUIST / (peaks.size - 1)
    width, reach, lowest = (round(hertz / bin_hz) for hertz in (SMOOTH_HZ, CLIFF_HZ, LOWEST_HZ))
    power = np.convolve(np.pad(peaks, width // 2, mode="edge"), np.ones(width) / width, "same")
    level = 10.0 * np.log10(power[width // 2 :][: peaks.size] + 1e-20)
    above = np.maximum.accumulate(level[::-1])[::-1]
    (cliffs,) = np.nonzero(level[lowest:-reach] - above[lowest + reach :] > CLIFF_DB)
    if cliffs.size == 0:
        return NYQUIST
    top = lowest + int(cliffs[0])
    edge = top + int(np.argmax(level[top : top + reach + 1] < level[top] - EDGE_DB))
    return float(edge * bin_hz)


def below(audio: Tensor, limits: Tensor) -> Tensor:
    """Take away what lies above a limit, so that a loss compares only what is below.

    Args:
        audio: (batch, samples) at 48 kHz.
        limits: hertz, (batch,), from `band_limit`.
    """
    if bool((limits >= NYQUIST).all()):
        return audio
    hertz = torch.fft.rfftfreq(audio.shape[1], 1.0 / TRAINING_RATE, device=audio.device)
    gains = ((limits[:, None] - hertz) / FADE_HZ).clamp(0.0, 1.0)
    gains = torch.where(limits[:, None] < NYQUIST, gains, torch.ones_like(gains))
    kept: Tensor = torch.fft.irfft(torch.fft.rfft(audio) * gains, audio.shape[1])
    return kept
