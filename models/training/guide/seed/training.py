"""Train one of the seed's models: resumable, with the same result wherever it is interrupted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.training.guide.pairs.spectrogram import FLOOR_DB
from models.training.guide.seed.autovc import AutoVcSize
from models.training.guide.seed.coding import PairNetwork
from models.training.guide.seed.examples import Examples
from models.training.guide.seed.larsen import Discriminator, LarsenSize
from models.training.guide.seed.losses import divergence, game, likeness_loss, surprise
from models.training.guide.seed.variants import SIZES, built
from models.training.runfolder import read_checkpoint, write_checkpoint
from models.training.schedule import fall

CHECKPOINT_FORMAT = 1
RECORD_EVERY = 10
"""Steps between two rows of the history."""
HELD_EVERY = 50
"""Steps between two measurements of what is held out."""
CODE_WEIGHT = 1.0
"""Of the seed's and AutoVC's loss of the code: mean absolute difference."""
GAMMA = 1e-4
"""Larsen's weight of likeness against the game, of the decoder alone."""
RMSPROP_RATE = 3e-4
"""Larsen's."""
LAST = 0.4
"""Share of the steps over which the learning rate falls to 0."""


@dataclass(frozen=True)
class Plan:
    """How to train."""

    steps: int = 1000
    """Number in all, including those of earlier runs."""
    batch: int = 16
    learning_rate: float = 1e-3
    """Of Adam, for the VAE and AutoVC; published 1e-4, for a hundred times as many steps."""
    seed: int = 0


