"""A critic of controls: tells a singer's from strangers', by the moment and by the whole excerpt.

Hinge loss and spectral normalisation as in Miyato et al. 2018.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from dsp.ltas import AUDIBLE_DB
from models.training.singer.network import pitch_features

SETTLING_FRAMES = 10
"""Frames at the start of an excerpt that the critic does not see, while the network warms up."""


class Critic(nn.Module):
    """Tells the singer's controls from those of strangers, by the moment and by the whole excerpt.

    Args:
        mean: of the singer's controls and pitch features, (channels,).
        spread: their standard deviation, (channels,).
        width: channels inside.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, mean: Tensor, spread: Tensor, width: int = 128) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("spread", spread)
        channels = mean.numel()
        self.layers = nn.ModuleList(
            [
                spectral_norm(nn.Conv1d(channels, width, 1)),
                spectral_norm(nn.Conv1d(width, width, 5, padding=2)),
                spectral_norm(nn.Conv1d(width, width, 5, padding=4, dilation=2)),
            ]
        )
        self.moment = spectral_norm(nn.Conv1d(width, 1, 1))
        self.whole = nn.Sequential(
            spectral_norm(nn.Linear(channels + width, width)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Linear(width, 1)),
        )

    def forward(self, controls: Tensor, weight: Tensor) -> Tensor:
        """Judge excerpts: above 0 the singer, below a stranger.

        Args:
            controls: (batch, frames, channels), as `together` gives them.
            weight: (batch, frames), 1 where a frame counts, else 0.

        Returns:
            Verdicts on the moments and on the whole, (batch, 2, frames).
        """
        x = ((controls - self.mean) / self.spread).transpose(1, 2)
        y = x
        for layer in self.layers:
            y = functional.leaky_relu(layer(y), 0.2)
        counted = weight[:, None]
        both = (torch.cat([x, y], 1) * counted).sum(2) / counted.sum(2).clamp(min=1.0)
        whole: Tensor = self.whole(both)[:, :, None]
        return torch.cat([self.moment(y), whole.expand(-1, -1, y.shape[2])], 1)


def together(harmonic: Tensor, noise: Tensor, pitch: Tensor) -> Tensor:
    """Join log-magnitudes and pitch features into what a critic reads, (batch, frames, channels)."""
    return torch.cat([harmonic, noise, pitch_features(pitch)], 2)[:, SETTLING_FRAMES:]


def audible(pitch: Tensor) -> Tensor:
    """Return 1 where an excerpt is loud enough to be judged, else 0, (batch, frames)."""
    loudness = pitch[..., 2]
    return (loudness > loudness.amax(1, keepdim=True) - AUDIBLE_DB).float()[:, SETTLING_FRAMES:]


def hinge(verdicts: Tensor, weight: Tensor, side: float) -> Tensor:
    """Return how far verdicts are from 1 on their side (1.0 the singer, -1.0 strangers), on average."""
    return mean_of(functional.relu(1.0 - side * verdicts), weight)


def mean_of(values: Tensor, weight: Tensor) -> Tensor:
    """Average (batch, kinds, frames) over the frames that count, (batch, frames)."""
    counted = weight[:, None].expand_as(values)
    return (values * counted).sum() / counted.sum().clamp(min=1.0)


def movement_change(now: Tensor, before: Tensor, weight: Tensor) -> Tensor:
    """Return how far the changes from frame to frame of log-magnitudes are from those before, on average.

    Args:
        now: (batch, frames, channels).
        before: of the same shape.
        weight: as `audible` gives it.
    """
    change = (now - before)[:, SETTLING_FRAMES:].diff(dim=1).abs().mean(2)
    return mean_of(change[:, None], weight[:, 1:])
