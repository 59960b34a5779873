"""How a training runs: on which device, with what learning rate, and when checkpoints are written."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

import torch

from models.errors import TrainingError

Loss = TypeVar("Loss", float, dict[str, float])
Loss_co = TypeVar("Loss_co", float, dict[str, float], covariant=True)


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

    def load(self, path: Path) -> None:
        """Go on from a checkpoint."""

    def save(self, path: Path) -> None:
        """Write a checkpoint."""


def device_of(name: str | None) -> str:
    """Return the device of torch that is asked for; CUDA where there is one, else the CPU, for None.

    Raises:
        TrainingError: it is not there.
    """
    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError("there is no CUDA device that this torch can use; train on the device 'cpu'")
    return name


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
    """Run to the plan's steps; write the checkpoint every so often and at the end, an interrupt included.

    Raises:
        TrainingError: the loss is not finite; the weights are spoiled then, and the checkpoint before stays.
    """
    sound = True
    try:
        while trainer.step < trainer.plan.steps:
            step = trainer.step
            loss = trainer.advance()
            sound = _is_finite(loss)
            if not sound:
                raise TrainingError(
                    f"the loss of step {step} is not finite; run the same command to go on from the last "
                    f"checkpoint, or delete {checkpoint} to start afresh"
                )
            report(step, loss)
            if trainer.step % every == 0:
                trainer.save(checkpoint)
    finally:
        if sound:
            trainer.save(checkpoint)


def resume(
    trainer: Resumable[Loss], work: Path, report: Callable[[int, Loss], None], every: int = 250
) -> None:
    """Train on from the checkpoint in the folder of a run, or from the start without one; see `train`."""
    checkpoint = work / "checkpoint.pt"
    if checkpoint.exists():
        trainer.load(checkpoint)
    train(trainer, checkpoint, report, every)


def _is_finite(loss: float | dict[str, float]) -> bool:
    return all(map(math.isfinite, loss.values() if isinstance(loss, dict) else [loss]))
