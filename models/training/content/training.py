"""Train the content encoder: resumable, with the same result wherever it is interrupted."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from models.training.content.examples import ExampleMaker, Labelled, phone_weights
from models.training.content.network import ContentEncoder
from models.training.content.phones import UNKNOWN
from models.training.runfolder import read_checkpoint, write_checkpoint
from models.training.schedule import fall, rise

CHECKPOINT_FORMAT = 1
SMOOTHING = 0.05
"""Share of the labels that is spread over all phones: their borders are not that sure."""


@dataclass(frozen=True)
class Plan:
    """How to train."""

    steps: int = 3000
    """Number of steps in all, including those of earlier runs."""
    frames: int = 160
    """Frames of an example."""
    batch: int = 16
    learning_rate: float = 1.5e-3
    warmup_steps: int = 150
    """The learning rate rises to its full value over these."""
    average: float = 0.995
    """Decay of the running average of weights, which is what is exported."""
    seed: int = 0


class Trainer:
    """The state of a training run.

    Args:
        recordings: what batches are drawn from.
        plan: how to train.
    """

    def __init__(self, recordings: Sequence[Labelled], plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.step = 0
        self.network = ContentEncoder()
        self.average = copy.deepcopy(self.network).requires_grad_(requires_grad=False).eval()
        self._examples = ExampleMaker(recordings, plan.frames, plan.batch)
        self._weights = phone_weights(recordings)
        self._optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=plan.learning_rate, weight_decay=0.02
        )

    def advance(self) -> float:
        """Do one step and return its loss."""
        rate = rise(self.step, self.plan.warmup_steps) * fall(self.step, self.plan.steps, 1.0)
        for group in self._optimizer.param_groups:
            group["lr"] = self.plan.learning_rate * rate
        torch.manual_seed(hash((self.plan.seed, self.step)))  # dropout is drawn by the step
        batch = self._examples([self.plan.seed, self.step])
        logits = self.network.logits(self.network(batch.envelope))
        loss = functional.cross_entropy(
            logits.flatten(0, 1),
            batch.labels.flatten(),
            self._weights,
            ignore_index=UNKNOWN,
            label_smoothing=SMOOTHING,
        )
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._optimizer.step()
        self.step += 1
        self._follow()
        return float(loss.detach())

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(self.plan.average, 1.0 - 1.0 / (self.step + 1))
        for mean, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(now, 1.0 - decay)

    def save(self, path: Path) -> None:
        """Write a checkpoint; the old one stays until the new one is whole."""
        state: dict[str, Any] = {
            "format": CHECKPOINT_FORMAT,
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        write_checkpoint(path, state)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            TrainingError: it is none, of another version, or of a training that diverged.
        """
        kind, refusal = {"format": CHECKPOINT_FORMAT}, "is no content checkpoint of this version"
        with read_checkpoint(path, torch.device("cpu"), kind, refusal) as state:
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self._optimizer.load_state_dict(state["optimizer"])
            self.step = int(state["step"])
