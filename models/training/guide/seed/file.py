"""The file of a trained seed model: its weights, what its codes are like, and how the training went."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.errors import TrainingError
from models.training.guide.seed.coding import PairNetwork, Size
from models.training.guide.seed.examples import Examples
from models.training.guide.seed.variants import SIZES, built
from models.training.runfolder import read_checkpoint, write_checkpoint

FORMAT = 1
"""Version of the file; another one is refused."""
_TOGETHER = 16


@dataclass(frozen=True)
class SeedModel:
    """A trained model."""

    model: str
    variant: str
    network: PairNetwork
    size: Size
    """Bands and frames that it reads."""
    code_mean: Tensor
    """Of each number of the codes over the training's pairs, (2 * code,)."""
    code_spread: Tensor
    """Of the accompaniment's codes and of the vocal's: the root of their covariance, (2, code, code)."""
    vocal_mean: Tensor
    """Mean of the training's vocals, (bands, frames)."""
    history: list[list[float]]
    """As `training.Trainer` has it; not a number where nothing was measured."""
    facts: dict[str, Any]
    """Steps, licence, attribution and training data."""


def described(model: str, variant: str, network: PairNetwork, examples: Examples, history: list[list[float]],
              facts: dict[str, Any]) -> SeedModel:  # fmt: skip
    """Return a network with the statistics of its codes.

    Args:
        model: one of `variants.SIZES`.
        variant: of it.
        network: trained.
        examples: that it was trained on.
        history: of the training.
        facts: what the file says besides.
    """
    codes = encoded(network, examples)
    size = (int(examples.vocal.shape[1]), int(examples.vocal.shape[2]))
    spread = torch.stack([_root(half) for half in codes.chunk(2, dim=1)])
    mean, vocal = codes.mean(dim=0), examples.vocal.mean(dim=0)
    return SeedModel(model, variant, network, size, mean, spread, vocal, history, facts)


def _root(codes: Tensor) -> Tensor:
    """Return what makes normal numbers as the codes are: the symmetric root of their covariance."""
    values, vectors = torch.linalg.eigh(torch.cov(codes.T))
    root: Tensor = (vectors * values.clamp(min=0.0).sqrt()) @ vectors.T
    return root


@torch.no_grad()
def encoded(network: PairNetwork, examples: Examples) -> Tensor:
    """Return the codes of pairs, (n, 2 * code)."""
    network.eval()
    parts = (torch.split(side, _TOGETHER) for side in examples)
    return torch.cat([network.codes(*pair) for pair in zip(*parts, strict=True)])


def write_model(made: SeedModel, path: Path) -> None:
    """Write a model; the old file stays until the new one is whole.

    Raises:
        OutputError: it cannot be written.
    """
    state = {
        "format": FORMAT,
        "model": made.model,
        "variant": made.variant,
        "network": made.network.state_dict(),
        "code_mean": made.code_mean,
        "code_spread": made.code_spread,
        "vocal_mean": made.vocal_mean,
        "history": made.history,
        "facts": made.facts,
    }
    write_checkpoint(path, state)


def read_model(path: Path) -> SeedModel:
    """Read a model.

    Raises:
        TrainingError: the file is missing, damaged, none, or of another version.
    """
    kind, refusal = {"format": FORMAT}, "is no seed model of this version"
    with read_checkpoint(path, torch.device("cpu"), kind, refusal) as state:
        model, variant = state["model"], state["variant"]
        if variant not in SIZES.get(model, {}):
            raise TrainingError(
                f"{path} holds a model {model!r} {variant!r}, which is unknown; train it again"
            )
        network, size = built(model, variant)
        network.load_state_dict(state["network"])
        network.eval()
        mean, spread, vocal = (state[name] for name in ("code_mean", "code_spread", "vocal_mean"))
        history, facts = state["history"], state["facts"]
        return SeedModel(model, variant, network, size, mean, spread, vocal, history, facts)
