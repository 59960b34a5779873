"""The seed's VAE: ResNet-18 on spectrograms (He et al. 2016), and its mirror image as the decoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.training.guide.seed.coding import PairNetwork, Size

DOWN = 32
"""How often smaller the last map is, in bands and in frames."""


@dataclass(frozen=True)
class ResNetSize:
    """How large a VAE is."""

    image: Size
    """Bands and frames of the spectrograms that it reads."""
    widths: tuple[int, int, int, int]
    """Channels of the stages."""
    code: int
    grid: Size
    """Cells that the latent vector fills before they are brought to the last map's size."""


class Block(nn.Module):
    """A basic block of ResNet: two convolutions, and the input added."""

    def __init__(self, channels: int, wider: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, wider, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(wider, wider, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(wider), nn.BatchNorm2d(wider)])
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or wider != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, wider, 1, stride, bias=False), nn.BatchNorm2d(wider)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width)."""
        y = torch.relu(self.norms[0](self.first(x)))
        return torch.relu(self.norms[1](self.second(y)) + self.shortcut(x))


class UpBlock(nn.Module):
    """A basic block of the decoder, which doubles height and width."""

    def __init__(self, channels: int, narrower: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.second = nn.Conv2d(channels, narrower, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(channels), nn.BatchNorm2d(narrower)])
        self.shortcut = nn.Sequential(nn.Conv2d(channels, narrower, 1, bias=False), nn.BatchNorm2d(narrower))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width)."""
        y = doubled(torch.relu(self.norms[0](self.first(x))))
        return torch.relu(self.norms[1](self.second(y)) + self.shortcut(doubled(x)))


def doubled(x: Tensor) -> Tensor:
    """Return each number four times, as a square."""
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


class ResNetEncoder(nn.Module):
    """ResNet-18 of one channel: a stem, four stages of two blocks, the mean over the map, a linear layer.

    Args:
        size: how large.
    """

    def __init__(self, size: ResNetSize) -> None:
        super().__init__()
        first = size.widths[0]
        self.stem = nn.Sequential(
            nn.Conv2d(1, first, 7, 2, 3, bias=False), nn.BatchNorm2d(first), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        )
        stages: list[nn.Module] = []
        channels = first
        for index, width in enumerate(size.widths):
            stages += [Block(channels, width, 1 if index == 0 else 2), Block(width, width, 1)]
            channels = width
        self.stages = nn.Sequential(*stages)
        self.last = nn.Linear(channels, size.code)

    def forward(self, spectrograms: Tensor) -> Tensor:
        """Return the code of each, (batch, bands, frames) to (batch, code)."""
        code: Tensor = self.last(self.stages(self.stem(spectrograms[:, None])).mean(dim=(2, 3)))
        return code


class ResNetDecoder(nn.Module):
    """The encoder turned round: a linear layer, four stages that double, and a convolution.

    Args:
        size: how large.
    """

    def __init__(self, size: ResNetSize) -> None:
        super().__init__()
        self._size = size
        widths = size.widths[::-1]
        self.first = nn.Linear(2 * size.code, widths[0] * size.grid[0] * size.grid[1])
        stages: list[nn.Module] = []
        for channels, narrower in zip(widths, [*widths[1:], widths[-1]], strict=True):
            stages += [UpBlock(channels, narrower), Block(narrower, narrower, 1)]
        self.stages = nn.Sequential(*stages)
        self.last = nn.Conv2d(widths[-1], 1, 3, 1, 1, bias=False)

    def forward(self, latent: Tensor) -> list[Tensor]:
        """Return the spectrogram of each, (batch, 2 * code) to (batch, bands, frames)."""
        bands, frames = self._size.image
        x = self.first(latent).unflatten(1, (-1, *self._size.grid))
        x = functional.interpolate(x, (-(-bands // DOWN), -(-frames // DOWN)), mode="nearest")
        x = self.last(doubled(self.stages(x)))
        return [x[:, 0, :bands, :frames]]


def vae(size: ResNetSize) -> PairNetwork:
    """Return a VAE of a size."""
    return PairNetwork(ResNetEncoder(size), ResNetEncoder(size), ResNetDecoder(size), size.code)


def widths_of(share: float) -> Sequence[int]:
    """Return the published widths of the stages, all by a share smaller."""
    return [round(share * width) for width in (64, 128, 256, 512)]
