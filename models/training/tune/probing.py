"""Probes: a linear layer, and two, learn classes from what an encoder says, and are scored with ranges."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

EVERY = 5
"""Of the recordings of a class every fifth is held out, and of those heard every fifth says when to stop."""
DRAWS = 500


@dataclass(frozen=True)
class Recipe:
    """How a probe learns."""

    learning_rate: float = 3e-4
    """Of Adam; this, the decay and the patience are as published."""
    weight_decay: float = 1e-6
    patience: int = 5
    """Epochs without improvement after which it is done."""
    batch: int = 48
    updates: int = 30
    """Of an epoch, or more: few examples are passed several times, lest patience end after a few steps."""
    epochs: int = 100
    """At most."""
    seed: int = 0
    """Of weights and order."""


PUBLISHED = Recipe()


@dataclass(frozen=True)
class Examples:
    """What an encoder says, and what is to be told from it."""

    said: Float32
    """(examples, size)."""
    classes: Int64
    """(examples,), from 0."""
    recordings: Int64
    """(examples,): which recording each is of."""

    def only(self, recordings: Sequence[int]) -> Examples:
        """Return the examples of some recordings."""
        chosen = np.isin(self.recordings, np.asarray(recordings, np.int64))
        return Examples(self.said[chosen], self.classes[chosen], self.recordings[chosen])


class Range(NamedTuple):
    """A score and where 95 of 100 draws of other recordings would lie."""

    score: float
    low: float
    high: float


def learnt(heard: Examples, classes: int, *, two_layers: bool, recipe: Recipe = PUBLISHED) -> nn.Module:
    """Train a probe, each class counting alike.

    Args:
        heard: what to learn from; every fifth recording of each class says when to stop.
        classes: how many there are.
        two_layers: whether there is a ReLU and a layer as wide as the input before the last.
        recipe: how to learn.

    Returns:
        Maps (n, size) to logits, (n, classes).
    """
    torch.manual_seed(recipe.seed)
    known, asked = split(heard, fifths(heard)) if fifths(heard) else (heard, heard)
    size = heard.said.shape[1]
    before = [nn.Linear(size, size), nn.ReLU()] if two_layers else []
    probe = nn.Sequential(_Standard(known.said), *before, nn.Linear(size, classes))
    counts = np.bincount(known.classes, minlength=classes)
    weights = torch.from_numpy((known.classes.size / np.maximum(counts, 1) / classes).astype(np.float32))
    optimizer = torch.optim.Adam(probe.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    x, y = torch.from_numpy(known.said), torch.from_numpy(known.classes)
    best, kept, patience = np.inf, copy.deepcopy(probe.state_dict()), recipe.patience
    for _ in range(recipe.epochs):
        for rows in _epoch(len(y), recipe):
            optimizer.zero_grad()
            functional.cross_entropy(probe(x[rows]), y[rows], weights).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        loss = _loss(probe, asked, weights)
        patience = recipe.patience if loss < best else patience - 1
        if loss < best:
            best, kept = loss, copy.deepcopy(probe.state_dict())
        if not patience:
            break
    probe.load_state_dict(kept)
    return probe


def _epoch(examples: int, recipe: Recipe) -> Iterator[Tensor]:
    """Yield the rows of each batch, in passes of all."""
    batches = -(-examples // recipe.batch)
    for _ in range(-(-recipe.updates // batches)):
        yield from torch.randperm(examples).split(recipe.batch)  # type: ignore[no-untyped-call]


class _Standard(nn.Module):
    """Bring each number to mean 0 and deviation 1, as it is over the examples heard."""

    def __init__(self, said: Float32) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(said.mean(0)))
        self.register_buffer("scale", torch.from_numpy(said.std(0) + np.float32(1e-5)))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.scale  # type: ignore[operator]


@torch.no_grad()
def _loss(probe: nn.Module, asked: Examples, weights: Tensor) -> float:
    logits = probe(torch.from_numpy(asked.said))
    return float(functional.cross_entropy(logits, torch.from_numpy(asked.classes), weights))


def fifths(examples: Examples) -> list[int]:
    """Return every fifth recording of each class, from its third on."""
    found: list[int] = []
    for one in np.unique(examples.classes):
        found += np.unique(examples.recordings[examples.classes == one])[EVERY // 2 :: EVERY].tolist()
    return found


def split(examples: Examples, held: Sequence[int]) -> tuple[Examples, Examples]:
    """Return the examples of all other recordings, and those of the ones held out."""
    return examples.only(np.setdiff1d(examples.recordings, held).tolist()), examples.only(held)


def accuracy(classes: Int64, logits: Float64) -> float:
    """Return the mean over classes of the share of their examples that are recognised."""
    right = logits.argmax(1) == classes
    return float(np.mean([right[classes == one].mean() for one in np.unique(classes)]))


def area(classes: Int64, logits: Float64) -> float:
    """Return the mean over classes of the area under the ROC curve of that class against all others.

    It is the chance that an example of the class scores above one of another; ties count half.
    """
    areas = []
    for one in np.unique(classes):
        chances = np.exp(logits - logits.max(1, keepdims=True))
        scores = chances[:, one] / chances.sum(1)
        inside, outside = np.sort(scores[classes == one]), np.sort(scores[classes != one])
        if outside.size:
            below = (np.searchsorted(outside, inside, side) for side in ("left", "right"))
            areas.append(sum(counts.mean() for counts in below) / 2.0 / outside.size)
    return float(np.mean(areas)) if areas else float("nan")


def ranged(score: Callable[[Int64, Float64], float], held: Examples, logits: Float64) -> Range:
    """Return a score and its range, for which recordings are drawn with replacement.

    They are drawn class by class, so that none is missing, unless some recordings hold several classes.
    """
    rng = np.random.default_rng(0)
    rows = {one: np.flatnonzero(held.recordings == one) for one in np.unique(held.recordings)}
    groups = [np.unique(held.recordings[held.classes == one]) for one in np.unique(held.classes)]
    if sum(group.size for group in groups) > len(rows):
        groups = [np.unique(held.recordings)]
    drawn = []
    for _ in range(DRAWS):
        chosen = np.concatenate([rows[one] for group in groups for one in rng.choice(group, group.size)])
        drawn.append(score(held.classes[chosen], logits[chosen]))
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Range(score(held.classes, logits), float(low), float(high))


@torch.no_grad()
def _logits(probe: nn.Module, said: Float32) -> Float64:
    return np.asarray(probe(torch.from_numpy(said)).double().numpy())


def probed(
    heard: Examples, held: Examples, classes: int, recipe: Recipe = PUBLISHED
) -> dict[str, dict[str, Range]]:
    """Return accuracy and area of a linear probe and of one with two layers, on recordings held out."""
    found = {}
    for name, two_layers in (("linear", False), ("two layers", True)):
        logits = _logits(learnt(heard, classes, two_layers=two_layers, recipe=recipe), held.said)
        found[name] = {"accuracy": ranged(accuracy, held, logits), "area": ranged(area, held, logits)}
    return found
