"""Train a refiner: a plain regression, or a diffusion's teacher, whose structure is adjusted on the way."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.training.refiner.adjustment import Decision, Worth, apply, decide, stands
from models.training.refiner.bands import BANDS
from models.training.refiner.diffusion import MAX_LOG_SNR, Denoise, diffused, log_snr, loss
from models.training.refiner.frames import Frames
from models.training.refiner.network import Block, Denoiser, RefinerSize, chosen
from models.training.refiner.stepgraph import frame_milliseconds
from models.training.runfolder import read_checkpoint, write_checkpoint
from models.training.schedule import fall, rise

CHECKPOINT_FORMAT = 1
Kind = Literal["regression", "diffusion"]
KINDS: tuple[Kind, ...] = ("diffusion", "regression")
SIZES = {"full": (96, 4, 0.12), "mobile": (64, 3, 0.06)}
"""Channels, blocks at first, and milliseconds that adjustment aims at, by name."""
_CROPS = 64
"""Of held-out recordings: by them an adjustment judges quality."""


@dataclass(frozen=True)
class RefinerPlan:
    """How to train."""

    kind: Kind = "diffusion"
    steps: int = 4000
    """How many in all, those of earlier runs counted; each halving comes on top."""
    channels: int = 96
    blocks: int = 4
    """At first."""
    milliseconds: float = 0.12
    """Of a frame, which dynamic adjustment aims at."""
    adjust_every: int = 500
    """Steps between two adjustments of a diffusion's structure, over the first half of them."""
    skipped: float = 0.1
    """Share of the blocks that are left out in a step of a diffusion's training."""
    halving_updates: int = 1000
    """Steps of each halving."""
    halving_rate: float = 1e-4
    """Learning rate at a halving's beginning."""
    draws: int = 3
    """Of perturbations of each recording."""
    frames: int = 100
    """Frames per example."""
    batch: int = 16
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    cooldown: float = 0.6
    """In this last share of the steps the learning rate falls to 0 in a line."""
    average: float = 0.998
    """Decay of the running average of weights, which is what is used."""
    seed: int = 0


