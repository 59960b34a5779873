"""Train the estimator of one singer: resumable, on CPU or CUDA, with held-out scores."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.content.file import ContentEncoder, digest
from models.differentiable.losses import FFT_SIZES, aperiodic_loss, band_energy_loss, multi_scale_loss
from models.training.batches import Batch, BatchMaker, PreparedRecording
from models.training.corpus import HOP, TRAINING_RATE
from models.training.runfolder import read_checkpoint, write_checkpoint
from models.training.schedule import fall, rise
from models.training.singer.network import Estimator, NetworkSize
from models.training.singer.renderers import KINDS, Renderer, size_of

CHECKPOINT_FORMAT = 4


@dataclass(frozen=True)
class Plan:
    """How to train."""

    kind: str = "sawsing"
    """The synthesizer."""
    steps: int = 20000
    """How many in all, those of earlier runs counted."""
    hold_out: tuple[str, ...] = ()
    """Name patterns of the recordings kept for the scores; every tenth when empty."""
    frames: int = 100
    """Frames per example."""
    skipped: int = 6
    """Frames at the start that the loss passes over while the network warms up."""
    batch: int = 8
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    """The learning rate rises to its full value over these."""
    decay_steps: int = 4000
    """The learning rate falls with the square root of time after this many steps."""
    cooldown: float = 0.25
    """In this last share of the steps the learning rate falls to 0 in a line, which settles the weights."""
    average: float = 0.999
    """Decay of the running average of weights, which is what is exported."""
    scales_per_step: int = 2
    """FFT sizes drawn per step: an unbiased estimate of the loss over all of them."""
    band_weight: float = 0.5
    """Weight of the energy in bands."""
    aperiodic_weight: float = 0.5
    """Weight of the energy between harmonics."""
    other_voices: Path | None = None
    """A folder of them, for a second stage of training (`models.training.singer.adversarial`)."""
    adversarial_steps: int = 2500
    """How many steps that has."""
    seed: int = 0


class Trainer:
    """The state of a training run.

    Args:
        recordings: training recordings.
        weights: how often each is drawn.
        encoder: describes what is sung.
        plan: how to train.
        device: "cpu" or "cuda".
    """

    def __init__(
        self,
        recordings: Sequence[PreparedRecording],
        weights: Sequence[float],
        encoder: ContentEncoder,
        plan: Plan,
        device: str = "cpu",
    ) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.encoder = encoder
        self.step = 0
        self.device = torch.device(device)
        self.network = self._new_network(size_of(plan.kind, encoder.manifest.size)).to(self.device)
        self.renderer = KINDS[plan.kind]().to(self.device)
        with torch.no_grad():
            self.network.harmonic.bias.copy_(self.renderer.initial_bias())
        self.average = copy.deepcopy(nn.ModuleList([self.network, self.renderer])).requires_grad_(False)
        parameters = [*self.network.parameters(), *self.renderer.parameters()]
        self.optimizer = torch.optim.AdamW(
            parameters, lr=plan.learning_rate, betas=(0.9, 0.98), weight_decay=0.01
        )
        self._parameters = parameters
        self.batches = (recordings, weights)
        self._maker = self._new_maker()

    def _new_network(self, size: NetworkSize) -> Estimator:
        """Return what is trained."""
        return Estimator(size)

    def _new_maker(self) -> Callable[[], Batch]:
        seed = hash((self.plan.seed, self.step)) % 2**32
        return BatchMaker(*self.batches, self.encoder.start(), self.plan.frames, self.plan.batch, seed)

    def advance(self) -> float:
        """Do one step and return its loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate() * group.get("share", 1.0)
        batch = self._maker().to(self.device)
        chosen = np.random.default_rng([self.plan.seed, self.step]).choice(
            FFT_SIZES, self.plan.scales_per_step, replace=False
        )
        loss = self._loss(batch, [int(size) for size in chosen])
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self.optimizer.step()
        self.step += 1
        self._follow()
        return float(loss.detach())

    def learning_rate(self) -> float:
        """Return the learning rate of this step."""
        return self.plan.learning_rate * _rate(self.plan, self.step)

    def _loss(self, batch: Batch, sizes: Sequence[int]) -> Tensor:
        return self._copy_loss(self.renderer(batch, *self.network(batch.content, batch.pitch)), batch, sizes)

    def _copy_loss(self, audio: Tensor, batch: Batch, sizes: Sequence[int]) -> Tensor:
        """Compare a copy, (batch, frames * hop), with its recording."""
        kept = slice(self.plan.skipped * HOP, -HOP)
        output, target = audio[:, kept], batch.target[:, kept]
        bands = band_energy_loss(output, target, TRAINING_RATE)
        noise = aperiodic_loss(output, target, batch.f0[:, kept], TRAINING_RATE)
        energies = self.plan.band_weight * bands + self.plan.aperiodic_weight * noise
        return multi_scale_loss(output, target, sizes) + energies

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(self.plan.average, 1.0 - 1.0 / (self.step + 1))
        live = [*self.network.parameters(), *self.renderer.parameters()]
        for mean, now in zip(self.average.parameters(), live, strict=True):
            mean.lerp_(now, 1.0 - decay)

    @property
    def averaged(self) -> tuple[Estimator, Renderer]:
        """The averaged network and renderer."""
        network, render = self.average
        assert isinstance(network, Estimator)
        assert isinstance(render, Renderer)
        return network, render

    def save(self, path: Path) -> None:
        """Write a checkpoint; the old one stays until the new one is whole."""
        write_checkpoint(path, self._state())

    def _state(self) -> dict[str, Any]:
        return {
            **self._kind(),
            "step": self.step,
            "network": self.network.state_dict(),
            "renderer": self.renderer.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            TrainingError: it is none, of another format or synthesizer, or of a training that diverged.
        """
        refusal = (
            f"is no checkpoint of this version of a {self.plan.kind} singer on this content encoder"
            f"{self._condition()}"
        )
        with read_checkpoint(path, self.device, self._kind(), refusal) as state:
            self._restore(state)

    def _kind(self) -> dict[str, object]:
        """Return what a checkpoint must have in common with this run."""
        return {
            "format": CHECKPOINT_FORMAT,
            "kind": self.plan.kind,
            "content": digest(self.encoder.path),
        }

    def _condition(self) -> str:
        """Return what else the message says of that."""
        return ""

    def _restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.renderer.load_state_dict(state["renderer"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = int(state["step"])
        self._maker = self._new_maker()


def _rate(plan: Plan, step: int) -> float:
    """Return the share of the learning rate at a step: up, level, down with the root of time, down to 0."""
    slower = float(max(1.0, step / plan.decay_steps) ** -0.5)
    return rise(step, plan.warmup_steps) * slower * fall(step, plan.steps, plan.cooldown)
