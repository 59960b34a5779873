"""Train the extractor: first the layers after the encoder, then all together; resumable, CPU or CUDA."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.extractor.manifest import Layers
from models.training import schedule
from models.training.extractor.encoder import Encoder
from models.training.extractor.examples import Batch, ExampleMaker
from models.training.extractor.network import ENERGY_DB, SPREAD, Estimates, Extractor, level_of
from models.training.runfolder import read_checkpoint, write_checkpoint

CHECKPOINT_FORMAT = 1
MIN_ENERGY_DB = 60.0
"""Below the level of the input the voice counts as silent."""


@dataclass(frozen=True)
class Plan:
    """How to train."""

    steps: int = 5000
    """How many in all, those of earlier runs counted; after them the encoder forgets what it had learned."""
    layers: Layers = "weighted"
    fft: bool = True
    freeze: bool = False
    """Leave the encoder as it is."""
    frozen_share: float = 0.1
    """Share of the steps, at the start, without tuning of the encoder: what follows it knows nothing yet."""
    frames: int = 200
    """Frames per example."""
    batch: int = 8
    learning_rate: float = 5e-4
    encoder_rate: float = 3e-5
    """Of the encoder; larger ones spoil it."""
    mixing_rate: float = 1e-2
    """Of the layer weights, which are few and start out equal."""
    warmup_steps: int = 100
    """The learning rates rise to their full values over these."""
    cooldown: float = 0.3
    """In this last share of the steps they fall to 0 in a line."""
    seed: int = 0


def melody_loss(heard: Estimates, batch: Batch) -> Tensor:
    """Sum the losses of the three heads.

    Pitch: squared error of ln f0 where the voice is voiced; energy: squared error in dB; both in units of
    their spread. Voicing: cross-entropy.
    """
    voiced = batch.voiced.sum().clamp(min=1.0)
    pitch = ((heard.pitch - batch.pitch) / SPREAD).square()
    wanted = torch.maximum(batch.energy, level_of(batch.audio) - MIN_ENERGY_DB)
    energy = ((heard.energy - wanted) / ENERGY_DB).square().mean()
    voicing = functional.binary_cross_entropy_with_logits(heard.voicing, batch.voiced)
    return (pitch * batch.voiced).sum() / voiced + energy + voicing


class Trainer:
    """The state of a training run.

    Args:
        encoder: where to start from.
        encoder_sha256: which weights these are.
        examples: draws batches.
        plan: how to train.
        device: "cpu" or "cuda".
    """

    def __init__(
        self, encoder: Encoder, encoder_sha256: str, examples: ExampleMaker, plan: Plan, device: str = "cpu"
    ) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.step = 0
        self.device = torch.device(device)
        self.encoder_sha256 = encoder_sha256
        self.network = Extractor(encoder, plan.layers, fft=plan.fft).to(self.device)
        self.weights_before = self.network.layer_weights
        self._examples = examples
        own = [
            part
            for name, part in self.network.named_parameters()
            if not name.startswith(("encoder.", "mixing"))
        ]
        self._rates = (plan.learning_rate, plan.mixing_rate, plan.encoder_rate)
        groups = (own, [self.network.mixing], list(encoder.parameters()))
        self.optimizer = torch.optim.AdamW([{"params": group} for group in groups], betas=(0.9, 0.98))

    @property
    def tuning(self) -> bool:
        """Whether the encoder learns in this step."""
        return not self.plan.freeze and self.step >= round(self.plan.frozen_share * self.plan.steps)

    def advance(self) -> float:
        """Do one step and return its loss."""
        tuning = self.tuning
        if not tuning and not self.plan.freeze:
            self.weights_before = self.network.layer_weights
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * _share(self.plan, self.step)
        self.network.train()
        self.network.encoder.train(tuning)
        batch = Batch(*(part.to(self.device) for part in self._examples(self.plan.seed, self.step)))
        loss = melody_loss(self.network(batch.audio, tune=tuning), batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        return float(loss.detach())

    def save(self, path: Path) -> None:
        """Write a checkpoint; the old one stays until the new one is whole."""
        state = {
            **self._kind(),
            "step": self.step,
            "weights_before": self.weights_before,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        write_checkpoint(path, state)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            TrainingError: it is none, was made otherwise, or is of a training that diverged.
        """
        refusal = "is of another version, encoder or choice of --layers, --no-fft and --freeze"
        with read_checkpoint(path, self.device, self._kind(), refusal) as state:
            self.network.load_state_dict(state["network"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.weights_before = int(state["step"]), tuple(state["weights_before"])

    def _kind(self) -> dict[str, Any]:
        plan = self.plan
        return {
            "format": CHECKPOINT_FORMAT,
            "encoder": self.encoder_sha256,
            "layers": plan.layers,
            "fft": plan.fft,
            "freeze": plan.freeze,
        }


def _share(plan: Plan, step: int) -> float:
    """Return the share of the learning rates at a step: up, level, down to 0."""
    return min(schedule.rise(step, plan.warmup_steps), schedule.fall(step, plan.steps, plan.cooldown))


def train(trainer: Trainer, run: Path, report: Callable[[int, float], None]) -> None:
    """Run to the plan's steps; checkpoint and loss of each step stay in the folder, interrupted or not."""
    with (run / "loss.csv").open("a", encoding="utf-8") as curve:

        def noted(step: int, loss: float) -> None:
            curve.write(f"{step},{loss:.5f}\n")
            report(step, loss)

        schedule.train(trainer, run / "checkpoint.pt", noted)
