"""The training losses: multi-scale STFT (DDSP, Engel et al. 2020), energy of bands and between harmonics."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dsp.filters import hertz_grid
from models.differentiable.filters import grid_matrix
from models.differentiable.fourier import rfft

FFT_SIZES = (256, 512, 1024, 2048)
LOG_FLOOR = 1e-5
BAND_FFT = 1024
BAND_STEP_HZ = 400.0
APERIODIC_FFT = 4096
"""85 ms: the harmonics of a bass are apart."""


@lru_cache(maxsize=32)
def _window(size: int, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # made while scoring, it would be kept and refused by a training step
        return torch.hann_window(size, device=device)


def magnitudes(audio: Tensor, size: int) -> Tensor:
    """Return STFT magnitudes with 75 % overlap, unit gain for a full-scale sine: (batch, bins, frames)."""
    window = _window(size, audio.device)
    bins = rfft(audio.unfold(1, size, size // 4) * window, size)
    return torch.sqrt(bins.real**2 + bins.imag**2 + 1e-14).transpose(1, 2) * (2.0 / window.sum())


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


@lru_cache(maxsize=4)
def _bands(size: int, sample_rate: int, device: torch.device) -> Tensor:
    """Return overlapping triangles that add up to 1 over the bins, (bins, bands)."""
    grid = hertz_grid(BAND_STEP_HZ)
    hertz = np.asarray(np.fft.rfftfreq(size, 1.0 / sample_rate), np.float64)
    return grid_matrix(grid, hertz).T.contiguous().to(device)


def band_energy_loss(output: Tensor, target: Tensor, sample_rate: int) -> Tensor:
    """Return the L1 of log-energy in bands wider than a harmonic spacing, over about 40 ms.

    Where peaks and noise cannot be matched bin by bin, L1 settles for the median and the sound turns dull:
    the energy of a whole band has to be right all the same.

    Args:
        output: audio, (batch, samples).
        target: audio of the same shape.
        sample_rate: hertz.
    """
    matrix = _bands(BAND_FFT, sample_rate, output.device)
    levels = []
    for audio in (output, target):
        energy = torch.einsum("bft,fk->bkt", magnitudes(audio, BAND_FFT) ** 2, matrix)
        levels.append(torch.log(functional.avg_pool1d(energy, 4, 2) + LOG_FLOOR**2))
    return 0.5 * (levels[0] - levels[1]).abs().mean()


def aperiodic_loss(output: Tensor, target: Tensor, f0: Tensor, sample_rate: int) -> Tensor:
    """Return the L1 of log-energy between the harmonics, in the bands of `band_energy_loss`.

    L1 on magnitudes draws noise below its level, since two noises differ least when one is silent, and the
    energy of a band is that of its harmonics: without this, voices come out 8 dB too clean.

    Args:
        output: audio, (batch, samples).
        target: audio of the same shape.
        f0: hertz per sample, of the same shape; where nothing is voiced it does not matter.
        sample_rate: hertz.
    """
    matrix = _bands(APERIODIC_FFT, sample_rate, output.device)
    step = APERIODIC_FFT // 4
    centres = f0[:, APERIODIC_FFT // 2 :: step]
    hertz = torch.arange(APERIODIC_FFT // 2 + 1, device=f0.device) * (sample_rate / APERIODIC_FFT)
    levels = []
    for audio in (output, target):
        power = magnitudes(audio, APERIODIC_FFT) ** 2
        cycles = hertz[None, :, None] / centres[:, None, : power.shape[2]]
        between = torch.clamp(1.0 - 4.0 * (cycles - cycles.floor() - 0.5).abs(), min=0.0)
        energy = torch.einsum("bft,fk->bkt", power * between, matrix)
        levels.append(torch.log(functional.avg_pool1d(energy, 4, 2) + LOG_FLOOR**2))
    return 0.5 * (levels[0] - levels[1]).abs().mean()