class Examples:
    """Draw crops of frames.

    Args:
        found: all there are.
        frames: length of a crop, if any is as long.
    """

    def __init__(self, found: Sequence[Frames], frames: int) -> None:
        frames = min(frames, max(one.weight.size for one in found))
        self._found = [one for one in found if one.weight.size >= frames]
        lengths = np.array([one.weight.size for one in self._found], np.float64)
        self._chance = lengths / lengths.sum()
        self._frames = frames

    def draw(self, count: int, network: Denoiser, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return clean frames in the units of a network, 0 where nothing is sung, and their condition."""
        clean, told = [], []
        for index in rng.choice(len(self._found), count, p=self._chance):
            one = self._found[index]
            start = int(rng.integers(one.weight.size - self._frames + 1))
            span = slice(start, start + self._frames)
            clean.append(network.to_unit(torch.from_numpy(one.lack[span])) * _column(one.weight[span]))
            told.append(torch.from_numpy(one.condition[span]))
        return torch.stack(clean), torch.stack(told)


def _column(weight: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(weight)[:, None]


def denoiser_of(network: nn.Module, told: Tensor, kept: Tensor | None = None) -> Denoise:
    """Return a network as a denoiser of frames whose condition is known."""

    def denoise(noisy: Tensor, snr: Tensor) -> Tensor:
        clean: Tensor = network(noisy, snr, told, kept)
        return clean

    return denoise


def regressed(network: nn.Module, told: Tensor) -> Tensor:
    """Return the estimate of a regression: of a denoiser that is given no noise, (batch, frames, bands)."""
    nothing = torch.zeros((*told.shape[:2], BANDS))
    return denoiser_of(network, told)(nothing, torch.full(told.shape[:1], -MAX_LOG_SNR))


class RefinerTraining:
    """The state of a run.

    Args:
        training: frames to learn from.
        held_out: frames by which adjustments judge.
        plan: how to train.
    """

    def __init__(self, training: Sequence[Frames], held_out: Sequence[Frames], plan: RefinerPlan) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.step = 0
        self.log: list[Decision] = []
        """Adjustments so far."""
        size = RefinerSize(BANDS, training[0].condition.shape[1], plan.channels, plan.blocks)
        self.network = Denoiser(size)
        sung = [one.weight > 0.0 for one in training]
        told, lack = (
            torch.from_numpy(np.concatenate([part[here] for part, here in zip(parts, sung, strict=True)]))
            for parts in ([one.condition for one in training], [one.lack for one in training])
        )
        self.network.fit(told, lack)
        self.average = copy.deepcopy(self.network).requires_grad_(requires_grad=False)
        self.examples = Examples(training, plan.frames)
        self._judged = Examples(held_out, plan.frames)
        self._optimizer = self._new_optimizer()

    def _new_optimizer(self) -> torch.optim.Optimizer:
        rate = self.plan.learning_rate
        return torch.optim.AdamW(self.network.parameters(), lr=rate, weight_decay=0.02)

    def advance(self) -> float:
        """Do one step and return its loss."""
        plan = self.plan
        rate = rise(self.step, plan.warmup_steps) * fall(self.step, plan.steps, plan.cooldown)
        for group in self._optimizer.param_groups:
            group["lr"] = plan.learning_rate * rate
        rng = np.random.default_rng([plan.seed, self.step])
        clean, told = self.examples.draw(plan.batch, self.network, rng)
        found = self._regression(clean, told) if plan.kind == "regression" else self._diffusion(clean, told)
        self._optimizer.zero_grad(set_to_none=True)
        found.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._optimizer.step()
        self.step += 1
        self._follow()
        if self._is_to_adjust():
            self._adjust()
        return float(found.detach())

    def _regression(self, clean: Tensor, told: Tensor) -> Tensor:
        return ((regressed(self.network, told) - clean) ** 2).mean()

    def _diffusion(self, clean: Tensor, told: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(hash((self.plan.seed, self.step)) % 2**63)
        snr = log_snr(torch.rand(clean.shape[0], generator=generator))
        noisy = diffused(clean, snr, torch.randn(clean.shape, generator=generator))
        kept = chosen(clean.shape[0], len(self.network.blocks), self.plan.skipped, generator)
        return loss(denoiser_of(self.network, told, kept)(noisy, snr), clean, snr)

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(self.plan.average, 1.0 - 1.0 / (self.step + 1))
        for mean, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(now, 1.0 - decay)

    def _is_to_adjust(self) -> bool:
        plan = self.plan
        due = plan.adjust_every > 0 and self.step % plan.adjust_every == 0 and self.step <= plan.steps // 2
        return plan.kind == "diffusion" and due and not stands(self.log)

    def _adjust(self) -> None:
        """Change the structure by one block at most; what was learnt stays."""
        decision = decide(self.average, self._quality, frame_milliseconds, self.plan.milliseconds, self.step)
        self.log.append(decision)
        if decision.block is not None:
            for network in (self.network, self.average):
                apply(decision, network)
            self.average.requires_grad_(requires_grad=False)
            self._optimizer = self._new_optimizer()

    @torch.no_grad()
    def _quality(self, network: Denoiser) -> float:
        """Return how well held-out frames are told from noise: the error of the estimate in dB, negative."""
        generator, rng = torch.Generator().manual_seed(1), np.random.default_rng(1)
        clean, told = self._judged.draw(_CROPS, network, rng)
        snr = log_snr((torch.arange(_CROPS) + 0.5) / _CROPS)
        noisy = diffused(clean, snr, torch.randn(clean.shape, generator=generator))
        return -10.0 * math.log10(float(loss(denoiser_of(network, told)(noisy, snr), clean, snr)))

    def batches(self, seed: int) -> Iterator[tuple[Tensor, Callable[[nn.Module], Denoise]]]:
        """Yield what a halving learns from, for ever (`models.training.refiner.distillation.halved`)."""
        rng = np.random.default_rng([self.plan.seed, seed])
        while True:
            clean, told = self.examples.draw(self.plan.batch, self.average, rng)
            yield clean, lambda network, told=told: denoiser_of(network, told)  # type: ignore[misc]

    def save(self, path: Path) -> None:
        """Write a checkpoint; the old one stays until the new one is whole."""
        write_checkpoint(
            path,
            {
                **self._form(),
                "step": self.step,
                "blocks": len(self.network.blocks),
                "log": [one._asdict() | {"worths": [tuple(w) for w in one.worths]} for one in self.log],
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self._optimizer.state_dict(),
            },
        )

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            TrainingError: it is none, of another kind of refiner, or of a training that diverged.
        """
        refusal = f"is no checkpoint of this version of a {self.plan.kind} refiner"
        with read_checkpoint(path, torch.device("cpu"), self._form(), refusal) as state:
            for network in (self.network, self.average):
                blocks = [Block(self.plan.channels) for _ in range(int(state["blocks"]))]
                network.blocks = nn.ModuleList(blocks)
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.average.requires_grad_(requires_grad=False)
            self._optimizer = self._new_optimizer()
            self._optimizer.load_state_dict(state["optimizer"])
            self.step = int(state["step"])
            self.log = [
                Decision(**one | {"worths": tuple(Worth(*w) for w in one["worths"])}) for one in state["log"]
            ]

    def _form(self) -> dict[str, object]:
        """Return what a checkpoint must have in common with this run."""
        return {
            "format": CHECKPOINT_FORMAT,
            "kind": self.plan.kind,
            "channels": self.plan.channels,
            "condition": self.network.size.condition,
        }
