"""The seed's VAE/GAN: the networks of Larsen et al. (2016, table 1), with batch norm after ReLU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn

from models.training.guide.seed.coding import PairNetwork, Size


@dataclass(frozen=True)
class LarsenSize:
    """How large a VAE/GAN is."""

    image: Size
    """Bands and frames of the spectrograms that it reads, multiples of 8."""
    widths: tuple[int, int, int]
    """Channels of an encoder's convolutions."""
    last: int
    """Channels before the decoder's last convolution, and after the discriminator's first."""
    hidden: int
    """Units of an encoder's linear layer; a quarter of them in the discriminator."""
    code: int

    @property
    def cells(self) -> Size:
        """Height and width of the smallest map."""
        return self.image[0] // 8, self.image[1] // 8


def _down(channels: int, wider: int, stride: int = 2) -> nn.Sequential:
    # The paper of the seed: "we reversed the order of the ReLU and batchnorm layers".
    return nn.Sequential(nn.Conv2d(channels, wider, 5, stride, 2), nn.ReLU(), nn.BatchNorm2d(wider))


def _up(channels: int, narrower: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(channels, narrower, 5, 2, 2, output_padding=1),
        nn.ReLU(),
        nn.BatchNorm2d(narrower),
    )


class LarsenEncoder(nn.Module):
    """Three convolutions of stride 2 and a linear layer, then one to the code.

    Args:
        size: how large.
    """

    def __init__(self, size: LarsenSize) -> None:
        super().__init__()
        first, second, third = size.widths
        height, width = size.cells
        self.layers = nn.Sequential(
            _down(1, first),
            _down(first, second),
            _down(second, third),
            nn.Flatten(),
            nn.Linear(third * height * width, size.hidden),
            nn.ReLU(),
            nn.BatchNorm1d(size.hidden),
            nn.Linear(size.hidden, size.code),
        )

    def forward(self, spectrograms: Tensor) -> Tensor:
        """Return the code of each, (batch, bands, frames) to (batch, code)."""
        code: Tensor = self.layers(spectrograms[:, None])
        return code


class LarsenDecoder(nn.Module):
    """A linear layer, three transposed convolutions of stride 2, and a convolution.

    Args:
        size: how large.
    """

    def __init__(self, size: LarsenSize) -> None:
        super().__init__()
        _, second, third = size.widths
        height, width = size.cells
        cells = third * height * width
        self.first = nn.Sequential(nn.Linear(2 * size.code, cells), nn.ReLU(), nn.BatchNorm1d(cells))
        self._shape = (third, height, width)
        # The image lies in 0..1 where Larsen's lies in -1..1: a sigmoid in place of the tanh.
        self.layers = nn.Sequential(
            _up(third, third),
            _up(third, second),
            _up(second, size.last),
            nn.Conv2d(size.last, 1, 5, 1, 2),
            nn.Sigmoid(),
        )

    def forward(self, latent: Tensor) -> list[Tensor]:
        """Return the spectrogram of each, (batch, 2 * code) to (batch, bands, frames)."""
        return [self.layers(self.first(latent).unflatten(1, self._shape))[:, 0]]


class Judgement(NamedTuple):
    """What the discriminator says."""

    features: Tensor
    """Of its third convolution, the learned measure of likeness: (batch, channels, height, width)."""
    logits: Tensor
    """(batch,), above 0 for real."""


class Discriminator(nn.Module):
    """Four convolutions and two linear layers.

    Args:
        size: how large.
    """

    def __init__(self, size: LarsenSize) -> None:
        super().__init__()
        _, second, third = size.widths
        height, width = size.cells
        hidden = size.hidden // 4
        self.features = nn.Sequential(
            nn.Sequential(nn.Conv2d(1, size.last, 5, 1, 2), nn.ReLU()),
            _down(size.last, second),
            _down(second, third),
        )
        self.rest = nn.Sequential(
            _down(third, third),
            nn.Flatten(),
            nn.Linear(third * height * width, hidden),
            nn.ReLU(),
            nn.BatchNorm1d(hidden),
            nn.Linear(hidden, 1),
        )

    def forward(self, spectrograms: Tensor) -> Judgement:
        """Judge spectrograms, (batch, bands, frames)."""
        features = self.features(spectrograms[:, None])
        return Judgement(features, self.rest(features)[:, 0])


def vaegan(size: LarsenSize) -> PairNetwork:
    """Return the encoders and the decoder of a VAE/GAN of a size."""
    return PairNetwork(LarsenEncoder(size), LarsenEncoder(size), LarsenDecoder(size), size.code)
