"""The equations of diffusion against numpy, and what its samplers make of a Gaussian."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.extras import needs

needs("torch")

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from models.training.refiner.diffusion import (  # noqa: E402
    added,
    ancestral_step,
    ddim_step,
    diffused,
    log_snr,
    loss,
    reverse,
    sample,
    steps,
)

Float64 = NDArray[np.float64]
RNG = np.random.default_rng(3)
CLEAN, NOISY, NOISE = (RNG.normal(size=(4, 3, 5)) for _ in range(3))
THETA = np.array([6.0, 1.5, -0.5, -4.0])
"""Of the noisier data; that of the less noisy data is `RHO`."""
RHO = np.array([9.0, 1.6, 3.0, 0.0])


def beta(theta: Float64) -> Float64:
    found: Float64 = np.sqrt(1.0 / (1.0 + np.exp(-theta)))[:, None, None]
    return found


def gamma(theta: Float64) -> Float64:
    return beta(-theta)


def share_left() -> Float64:
    found: Float64 = (1.0 - np.exp(THETA - RHO))[:, None, None]
    return found


def tensors(*arrays: Float64) -> list[Tensor]:
    return [torch.from_numpy(array) for array in arrays]


def close(found: Tensor, wanted: Float64) -> None:
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-12, atol=1e-12)


def test_the_schedule_falls_from_20_to_minus_20() -> None:
    time = torch.linspace(0.0, 1.0, 101, dtype=torch.float64)
    found = log_snr(time)
    assert found[0] == pytest.approx(20.0)
    assert found[50] == pytest.approx(0.0, abs=1e-9)  # as much signal as noise
    assert found[-1] == pytest.approx(-20.0)
    assert (found.diff() < 0).all()


def test_equation_2() -> None:
    clean, theta, noise = tensors(CLEAN, THETA, NOISE)
    close(diffused(clean, theta, noise), beta(THETA) * CLEAN + gamma(THETA) * NOISE)


def test_equations_3_and_4() -> None:
    noisy, theta, rho = tensors(NOISY, THETA, RHO)
    mean, spread = added(noisy, rho, theta)
    close(mean, beta(THETA) / beta(RHO) * NOISY)
    close(spread, np.sqrt(share_left()) * gamma(THETA))


def test_equation_5_weighs_by_snr_but_never_less_than_1() -> None:
    estimated, clean, theta = tensors(NOISY, CLEAN, THETA)
    weight = np.maximum(np.exp(THETA), 1.0)[:, None, None]
    assert float(loss(estimated, clean, theta)) == pytest.approx(np.mean(weight * (NOISY - CLEAN) ** 2))


def test_equations_7_and_8() -> None:
    noisy, clean, theta, rho = tensors(NOISY, CLEAN, THETA, RHO)
    mean, spread = reverse(noisy, clean, theta, rho)
    ratio = np.exp(THETA - RHO)[:, None, None]
    close(mean, ratio * beta(RHO) / beta(THETA) * NOISY + (1.0 - ratio) * beta(RHO) * CLEAN)
    close(spread, np.sqrt(share_left()) * gamma(RHO))


@pytest.mark.parametrize("kappa", [0.0, 0.3, 1.0])
def test_equation_9(kappa: float) -> None:
    noisy, clean, theta, rho, noise = tensors(NOISY, CLEAN, THETA, RHO, NOISE)
    ratio = np.exp(THETA - RHO)[:, None, None]
    small, large = share_left() * gamma(RHO) ** 2, share_left() * gamma(THETA) ** 2
    wanted = (
        ratio * beta(RHO) / beta(THETA) * NOISY
        + (1.0 - ratio) * beta(RHO) * CLEAN
        + np.sqrt(small ** (1.0 - kappa) * large**kappa) * NOISE
    )
    close(ancestral_step(kappa)(noisy, clean, theta, rho, noise), wanted)


def test_equation_10() -> None:
    noisy, clean, theta, rho, noise = tensors(NOISY, CLEAN, THETA, RHO, NOISE)
    wanted = beta(RHO) * CLEAN + gamma(RHO) * (NOISY - beta(THETA) * CLEAN) / gamma(THETA)
    close(ddim_step(noisy, clean, theta, rho, noise), wanted)


def test_the_reverse_of_what_was_added_is_consistent() -> None:
    """Bayes: noise added to less noisy data, and taken away again, leaves their distribution."""
    clean, theta, rho = tensors(CLEAN, THETA, RHO)
    signal, spread = beta(THETA), gamma(THETA)
    mean_later = torch.from_numpy(signal * CLEAN)
    mean, deviation = reverse(mean_later, clean, theta, rho)
    close(mean, beta(RHO) * CLEAN)
    slope = np.exp(THETA - RHO)[:, None, None] * beta(RHO) / beta(THETA)
    close(deviation**2 + torch.from_numpy((slope * spread) ** 2), gamma(RHO) ** 2)


@pytest.mark.parametrize(
    ("name", "count", "error"),
    [("ddim", 64, 0.02), ("ancestral", 256, 0.03), ("ancestral noisier", 256, 0.03)],
)
def test_a_sampler_with_the_true_denoiser_makes_the_data_again(name: str, count: int, error: float) -> None:
    """Data of one Gaussian, whose best estimate is known in closed form."""
    mean, deviation, number = 1.5, 0.4, 40_000

    def denoise(noisy: Tensor, snr: Tensor) -> Tensor:
        signal, noise = torch.sigmoid(snr).sqrt()[:, None], torch.sigmoid(-snr)[:, None]
        precision = signal**2 / noise + deviation**-2
        return (signal * noisy / noise + mean / deviation**2) / precision

    generator = torch.Generator().manual_seed(1)
    start = torch.randn((number, 1), generator=generator, dtype=torch.float64)
    step = {"ddim": ddim_step, "ancestral": ancestral_step(0.0), "ancestral noisier": ancestral_step(0.3)}[
        name
    ]

    def noises(_: int) -> Tensor:
        return torch.randn(start.shape, generator=generator, dtype=torch.float64)

    found = sample(denoise, start, steps(count), step, noises)
    assert float(found.mean()) == pytest.approx(mean, abs=error)
    assert float(found.std()) == pytest.approx(deviation, abs=error)
    if name == "ddim":  # deterministic: the map from noise to data is monotone, so it is known, too
        np.testing.assert_allclose(found, mean + deviation * start, atol=0.06)


def test_a_sample_without_times_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a sample takes one time at least"):
        sample(lambda noisy, _: noisy, torch.zeros(1), [], ddim_step, lambda _: torch.zeros(1))
