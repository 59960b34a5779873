"""Progressive distillation: a student learns to do in one step what its teacher does in two, again and again.

Salimans and Ho 2022, algorithm 2; LHQ-SVC's figure 1. The learning rate falls to 0 within each halving and no
average of the weights is kept, as in their published configurations.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.training.refiner.diffusion import Denoise, ddim_step, diffused, levels, log_snr, loss


@dataclass(frozen=True)
class Halving:
    """How one halving is trained."""

    updates: int
    learning_rate: float = 5e-5
    """At the beginning."""


def target(teacher: Denoise, noisy: Tensor, time: Tensor, count: int) -> Tensor:
    """Return the clean data that brings a student in one step to where two steps of the teacher lead.

    Args:
        teacher: makes 2 `count` steps.
        noisy: at `time`, shape (batch, ...).
        time: shape (batch,), whole multiples of 1 / `count`, above 0.
        count: steps of the student.
    """
    middle, end = log_snr(time - 0.5 / count), log_snr((time - 1.0 / count).clamp(min=0.0))
    start = log_snr(time)
    none = noisy  # a DDIM step takes no noise
    halfway = ddim_step(noisy, teacher(noisy, start), start, middle, none)
    last = teacher(halfway, middle)
    there = ddim_step(halfway, last, middle, end, none)
    signal, spread = levels(start, noisy)
    end_signal, end_spread = levels(end, noisy)
    ratio = end_spread / spread
    found = (there - ratio * noisy) / (end_signal - ratio * signal)
    is_last = (time <= 1.0 / count).reshape(-1, *[1] * (noisy.ndim - 1))
    return torch.where(is_last, last, found)


def halved(
    teacher: nn.Module,
    batches: Iterator[tuple[Tensor, Callable[[nn.Module], Denoise]]],
    count: int,
    plan: Halving,
    generator: torch.Generator,
) -> nn.Module:
    """Train a student that makes half the steps of its teacher, beginning with the teacher's weights.

    Args:
        teacher: makes 2 `count` steps.
        batches: clean data, shape (batch, ...), and what makes a denoiser for them of a network: it knows
            their condition.
        count: steps of the student.
        plan: how to train it.
        generator: of times and noise.

    Returns:
        The student, in evaluation mode.
    """
    teacher = teacher.eval()
    student = copy.deepcopy(teacher).train().requires_grad_(requires_grad=True)
    optimizer = torch.optim.Adam(student.parameters(), lr=plan.learning_rate)
    for update in range(plan.updates):
        clean, denoiser = next(batches)
        for group in optimizer.param_groups:
            group["lr"] = plan.learning_rate * (1.0 - update / plan.updates)
        time = torch.randint(1, count + 1, clean.shape[:1], generator=generator) / count
        snr = log_snr(time)
        noisy = diffused(clean, snr, torch.randn(clean.shape, generator=generator))
        with torch.no_grad():
            wanted = target(denoiser(teacher), noisy, time, count)
        optimizer.zero_grad(set_to_none=True)
        loss(denoiser(student)(noisy, snr), wanted, snr).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
    return student.eval()
