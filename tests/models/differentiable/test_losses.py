"""The multi-scale spectral loss: its zero, its scale, and scoring and training in one process."""

from __future__ import annotations

import math

import pytest
import torch

from models.differentiable.losses import _window, aperiodic_loss, magnitudes, multi_scale_loss


def noise(seed: int) -> torch.Tensor:
    return torch.randn(1, 4800, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [256, 512, 1024, 2048])
def test_a_full_scale_sine_has_the_magnitude_one(size: int) -> None:
    sine = torch.sin(2.0 * torch.pi * 8.0 / size * torch.arange(4800))[None]
    assert float(magnitudes(sine, size).amax()) == pytest.approx(1.0, abs=2e-3)


def test_equal_sounds_lose_nothing_and_unlike_sounds_lose_more_than_like_ones() -> None:
    target, other = noise(1), noise(2)
    assert float(multi_scale_loss(target, target)) == 0.0
    near, far = multi_scale_loss(target + 0.01 * other, target), multi_scale_loss(other, target)
    assert 0.0 < float(near) < 0.2 * float(far)


@pytest.mark.parametrize("size", [256, 512, 1024, 2048])
def test_a_scale_counts_with_the_root_of_its_size(size: int) -> None:
    """20 * sqrt(size / 1024) times the mean distance of the magnitudes, besides that of their logarithms."""
    output, target = noise(1), 0.1 * noise(2)
    linear = (magnitudes(output, size) - magnitudes(target, size)).abs().mean()
    logarithms = float(multi_scale_loss(output, target, [size], linear_weight=0.0))
    factor = {256: 10.0, 512: 20.0 / 2.0**0.5, 1024: 20.0, 2048: 20.0 * 2.0**0.5}[size]
    assert float(multi_scale_loss(output, target, [size])) == pytest.approx(
        logarithms + factor * float(linear), rel=1e-5
    )
    assert 1.5 < logarithms < 3.0  # about ln 10


def test_the_loss_is_the_mean_over_the_scales() -> None:
    output, target = noise(1), 0.1 * noise(2)
    each = [float(multi_scale_loss(output, target, [size])) for size in (256, 512, 1024, 2048)]
    assert float(multi_scale_loss(output, target)) == pytest.approx(sum(each) / 4.0, rel=1e-5)


def test_scoring_first_does_not_hinder_training_afterwards() -> None:
    _window.cache_clear()
    with torch.inference_mode():
        multi_scale_loss(noise(1), noise(2))
    output = noise(3).requires_grad_()
    multi_scale_loss(output, noise(2)).backward()  # type: ignore[no-untyped-call]
    assert output.grad is not None
    assert torch.isfinite(output.grad).all()


def buzz(f0: float, hiss: float, seed: int, harmonics: float = 1.0) -> torch.Tensor:
    """Harmonics of equal strength up to 20 kHz, and white noise, two seconds at 48 kHz."""
    time = torch.arange(96000, dtype=torch.float64) / 48000.0
    numbers = torch.arange(1.0, 20000.0 // f0, dtype=torch.float64)
    waves = torch.sin(2.0 * torch.pi * f0 * numbers[:, None] * time).sum(0)
    drawn = torch.randn(96000, generator=torch.Generator().manual_seed(seed))
    return (0.01 * harmonics * waves.float() + hiss * drawn)[None]


@pytest.mark.parametrize("f0", [110.0, 220.0, 440.0])
def test_the_noise_between_harmonics_counts_by_its_level_and_the_harmonics_do_not(f0: float) -> None:
    hertz = torch.full((1, 96000), f0)
    target = buzz(f0, 0.01, 1)
    assert float(aperiodic_loss(buzz(f0, 0.01, 2), target, hertz, 48000)) < 0.09
    assert float(aperiodic_loss(buzz(f0, 0.01, 2, harmonics=2.0), target, hertz, 48000)) < 0.1
    for ratio in (0.25, 0.5, 2.0):  # of amplitude; half the difference of ln of power is ln of it
        found = float(aperiodic_loss(buzz(f0, 0.01 * ratio, 2), target, hertz, 48000))
        assert found == pytest.approx(abs(math.log(ratio)), abs=0.15)
