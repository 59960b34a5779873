"""Train the singer embedding: resumable, with the same result wherever it is interrupted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.embedding.frames import MELS
from models.training.averaged import AveragedTraining
from models.training.embedding.batches import CropMaker
from models.training.embedding.voices import Voice
from models.training.schedule import fall, rise
from models.training.tune.architecture import Architecture
from models.training.tune.contrast import contrast
from models.training.tune.network import TuneNetwork

CHECKPOINT_FORMAT = 1
ARCHITECTURE = Architecture(
    contractive=3, expansive=3, tail=5, filters=32, plus=True, representation=128, widest=256, inputs=MELS
)
"""19 million multiplications and 1.1 million weights for a crop of 2.4 s, which its tail sees whole."""


@dataclass(frozen=True)
class Plan:
    """How to train."""

    steps: int = 5000
    """Number of steps in all, including those of earlier runs."""
    singers: int = 32
    """In a step, each with two crops."""
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    """The learning rate rises to its full value over these."""
    temperature: float = 0.1
    average: float = 0.995
    """Decay of the running average of weights, which is what is exported."""
    seed: int = 0


class Trainer(AveragedTraining[TuneNetwork]):
    """The state of a training run.

    Args:
        voices: what crops are drawn from.
        music: levels of accompaniments that may play beside them; may be empty.
        plan: how to train.
    """

    def __init__(self, voices: Sequence[Voice], music: Sequence[NDArray[np.float16]], plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        network = TuneNetwork(ARCHITECTURE)
        optimizer = torch.optim.AdamW(network.parameters(), lr=plan.learning_rate, weight_decay=0.02)
        super().__init__(network, optimizer, plan.average, "singer embedding", CHECKPOINT_FORMAT)
        self.plan = plan
        self.average.eval()
        self._crops = CropMaker(voices, music, plan.singers)

    def advance(self) -> float:
        """Do one step and return its loss."""
        batch = self._crops([self.plan.seed, self.step])
        loss = contrast(self.network(batch.frames.transpose(1, 2)), batch.voices, self.plan.temperature)
        rate = rise(self.step, self.plan.warmup_steps) * fall(self.step, self.plan.steps, 1.0)
        self.descend(loss, self.plan.learning_rate * rate)
        return float(loss.detach())
