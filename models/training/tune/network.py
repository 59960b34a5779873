"""A TUNe as a network: its blocks, its three paths and the projector that only the training uses."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.training.tune.architecture import KERNEL, Architecture

PROJECTED = 64
"""Numbers that are contrasted; SimCLR's projector is as wide as its input within (Chen et al. 2020)."""


class Block(nn.Sequential):
    """A convolution over three places, batch normalisation and a ReLU.

    Args:
        inputs: channels.
        outputs: channels.
        stride: 1, or 3 for the first block of SampleCNN, which reads every sample once.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        convolution = nn.Conv1d(inputs, outputs, KERNEL, stride, padding=1 if stride == 1 else 0)
        _start(convolution, inputs * KERNEL)
        super().__init__(convolution, nn.BatchNorm1d(outputs), nn.ReLU())


def _start(convolution: nn.Conv1d | nn.ConvTranspose1d, fan_in: int) -> None:
    """He's initialisation, uniform: within the root of 6 over what one output hears; no bias."""
    bound = (6.0 / fan_in) ** 0.5
    nn.init.uniform_(convolution.weight, -bound, bound)
    assert convolution.bias is not None
    nn.init.zeros_(convolution.bias)


def _pooled(x: Tensor) -> Tensor:
    return functional.max_pool1d(x, KERNEL)


class Activations(NamedTuple):
    """What the blocks say, each (batch, channels, places), in the order in which they run."""

    contractive: list[Tensor]
    expansive: list[Tensor]
    tail: list[Tensor]


class UNet(nn.Module):
    """The contractive and the expansive path.

    Args:
        architecture: of the whole.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        widths = [architecture.inputs, *map(architecture.width, range(architecture.contractive + 1))]
        self.contractive = nn.ModuleList(Block(a, b) for a, b in pairwise(widths))
        levels = range(architecture.contractive - 1, architecture.top - 1, -1)
        rises, joined = [], []
        for level in levels:
            below, width = architecture.width(level + 1), architecture.width(level)
            rises.append(nn.ConvTranspose1d(below, width, KERNEL, KERNEL))
            _start(rises[-1], below)
            joined.append(Block(2 * width, architecture.u_width if level == architecture.top else width))
        self.rises, self.expansive = nn.ModuleList(rises), nn.ModuleList(joined)

    def forward(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return what the contractive and the expansive blocks say."""
        down: list[Tensor] = []
        for block in self.contractive:
            down.append(block(_pooled(down[-1]) if down else x))
        up: list[Tensor] = []
        for rise, block, beside in zip(self.rises, self.expansive, down[-2::-1], strict=False):
            up.append(block(torch.cat([rise(up[-1] if up else down[-1]), beside], 1)))
        return down, up


class Tail(nn.Module):
    """The tail of TUNe and of TUNe+.

    Args:
        architecture: of the whole.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        widths = zip(architecture.tail_inputs, architecture.tail_widths, strict=True)
        self.blocks = nn.ModuleList(Block(a, b) for a, b in widths)

    def forward(self, x: Tensor, beside: Sequence[Tensor]) -> list[Tensor]:
        """Return what the blocks say.

        Args:
            x: where the U ends.
            beside: what the first blocks hear besides; empty without the connections of TUNe+.
        """
        said: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            x = _pooled(x)
            x = block(torch.cat([x, beside[index]], 1) if index < len(beside) else x)
            said.append(x)
        return said


class SampleCNN(nn.Module):
    """The network of CLMR: a block that strides, nine that are pooled, and one more.

    Args:
        architecture: of the whole.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        widths = [architecture.u_width, *architecture.clmr_widths]
        self.blocks = nn.ModuleList(
            Block(a, b, 1 if index else KERNEL) for index, (a, b) in enumerate(pairwise(widths))
        )

    def forward(self, x: Tensor, beside: Sequence[Tensor]) -> list[Tensor]:
        """Return what the blocks say, pooled where they are; there is nothing to hear besides."""
        del beside
        said: list[Tensor] = []
        last = len(self.blocks) - 1
        for index, block in enumerate(self.blocks):
            x = block(x)
            x = _pooled(x) if 0 < index < last else x
            said.append(x)
        return said


class TuneNetwork(nn.Module):
    """From waves, or frames, to one vector for each.

    Args:
        architecture: what it is made of.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.u = UNet(architecture) if architecture.has_u else None
        self.tail = SampleCNN(architecture) if architecture.clmr else Tail(architecture)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs, length) to (batch, size).

        Args:
            x: samples around 0 or frames; the length is a multiple of `Architecture.multiple` and at least
                `Architecture.shortest`.

        Raises:
            ValueError: it is not.
        """
        activations = self.activations(x)
        return next(path[-1] for path in reversed(activations) if path).mean(2)

    def activations(self, x: Tensor) -> Activations:
        """Return what every block says of an input as for `forward`."""
        length, made = x.shape[2], self.architecture
        if length < made.shortest or length % made.multiple:
            raise ValueError(
                f"{length} samples or frames do not fit: give a multiple of {made.multiple}, "
                f"at least {made.shortest}"
            )
        down, up = self.u(x) if self.u else ([], [])
        every = [*down[-1:], *up]
        beside = every[-2::-1] if made.plus else []
        return Activations(down, up, self.tail(every[-1] if every else x, beside))


class Projector(nn.Sequential):
    """SimCLR's head: what it says is contrasted, and it is left off afterwards.

    Args:
        size: numbers of the representation.
    """

    def __init__(self, size: int) -> None:
        super().__init__(nn.Linear(size, size, bias=False), nn.ReLU(), nn.Linear(size, PROJECTED, bias=False))


def parameters_of(module: nn.Module) -> int:
    """Return how many numbers are trained."""
    return sum(part.numel() for part in module.parameters())
