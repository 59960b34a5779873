"""The terms of the losses are what the formulas say."""

from __future__ import annotations

import math

import numpy as np
import torch

from models.training.guide.seed.coding import Draw
from models.training.guide.seed.losses import divergence, game, likeness_loss, surprise


def draw_of(mean: torch.Tensor, log_variance: torch.Tensor) -> Draw:
    return Draw(mean, log_variance, mean)


def test_the_divergence_of_the_prior_is_nothing() -> None:
    assert float(divergence(draw_of(torch.zeros(3, 5), torch.zeros(3, 5)))) == 0.0


def test_the_divergence_is_the_integral() -> None:
    """Of one number, summed over a fine grid, and of several the sum."""
    mean, log_variance = torch.tensor([[0.7, -0.2]]), torch.tensor([[-1.0, 0.5]])
    x = np.linspace(-12.0, 12.0, 200_001)
    total = 0.0
    for m, v in zip(mean[0].tolist(), log_variance.exp()[0].tolist(), strict=True):
        log_q = -0.5 * (x - m) ** 2 / v - 0.5 * math.log(2.0 * math.pi * v)
        log_p = -0.5 * x**2 - 0.5 * math.log(2.0 * math.pi)
        total += float(np.sum(np.exp(log_q) * (log_q - log_p)) * (x[1] - x[0]))
    assert math.isclose(float(divergence(draw_of(mean, log_variance))), total, rel_tol=1e-5)


def test_the_surprise_is_a_normal_density() -> None:
    torch.manual_seed(0)
    wanted, found = torch.rand(2, 3, 4, 5)
    log_scale = torch.tensor([-0.7])
    scale = math.exp(-0.7)
    densities = np.exp(-0.5 * ((wanted - found).numpy() / scale) ** 2) / (scale * math.sqrt(2.0 * math.pi))
    nats = -np.log(densities).sum(axis=(1, 2)).mean()
    assert math.isclose(float(surprise(wanted, found, log_scale)), float(nats), rel_tol=1e-5)


def test_the_likeness_is_half_the_squared_distance() -> None:
    a, b = np.random.default_rng(0).standard_normal((2, 3, 4, 5, 6))
    loss = likeness_loss(torch.from_numpy(a), torch.from_numpy(b))
    assert math.isclose(float(loss), 0.5 * float(((a - b) ** 2).sum((1, 2, 3)).mean()), rel_tol=1e-9)


def test_the_game_is_log_odds() -> None:
    real, again, sampled = np.random.default_rng(0).standard_normal((3, 7))
    chance = [1.0 / (1.0 + np.exp(-logits)) for logits in (real, again, sampled)]
    wanted = np.log(chance[0]).mean() + np.log(1.0 - chance[1]).mean() + np.log(1.0 - chance[2]).mean()
    found = game(*(torch.from_numpy(logits) for logits in (real, again, sampled)))
    assert math.isclose(float(found), float(wanted), rel_tol=1e-9)
    assert math.isclose(
        float(game(torch.zeros(2), torch.zeros(2), torch.zeros(2))), 3.0 * math.log(0.5), rel_tol=1e-6
    )
