"""The multi-scale STFT loss of DDSP (Engel et al. 2020): linear and logarithmic magnitudes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

FFT_SIZES = (256, 512, 1024, 2048)
LOG_FLOOR = 1e-5


@lru_cache(maxsize=32)
def _window(size: int, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # made while scoring, it would be kept and refused by a training step
        return torch.hann_window(size, device=device)


def magnitudes(audio: Tensor, size: int) -> Tensor:
    """Return STFT magnitudes with 75 % overlap, unit gain for a full-scale sine: (batch, bins, frames)."""
    window = _window(size, audio.device)
    bins = torch.stft(audio, size, size // 4, window=window, center=False, return_complex=True)
    return torch.sqrt(bins.real**2 + bins.imag**2 + 1e-14) * (2.0 / window.sum())


def multi_scale_loss(
    output: Tensor, target: Tensor, sizes: Sequence[int] = FFT_SIZES, linear_weight: float = 20.0
) -> Tensor:
    """Return the mean over scales of log-magnitude L1 plus weighted linear L1.

    Args:
        output: audio, (batch, samples).
        target: audio of the same shape.
        sizes: FFT sizes.
        linear_weight: balances the linear term, whose magnitudes are far below 1.
    """
    total = output.new_zeros(())
    for size in sizes:
        a, b = magnitudes(output, size), magnitudes(target, size)
        scale = linear_weight * (size / 1024) ** 0.5
        total = (
            total
            + scale * (a - b).abs().mean()
            + (torch.log(a + LOG_FLOOR) - torch.log(b + LOG_FLOOR)).abs().mean()
        )
    return total / len(sizes)
