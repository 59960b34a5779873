"""Dynamic adjustment: measure what each block is worth and costs, remove the worst or double the best.

LHQ-SVC, section III-A and equation 1; the procedure is that of Li et al. 2023, "SnapFusion". Training goes on
from the weights as they are: the network was trained to do without any block, and a doubled one adds nothing
at first.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Literal, NamedTuple

from torch import nn

from models.training.refiner.network import Block, Denoiser

MIN_BLOCKS = 1
STEADY = 2
"""Adjustments in a row that change nothing, after which the structure stands."""


class Worth(NamedTuple):
    """What one block is worth."""

    block: int
    quality: float
    """By how much the network is better with it than without it; what is measured decides the unit."""
    milliseconds: float
    """By how much one frame takes longer with it."""

    @property
    def ratio(self) -> float:
        """Quality for time; a block that costs nothing is never removed."""
        return self.quality / self.milliseconds if self.milliseconds > 0.0 else float("inf")


class Decision(NamedTuple):
    """One adjustment, as it goes into the log."""

    update: int
    """Of the training."""
    action: Literal["removed", "doubled", "kept"]
    block: int | None
    """The number it had."""
    quality: float
    """Before."""
    milliseconds: float
    """Of one frame, before."""
    target: float
    """Milliseconds."""
    worths: tuple[Worth, ...]


Measure = Callable[[Denoiser], float]


def decide(network: Denoiser, quality: Measure, latency: Measure, target: float, update: int) -> Decision:
    """Decide which block of a network is to change, one at most.

    Over the target the block with the least quality for its time goes. Under it, if there is room for another
    one, the block with the most is doubled.

    Args:
        network: stays as it is.
        quality: higher is better.
        latency: milliseconds of one frame at run time.
        target: milliseconds.
        update: number of the training's update, for the log.
    """
    whole, time = quality(network), latency(network)
    worths = []
    for number in range(len(network.blocks)):
        without = copy.deepcopy(network)
        del without.blocks[number]
        rest = latency(without) if len(without.blocks) else 0.0
        worths.append(Worth(number, whole - quality(without), time - rest))
    action: Literal["removed", "doubled", "kept"] = "kept"
    block = None
    if time > target and len(worths) > MIN_BLOCKS:
        action, block = "removed", min(worths, key=lambda one: one.ratio).block
    elif worths:
        best = max(worths, key=lambda one: one.ratio)
        if best.quality > 0.0 and time + best.milliseconds <= target:
            action, block = "doubled", best.block
    return Decision(update, action, block, whole, time, target, tuple(worths))


def apply(decision: Decision, network: Denoiser) -> None:
    """Change a network as it was decided."""
    if decision.block is None:
        return
    if decision.action == "removed":
        del network.blocks[decision.block]
    else:
        network.blocks.insert(decision.block + 1, _doubled(network.parts[decision.block]))


def _doubled(block: Block) -> Block:
    """Return a copy that adds nothing until it has learnt to."""
    twin = copy.deepcopy(block)
    nn.init.zeros_(twin.join.weight)
    nn.init.zeros_(twin.join.bias)
    return twin


def stands(log: list[Decision]) -> bool:
    """Return whether the last adjustments have changed nothing."""
    return len(log) >= STEADY and all(one.action == "kept" for one in log[-STEADY:])
