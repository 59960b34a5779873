"""Train the melody network: resumable, with the same result wherever it is interrupted."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from dsp.controls import VOICED
from models.melody import grid
from models.training.averaged import AveragedTraining
from models.training.melody.examples import Batch, ExampleMaker
from models.training.melody.network import MelodyNetwork
from models.training.schedule import fall, rise

CHECKPOINT_FORMAT = 4
BLUR = 0.75
"""Standard deviation of the target salience, in candidates."""
SURE = 1.0
"""The pitch read counts where it is off by less, candidates; farther off it is another pitch."""
SHARE_DB = 10.0
"""Errors of the share beyond this count linearly."""


@dataclass(frozen=True)
class Plan:
    """How to train."""

    steps: int = 22000
    """Number of steps in all, including those of earlier runs."""
    frames: int = 151
    """Frames of an example, chosen so that the transforms of its audio have a fast length."""
    batch: int = 6
    """Examples per step; twice as many take more than twice as long, as they do not fit into a cache."""
    learning_rate: float = 2e-3
    warmup_steps: int = 100
    """The learning rate rises to its full value over these."""
    cooldown: float = 0.4
    """Over this last share of the steps it falls linearly to 0."""
    average: float = 0.995
    """Decay of the running average of weights, which is what is exported."""
    fine_weight: float = 2.0
    """Of the cents, in candidates: without it they are but what a blurred salience happens to tell."""
    share_weight: float = 1.0
    seed: int = 0


class Trainer(AveragedTraining[MelodyNetwork]):
    """The state of a training run.

    Args:
        examples: what batches are drawn from.
        plan: how to train.
    """

    def __init__(self, examples: ExampleMaker, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        network = MelodyNetwork()
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=plan.learning_rate, betas=(0.9, 0.98), weight_decay=0.01
        )
        super().__init__(network, optimizer, plan.average, "melody", CHECKPOINT_FORMAT)
        self.plan = plan
        self._examples = examples

    def advance(self) -> dict[str, float]:
        """Do one step and return the parts of its loss."""
        parts = losses(self.network, self._examples([self.plan.seed, self.step]))
        total = parts["pitch"] + parts["voicing"]
        total = total + self.plan.fine_weight * parts["fine"] + self.plan.share_weight * parts["share"]
        self.descend(total, self.plan.learning_rate * _rate(self.plan, self.step))
        return {name: float(part.detach()) for name, part in parts.items()}


def losses(network: MelodyNetwork, batch: Batch) -> dict[str, Tensor]:
    """Return how far the network is from the labels, where there are labels."""
    heard = network(batch.power, batch.level)
    pitched = ~batch.f0.isnan()
    centre = grid.PER_OCTAVE * torch.log2(batch.f0[pitched] / grid.MIN_HZ)
    off = torch.arange(grid.CANDIDATES) - centre[:, None]
    wanted = functional.softmax(-0.5 * (off / BLUR).square(), 1)
    pitch = functional.cross_entropy(heard.salience[pitched], wanted) if pitched.any() else off.sum()
    off_by = (_read(heard.salience[pitched]) - centre).abs()
    fine = off_by[off_by < SURE].sum() / max(1, int(pitched.sum()))
    known = ~batch.voicing.isnan()
    voicing = functional.binary_cross_entropy_with_logits(heard.voicing[known], batch.voicing[known])
    apart = functional.smooth_l1_loss(heard.share / SHARE_DB, batch.share / SHARE_DB, reduction="none")
    sung = batch.voicing > VOICED
    # Consonants and pauses are few and hard, so they count as much as all that is sung.
    share = torch.stack([part.mean() for part in (apart[sung], apart[~sung]) if part.numel()]).mean()
    return {"pitch": pitch, "fine": fine, "voicing": voicing, "share": share}


def _read(salience: Tensor) -> Tensor:
    """Return the pitch that `models.melody.tracker` reads, in candidates, (frames,)."""
    near = salience.argmax(1, keepdim=True) + torch.arange(-grid.NEAR, grid.NEAR + 1)
    near = near.clamp(0, grid.CANDIDATES - 1)
    return (functional.softmax(salience.gather(1, near), 1) * near).sum(1)


def _rate(plan: Plan, step: int) -> float:
    """Return the share of the learning rate at a step: up, level, down to 0."""
    return rise(step, plan.warmup_steps) * fall(step, plan.steps, plan.cooldown)
