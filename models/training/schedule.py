"""How a training runs: what the learning rate does over the steps, and when checkpoints are written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

Loss = TypeVar("Loss")
Loss_co = TypeVar("Loss_co", covariant=True)


class Planned(Protocol):
    """How long to train."""

    @property
    def steps(self) -> int:
        """How many in all."""


class Resumable(Protocol[Loss_co]):
    """The state of a training run."""

    step: int

    @property
    def plan(self) -> Planned:
        """How to train."""

    def advance(self) -> Loss_co:
        """Do one step and return its loss."""

    def save(self, path: Path) -> None:
        """Write a checkpoint."""


def rise(step: int, steps: int) -> float:
    """Return the share of the learning rate where it rises to its full value over the first steps."""
    return min(1.0, (step + 1) / steps)


def fall(step: int, steps: int, share: float) -> float:
    """Return the share of the learning rate where it falls to 0 in a line over a last share of the steps."""
    last = share * steps
    return min(1.0, (steps - step) / last) if last >= 1.0 else 1.0


def train(
    trainer: Resumable[Loss], checkpoint: Path, report: Callable[[int, Loss], None], every: int = 250
) -> None:
    """Run to the plan's steps; write the checkpoint every so often and at the end, an interrupt included."""
    try:
        while trainer.step < trainer.plan.steps:
            report(trainer.step, trainer.advance())
            if trainer.step % every == 0:
                trainer.save(checkpoint)
    finally:
        trainer.save(checkpoint)
