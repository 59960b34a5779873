"""Diffusion in continuous time: the noise schedule, the forward process, its reverse and two samplers.

After Huang et al. 2024, "LHQ-SVC", equations 2 to 10, which are those of Salimans and Ho 2022, "Progressive
Distillation for Fast Sampling of Diffusion Models", in other letters. Time runs from 0 (clean) to 1 (noise).
How noisy data are is told by the logarithm of their signal-to-noise ratio, the paper's theta. `signal` is its
beta and `spread` its gamma: noisy = signal * clean + spread * noise, with signal^2 + spread^2 = 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

MAX_LOG_SNR = 20.0
"""At time 0; its negative at time 1."""

Denoise = Callable[[Tensor, Tensor], Tensor]
"""Estimates the clean data, shape (batch, ...), from noisy data of that shape and their log-SNR, (batch,)."""


def log_snr(time: Tensor) -> Tensor:
    """Return the cosine schedule's log-SNR at times in 0..1, same shape."""
    end = math.atan(math.exp(-MAX_LOG_SNR / 2.0))
    span = math.atan(math.exp(MAX_LOG_SNR / 2.0)) - end
    return -2.0 * torch.log(torch.tan(span * time + end))


def levels(snr: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return signal and spread for log-SNRs, shape (batch,), ready to be multiplied with data like `like`."""
    shaped = snr.reshape(-1, *[1] * (like.ndim - 1))
    return torch.sigmoid(shaped).sqrt(), torch.sigmoid(-shaped).sqrt()


def diffused(clean: Tensor, snr: Tensor, noise: Tensor) -> Tensor:
    """Add noise to clean data (equation 2).

    Args:
        clean: shape (batch, ...).
        snr: log-SNR, shape (batch,).
        noise: normal, like `clean`.
    """
    signal, spread = levels(snr, clean)
    return signal * clean + spread * noise


def added(noisy: Tensor, snr: Tensor, later: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of noisier data, given less noisy data (equations 3 and 4).

    Args:
        noisy: at `snr`, shape (batch, ...).
        snr: log-SNR, shape (batch,).
        later: that of the noisier data, shape (batch,), smaller.
    """
    signal, _ = levels(snr, noisy)
    later_signal, later_spread = levels(later, noisy)
    return later_signal / signal * noisy, _left(later, snr, noisy).sqrt() * later_spread


def reverse(noisy: Tensor, clean: Tensor, snr: Tensor, earlier: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of less noisy data, given noisy and clean data (equations 6 to 8).

    Args:
        noisy: at `snr`, shape (batch, ...).
        clean: known or estimated, like `noisy`.
        snr: log-SNR, shape (batch,).
        earlier: that of the less noisy data, shape (batch,), larger.
    """
    signal, _ = levels(snr, noisy)
    earlier_signal, earlier_spread = levels(earlier, noisy)
    left = _left(snr, earlier, noisy)
    mean = (1.0 - left) * earlier_signal / signal * noisy + left * earlier_signal * clean
    return mean, left.sqrt() * earlier_spread


def _left(noisier: Tensor, cleaner: Tensor, like: Tensor) -> Tensor:
    """Return 1 - exp(theta_noisier - theta_cleaner), exact where the two are close."""
    return -torch.expm1(noisier - cleaner).reshape(-1, *[1] * (like.ndim - 1))


class Step(Protocol):
    """From noisy data to less noisy data, by an estimate of the clean data."""

    def __call__(self, noisy: Tensor, clean: Tensor, snr: Tensor, earlier: Tensor, noise: Tensor) -> Tensor:
        """Return the data at the log-SNR `earlier`; see `reverse`."""


def ddim_step(noisy: Tensor, clean: Tensor, snr: Tensor, earlier: Tensor, noise: Tensor) -> Tensor:  # noqa: ARG001 - a Step
    """Go on without new noise (equation 10)."""
    signal, spread = levels(snr, noisy)
    earlier_signal, earlier_spread = levels(earlier, noisy)
    return earlier_signal * clean + earlier_spread / spread * (noisy - signal * clean)


def ancestral_step(share: float) -> Step:
    """Return the step with new noise (equation 9).

    Args:
        share: the paper's kappa, 0..1: from the spread of `reverse` to that of `added`.
    """

    def step(noisy: Tensor, clean: Tensor, snr: Tensor, earlier: Tensor, noise: Tensor) -> Tensor:
        mean, small = reverse(noisy, clean, snr, earlier)
        _, large = added(noisy, earlier, snr)
        return mean + small ** (1.0 - share) * large**share * noise

    return step


def sample(
    denoise: Denoise, start: Tensor, times: Sequence[float], step: Step, noises: Callable[[int], Tensor]
) -> Tensor:
    """Denoise step by step; the last estimate of the clean data is the result.

    Args:
        denoise: see `Denoise`.
        start: data at the first time, shape (batch, ...).
        times: falling, in 0..1, one for each call of `denoise`.
        step: `ddim_step` or an `ancestral_step`.
        noises: returns the noise of a step by its number, like `start`.

    Returns:
        Shape of `start`.

    Raises:
        ValueError: no times.
    """
    if not times:
        raise ValueError("a sample takes one time at least; give the times of its steps")
    levels_of = [log_snr(torch.full(start.shape[:1], time)) for time in times]
    noisy = start
    clean = denoise(noisy, levels_of[0])
    for number, (snr, earlier) in enumerate(pairwise(levels_of)):
        noisy = step(noisy, clean, snr, earlier, noises(number))
        clean = denoise(noisy, earlier)
    return clean


def steps(count: int) -> list[float]:
    """Return the times of a sample in so many steps: 1 and down by equal parts."""
    return [(count - number) / count for number in range(count)]


def loss(estimated: Tensor, clean: Tensor, snr: Tensor) -> Tensor:
    """Return the mean squared error of an estimate, weighted by the larger of SNR and 1 (equation 5).

    It is the larger of the errors of the data and of the noise ("truncated SNR", Salimans and Ho).
    """
    weight = torch.exp(snr).clamp(min=1.0).reshape(-1, *[1] * (clean.ndim - 1))
    return (weight * (estimated - clean) ** 2).mean()
