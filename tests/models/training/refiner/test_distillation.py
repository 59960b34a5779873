"""Distillation on a problem with a known answer: one step makes a mixture of Gaussians of noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.extras import needs

needs("torch")

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from models.training.refiner.diffusion import Denoise, ddim_step, diffused, log_snr, loss, sample, steps  # noqa: E402
from models.training.refiner.distillation import Halving, halved, target  # noqa: E402

Float64 = NDArray[np.float64]
MEANS, DEVIATIONS, WEIGHTS = (-1.2, 0.8), (0.3, 0.5), (0.4, 0.6)


def true_denoiser(noisy: Tensor, snr: Tensor) -> Tensor:
    """Return the best estimate of data of the mixture, shape (batch, 1)."""
    signal, noise = torch.sigmoid(snr).sqrt()[:, None], torch.sigmoid(-snr)[:, None]
    likely, best = [], []
    for mean, deviation, weight in zip(MEANS, DEVIATIONS, WEIGHTS, strict=True):
        variance = signal**2 * deviation**2 + noise
        off = noisy - signal * mean
        likely.append(math.log(weight) - 0.5 * torch.log(variance) - 0.5 * off**2 / variance)
        best.append(mean + signal * deviation**2 / variance * off)
    return (torch.softmax(torch.stack(likely), 0) * torch.stack(best)).sum(0)


def cumulative(values: Float64) -> Float64:
    """Return the mixture's distribution function."""
    found = np.zeros(len(values))
    for mean, deviation, weight in zip(MEANS, DEVIATIONS, WEIGHTS, strict=True):
        found += weight * normal((values - mean) / deviation)
    return found


def normal(values: Float64) -> Float64:
    """Return the normal distribution function."""
    return np.array([0.5 * (1.0 + math.erf(value / math.sqrt(2.0))) for value in values])


def transported(noise: Float64) -> Float64:
    """Return where diffusion brings noise without new noise: in one dimension, the monotone map."""
    grid = np.linspace(-4.0, 4.0, 4001)
    found: Float64 = np.interp(normal(noise), cumulative(grid), grid)
    return found


class Small(nn.Module):
    """A denoiser of one number."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, 64),
            nn.SiLU(),
            nn.Linear(64, 64),
            nn.SiLU(),
            nn.Linear(64, 64),
            nn.SiLU(),
            nn.Linear(64, 1),
        )

    def forward(self, noisy: Tensor, snr: Tensor) -> Tensor:
        """Estimate the velocity, and with it the clean data."""
        signal, spread = torch.sigmoid(snr).sqrt()[:, None], torch.sigmoid(-snr).sqrt()[:, None]
        velocity = self.layers(torch.cat([noisy, snr[:, None] / 10.0], 1))
        clean: Tensor = signal * noisy - spread * velocity
        return clean


def drawn(generator: torch.Generator, number: int) -> Tensor:
    """Draw from the mixture, shape (number, 1)."""
    which = (torch.rand((number, 1), generator=generator) >= WEIGHTS[0]).long()
    normal = torch.randn((number, 1), generator=generator)
    return torch.tensor(MEANS)[which] + torch.tensor(DEVIATIONS)[which] * normal


def error(denoise: Denoise, count: int) -> float:
    """Return the root mean square error of a sample in so many steps, noise being normal."""
    noise = np.sort(np.random.default_rng(5).normal(size=2000))
    found = sample(denoise, torch.from_numpy(noise).float()[:, None], steps(count), ddim_step, torch.zeros)
    return float(np.sqrt(np.mean((found[:, 0].detach().numpy() - transported(noise)) ** 2)))


def test_one_step_of_the_target_is_two_of_the_teacher() -> None:
    noisy = torch.linspace(-3.0, 3.0, 64, dtype=torch.float64)[:, None]
    for time, count in ((1.0, 1), (0.5, 4), (0.25, 4)):
        at = torch.full((64,), time, dtype=torch.float64)
        wanted = target(true_denoiser, noisy, at, count)
        middle, end = log_snr(at - 0.5 / count), log_snr(at - 1.0 / count)
        once = ddim_step(noisy, wanted, log_snr(at), end, noisy)
        halfway = ddim_step(noisy, true_denoiser(noisy, log_snr(at)), log_snr(at), middle, noisy)
        twice = ddim_step(halfway, true_denoiser(halfway, middle), middle, end, noisy)
        torch.testing.assert_close(once, twice, atol=2e-4, rtol=0.0)


def test_a_mixture_of_gaussians_in_one_step() -> None:
    """From a trained teacher of 16 steps by four halvings to one; one step of the teacher itself fails."""
    generator = torch.Generator().manual_seed(2)
    torch.manual_seed(0)
    teacher = Small()
    optimizer = torch.optim.Adam(teacher.parameters(), 3e-3)
    for update in range(1500):
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * (1.0 - update / 1500)
        clean = drawn(generator, 512)
        snr = log_snr(torch.rand(512, generator=generator).clamp(0.02, 1.0))
        noisy = diffused(clean, snr, torch.randn(clean.shape, generator=generator))
        optimizer.zero_grad()
        loss(teacher(noisy, snr), clean, snr).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    def batches() -> Iterator[tuple[Tensor, Callable[[nn.Module], Denoise]]]:
        while True:
            yield drawn(generator, 512), lambda network: network

    student: nn.Module = teacher
    for count in (8, 4, 2, 1):
        student = halved(student, batches(), count, Halving(600, 2e-3), generator)
    with torch.no_grad():
        assert error(true_denoiser, 256) < 0.005
        assert error(teacher, 16) < 0.08
        assert error(teacher, 1) > 1.0
        assert error(student, 1) < 0.08
        noise = torch.randn((20_000, 1), generator=generator)
        made = student(noise, log_snr(torch.ones(20_000)))
    assert float(made.mean()) == pytest.approx(0.0, abs=0.05)
    assert float(made.std()) == pytest.approx(float(drawn(generator, 20_000).std()), abs=0.07)
