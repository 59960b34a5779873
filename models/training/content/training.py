"""Train the content encoder: resumable, with the same result wherever it is interrupted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from models.training.averaged import AveragedTraining
from models.training.content.examples import ExampleMaker, Labelled, phone_weights
from models.training.content.network import TaughtContentNetwork
from models.training.content.phones import UNKNOWN
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


class Trainer(AveragedTraining[TaughtContentNetwork]):
    """The state of a training run.

    Args:
        recordings: what batches are drawn from.
        plan: how to train.
    """

    def __init__(self, recordings: Sequence[Labelled], plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        network = TaughtContentNetwork()
        optimizer = torch.optim.AdamW(network.parameters(), lr=plan.learning_rate, weight_decay=0.02)
        super().__init__(network, optimizer, plan.average, "content", CHECKPOINT_FORMAT)
        self.plan = plan
        self.average.eval()
        self._examples = ExampleMaker(recordings, plan.frames, plan.batch)
        self._weights = phone_weights(recordings)

    def advance(self) -> float:
        """Do one step and return its loss."""
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
        rate = rise(self.step, self.plan.warmup_steps) * fall(self.step, self.plan.steps, 1.0)
        self.descend(loss, self.plan.learning_rate * rate)
        return float(loss.detach())
