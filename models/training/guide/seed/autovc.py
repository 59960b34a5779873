"""The seed's last model: AutoVC (Qian et al. 2019), with an accompaniment for the speaker.

Known weak points, kept as they were published: 141 of its 170 million parameters are the three linear layers
between the frames and the bottleneck; one code stands for all 10 s and has no order in time; both losses
count the divergence, which is thus counted twice; and see `coding.PairNetwork` for the prior.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.training.guide.seed.coding import PairNetwork, Size

KERNEL = 5
ENCODER_LAYERS = DECODER_LAYERS = 3
POSTNET_LAYERS = 5


@dataclass(frozen=True)
class AutoVcSize:
    """How large an AutoVC is."""

    image: Size
    """Bands and frames of the spectrograms that it reads."""
    channels: int
    """Of convolutions, and of the decoder's first LSTM."""
    neck: int
    """Units of an encoder's LSTM in each direction."""
    every: int
    """Frames that one of its codes stands for."""
    units: int
    """Of the decoder's second LSTM."""
    code: int


def _convolutions(inputs: int, channels: int, layers: int) -> nn.Sequential:
    found: list[nn.Module] = []
    for layer in range(layers):
        source = channels if layer else inputs
        found += [
            nn.Conv1d(source, channels, KERNEL, padding=KERNEL // 2),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
        ]
    return nn.Sequential(*found)


class AutoVcEncoder(nn.Module):
    """Convolutions and an LSTM in both directions, of which every few frames one is kept; flat, to a code.

    Args:
        size: how large.
    """

    def __init__(self, size: AutoVcSize) -> None:
        super().__init__()
        bands, frames = size.image
        self._neck, self._every = size.neck, size.every
        self.convolutions = _convolutions(bands, size.channels, ENCODER_LAYERS)
        self.lstm = nn.LSTM(size.channels, size.neck, 2, batch_first=True, bidirectional=True)
        self.project = nn.Linear(2 * size.neck * frames, size.code)

    def content(self, spectrograms: Tensor) -> Tensor:
        """Return the codes in time, (batch, frames, 2 * neck): what is kept, again for each of its frames."""
        heard, _ = self.lstm(self.convolutions(spectrograms).transpose(1, 2))
        ahead, back = heard.split(self._neck, dim=2)
        kept = torch.cat([ahead[:, self._every - 1 :: self._every], back[:, :: self._every]], dim=2)
        return kept.repeat_interleave(self._every, dim=1)

    def forward(self, spectrograms: Tensor) -> Tensor:
        """Return the code of each, (batch, bands, frames) to (batch, code)."""
        code: Tensor = self.project(self.content(spectrograms).flatten(1))
        return code


class AutoVcDecoder(nn.Module):
    """A linear layer to all frames, AutoVC's decoder, and its postnet, which adds what is missing.

    Args:
        size: how large.
    """

    def __init__(self, size: AutoVcSize) -> None:
        super().__init__()
        bands, frames = size.image
        self._frames = frames
        self.expand = nn.Linear(2 * size.code, 2 * size.neck * frames)
        self.first = nn.LSTM(2 * size.neck, size.channels, batch_first=True)
        self.convolutions = _convolutions(size.channels, size.channels, DECODER_LAYERS)
        self.second = nn.LSTM(size.channels, size.units, 2, batch_first=True)
        self.last = nn.Linear(size.units, bands)
        self.postnet = Postnet(bands, size.channels)

    def forward(self, latent: Tensor) -> list[Tensor]:
        """Return two spectrograms of each, (batch, bands, frames): before the postnet and after it."""
        x, _ = self.first(self.expand(latent).unflatten(1, (self._frames, -1)))
        x, _ = self.second(self.convolutions(x.transpose(1, 2)).transpose(1, 2))
        found = self.last(x).transpose(1, 2)
        return [found, found + self.postnet(found)]


class Postnet(nn.Module):
    """Five convolutions, all but the last with a tanh.

    Args:
        bands: of a spectrogram.
        channels: between them.
    """

    def __init__(self, bands: int, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for layer in range(POSTNET_LAYERS):
            source = channels if layer else bands
            target = channels if layer < POSTNET_LAYERS - 1 else bands
            layers += [nn.Conv1d(source, target, KERNEL, padding=KERNEL // 2), nn.BatchNorm1d(target)]
            if layer < POSTNET_LAYERS - 1:
                layers.append(nn.Tanh())
        # It starts by adding nothing: a last norm of 1 would add noise of 80 dB, which takes long to unlearn.
        nn.init.zeros_(layers[-1].get_parameter("weight"))
        self.layers = nn.Sequential(*layers)

    def forward(self, spectrograms: Tensor) -> Tensor:
        """Return what is to be added, of the same shape."""
        found: Tensor = self.layers(spectrograms)
        return found


def autovc(size: AutoVcSize) -> PairNetwork:
    """Return an AutoVC of a size."""
    return PairNetwork(AutoVcEncoder(size), AutoVcEncoder(size), AutoVcDecoder(size), size.code)