class Trainer:
    """The state of a training run.

    Args:
        model: one of `variants.SIZES`.
        variant: of it.
        examples: to learn from, in the network's size (`size`).
        plan: how to train.
        held: to measure on; None for none.
    """

    def __init__(
        self, model: str, variant: str, examples: Examples, plan: Plan, held: Examples | None = None
    ) -> None:
        torch.manual_seed(plan.seed)
        self.step = 0
        self.plan = plan
        self.network, self.size = built(model, variant)
        self.history: list[list[float]] = []
        """Of some steps: number, loss, error of reconstruction in dB, and that of what is held out."""
        self._examples, self._held = examples, held
        self._held_error = float("nan")
        size = SIZES[model][variant]
        if isinstance(size, LarsenSize):
            self._how: _Descent = _LarsenDescent(self.network, size, plan)
        else:
            self._how = (_AutoVcDescent if isinstance(size, AutoVcSize) else _Descent)(self.network, plan)
        self._kind = {"format": CHECKPOINT_FORMAT, "model": model, "variant": variant}

    def advance(self) -> dict[str, float]:
        """Do one step and return the terms of its loss."""
        drawn = [self.plan.seed, self.step]
        batch = self._examples.batch(self.plan.batch, drawn)
        generator = torch.Generator().manual_seed(int(np.random.SeedSequence(drawn).generate_state(1)[0]))
        self.network.train()
        rate = fall(self.step, self.plan.steps, LAST)
        terms = self._how.descend(batch, generator, rate)
        if self._held is not None and self.step % HELD_EVERY == 0:
            self._held_error = reconstruction_error(self.network, self._held)
        if self.step % RECORD_EVERY == 0:
            self.history.append([float(self.step), terms["loss"], terms["error"], self._held_error])
        self.step += 1
        return terms

    def save(self, path: Path) -> None:
        """Write a checkpoint; the old one stays until the new one is whole."""
        state: dict[str, Any] = {
            **self._kind,
            "step": self.step,
            "network": self.network.state_dict(),
            "history": self.history,
            "held_error": self._held_error,
            **self._how.state(),
        }
        write_checkpoint(path, state)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            TrainingError: it is none, of another version, model or variant, or of a training that diverged.
        """
        refusal = "is no checkpoint of this model, variant and version"
        with read_checkpoint(path, torch.device("cpu"), self._kind, refusal) as state:
            self.network.load_state_dict(state["network"])
            self._how.load_state(state)
            self.step = int(state["step"])
            self.history = [list(row) for row in state["history"]]
            self._held_error = float(state["held_error"])


@torch.no_grad()
def reconstruction_error(network: PairNetwork, examples: Examples) -> float:
    """Return the mean absolute difference between vocals and what a network makes of their pairs, dB."""
    network.eval()
    found = network.vocals(network.codes(*examples))
    return float((found - examples.vocal).abs().mean()) * -FLOOR_DB


class _Descent:
    """How the weights of a model follow its losses."""

    def __init__(self, network: PairNetwork, plan: Plan) -> None:
        self._network = network
        self._modules: dict[str, nn.Module] = {}
        self._optimizers: dict[str, torch.optim.Optimizer] = {
            "adam": torch.optim.Adam(network.parameters(), lr=plan.learning_rate)
        }
        self._rate = plan.learning_rate

    def descend(self, batch: Examples, generator: torch.Generator, rate: float) -> dict[str, float]:
        """Do one step down the gradient, at a share of the learning rate; return the terms of the loss."""
        terms, best = self._terms(batch, generator)
        loss = torch.stack(list(terms.values())).sum()
        (optimizer,) = self._optimizers.values()
        optimizer.param_groups[0]["lr"] = self._rate * rate
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return {"loss": float(loss.detach()), "error": _error(best, batch)}

    def _terms(self, batch: Examples, generator: torch.Generator) -> tuple[dict[str, Tensor], Tensor]:
        """Return the terms of the loss, and the best spectrogram."""
        network = self._network
        codes = network.codes(*batch)
        draw = network.draw(codes, torch.randn(codes.shape, generator=generator))
        (found,) = network.decoded(draw.latent)
        likelihood = surprise(batch.vocal, found, network.log_scale)
        return {"divergence": divergence(draw), "surprise": likelihood}, found

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds besides the network."""
        optimizers = {name: one.state_dict() for name, one in self._optimizers.items()}
        return {"optimizers": optimizers, **{name: one.state_dict() for name, one in self._modules.items()}}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from such a state."""
        for name, optimizer in self._optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        for name, module in self._modules.items():
            module.load_state_dict(state[name])


class _AutoVcDescent(_Descent):
    """Of both spectrograms divergence and likelihood, and the output's code against the input's."""

    def _terms(self, batch: Examples, generator: torch.Generator) -> tuple[dict[str, Tensor], Tensor]:
        network = self._network
        codes = network.codes(*batch)
        draw = network.draw(codes, torch.randn(codes.shape, generator=generator))
        before, after = network.decoded(draw.latent)
        own = codes[:, codes.shape[1] // 2 :]
        terms = {
            "divergence": 2.0 * divergence(draw),
            "before": surprise(batch.vocal, before, network.log_scale),
            "after": surprise(batch.vocal, after, network.log_scale),
            "code": CODE_WEIGHT * (network.vocal(after) - own).abs().mean(),
        }
        return terms, after


class _LarsenDescent(_Descent):
    """Larsen's algorithm 1: encoders, decoder and discriminator each follow a loss of their own."""

    def __init__(self, network: PairNetwork, size: LarsenSize, plan: Plan) -> None:
        super().__init__(network, plan)
        self._judge = Discriminator(size)
        self._modules = {"discriminator": self._judge}
        encoding = (network.accompaniment, network.vocal, network.mean, network.log_variance)
        self._groups: dict[str, list[nn.Parameter]] = {
            "encoders": [one for module in encoding for one in module.parameters()],
            "decoder": list(network.decoder.parameters()),
            "discriminator": list(self._judge.parameters()),
        }
        self._optimizers = {
            name: torch.optim.RMSprop(group, lr=RMSPROP_RATE) for name, group in self._groups.items()
        }

    def descend(self, batch: Examples, generator: torch.Generator, rate: float) -> dict[str, float]:
        """Do one step of each of the three."""
        losses, found = self.losses(batch, generator)
        gradients = {
            name: torch.autograd.grad(losses[name], self._groups[name], retain_graph=True)
            for name in self._groups
        }
        for name, optimizer in self._optimizers.items():
            optimizer.param_groups[0]["lr"] = RMSPROP_RATE * rate
            for parameter, gradient in zip(self._groups[name], gradients[name], strict=True):
                parameter.grad = gradient
            optimizer.step()
        return {"loss": float(losses["encoders"].detach()), "error": _error(found, batch)}

    def losses(self, batch: Examples, generator: torch.Generator) -> tuple[dict[str, Tensor], Tensor]:
        """Return the loss of each group of parameters, and the reconstruction."""
        network = self._network
        codes = network.codes(*batch)
        draw = network.draw(codes, torch.randn(codes.shape, generator=generator))
        prior = torch.randn(codes.shape, generator=generator)
        (made,) = network.decoded(torch.cat([draw.latent, prior]))
        found, sampled = made.chunk(2)
        judged = self._judge(torch.cat([batch.vocal, found, sampled]))
        real, again, _ = judged.features.chunk(3)
        likeness = likeness_loss(real, again)
        score = game(*judged.logits.chunk(3))
        losses = {
            "encoders": divergence(draw) + likeness,
            "decoder": GAMMA * likeness + score,
            "discriminator": -score,
        }
        return losses, found


def _error(found: Tensor, batch: Examples) -> float:
    return float((found.detach() - batch.vocal).abs().mean()) * -FLOOR_DB
