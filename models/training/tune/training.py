"""Train a TUNe by contrast: resumable, with the same result wherever it is interrupted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models.training.runfolder import read_checkpoint, write_checkpoint
from models.training.tune.architecture import Architecture
from models.training.tune.contrast import contrast
from models.training.tune.examples import Pairs
from models.training.tune.network import Projector, TuneNetwork

CHECKPOINT_FORMAT = 1
PUBLISHED_RATE = 3e-4
"""Learning rate of the published variants; the smallest has fewer steps and takes larger ones."""


@dataclass(frozen=True)
class Plan:
    """How to train."""

    steps: int = 1400
    """Number in all, including those of earlier runs: an hour of one core for the smallest variant."""
    batch: int = 16
    """Clips at once, two views of each; 48 as published."""
    learning_rate: float = 1e-3
    """Of Adam, held."""
    seed: int = 0


class Trainer:
    """The state of a training run.

    Args:
        architecture: of the encoder.
        pairs: makes the batch of a seed.
        plan: how to train.
        device: of torch.
    """

    def __init__(
        self,
        architecture: Architecture,
        pairs: Callable[[Sequence[int]], Pairs],
        plan: Plan,
        device: str = "cpu",
    ) -> None:
        torch.manual_seed(plan.seed)
        self.step = 0
        self.plan = plan
        self.network = TuneNetwork(architecture)
        self.projector = Projector(architecture.size)
        self._pairs = pairs
        self._device = torch.device(device)
        self._whole = nn.Sequential(self.network, self.projector).to(self._device)
        self._optimizer = torch.optim.Adam(self._whole.parameters(), lr=plan.learning_rate)
        self._kind = {"format": CHECKPOINT_FORMAT, "architecture": asdict(architecture)}

    def advance(self) -> float:
        """Do one step and return its loss."""
        views, labels = self._pairs([self.plan.seed, self.step])
        loss = contrast(self._whole(views.to(self._device)), labels.to(self._device))
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self.step += 1
        return float(loss.detach())

    def save(self, path: Path) -> None:
        """Write a checkpoint; the old one stays until the new one is whole."""
        state: dict[str, Any] = {
            **self._kind,
            "step": self.step,
            "whole": self._whole.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        write_checkpoint(path, state)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            TrainingError: it is none, of another version or variant, or of a training that diverged.
        """
        refusal = "is no TUNe checkpoint of this version and variant"
        with read_checkpoint(path, self._device, self._kind, refusal) as state:
            self._whole.load_state_dict(state["whole"])
            self._optimizer.load_state_dict(state["optimizer"])
            self.step = int(state["step"])
