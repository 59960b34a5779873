"""Train the melody network: resumable, with the same result wherever it is interrupted."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from dsp.controls import VOICED
from models.melody import grid
from models.training.melody.examples import Batch, ExampleMaker
from models.training.melody.network import MelodyNetwork
from models.training.runfolder import read_checkpoint, write_checkpoint
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


class Trainer:
    """The state of a training run.

    Args:
        examples: what batches are drawn from.
        plan: how to train.
    """

    def __init__(self, examples: ExampleMaker, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.step = 0
        self.network = MelodyNetwork()
        self.average = copy.deepcopy(self.network).requires_grad_(requires_grad=False)
        self._examples = examples
        self._optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=plan.learning_rate, betas=(0.9, 0.98), weight_decay=0.01
        )

    def advance(self) -> dict[str, float]:
        """Do one step and return the parts of its loss."""
        for group in self._optimizer.param_groups:
            group["lr"] = self.plan.learning_rate * _rate(self.plan, self.step)
        parts = losses(self.network, self._examples([self.plan.seed, self.step]))
        total = parts["pitch"] + parts["voicing"]
        total = total + self.plan.fine_weight * parts["fine"] + self.plan.share_weight * parts["share"]
        self._optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._optimizer.step()
        self.step += 1
        self._follow()
        return {name: float(part.detach()) for name, part in parts.items()}

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
        kind, refusal = {"format": CHECKPOINT_FORMAT}, "is no melody checkpoint of this version"
        with read_checkpoint(path, torch.device("cpu"), kind, refusal) as state:
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self._optimizer.load_state_dict(state["optimizer"])
            self.step = int(state["step"])


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
