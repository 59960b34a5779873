"""The critic of adversarial training: tells a singer's controls from those made of other voices.

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
    """Scores controls frame by frame, and over the whole excerpt.

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

    def forward(self, controls: Tensor, mask: Tensor) -> Tensor:
        """Score excerpts: above 0 for the singer, below for another voice.

        Args:
            controls: (batch, frames, channels), from `critic_input`.
            mask: (batch, frames), 1 where a frame counts, else 0.

        Returns:
            Scores of each frame and of the whole excerpt, (batch, 2, frames).
        """
        x = ((controls - self.mean) / self.spread).transpose(1, 2)
        y = x
        for layer in self.layers:
            y = functional.leaky_relu(layer(y), 0.2)
        counted = mask[:, None]
        both = (torch.cat([x, y], 1) * counted).sum(2) / counted.sum(2).clamp(min=1.0)
        whole: Tensor = self.whole(both)[:, :, None]
        return torch.cat([self.moment(y), whole.expand(-1, -1, y.shape[2])], 1)


def critic_input(harmonic: Tensor, noise: Tensor, pitch: Tensor) -> Tensor:
    """Join log-magnitudes and pitch features into what a critic reads, (batch, frames, channels)."""
    return torch.cat([harmonic, noise, pitch_features(pitch)], 2)[:, SETTLING_FRAMES:]


def audible_mask(pitch: Tensor) -> Tensor:
    """Return 1 where an excerpt is loud enough to be scored, else 0, (batch, frames)."""
    loudness = pitch[..., 2]
    return (loudness > loudness.amax(1, keepdim=True) - AUDIBLE_DB).float()[:, SETTLING_FRAMES:]


def hinge_loss(scores: Tensor, mask: Tensor, side: float) -> Tensor:
    """Return the hinge loss of scores that should be on one side: 1.0 the singer's, -1.0 another voice's."""
    return masked_mean(functional.relu(1.0 - side * scores), mask)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Average (batch, kinds, frames) over the frames that count, (batch, frames)."""
    counted = mask[:, None].expand_as(values)
    return (values * counted).sum() / counted.sum().clamp(min=1.0)


def delta_loss(now: Tensor, before: Tensor, mask: Tensor) -> Tensor:
    """Return the mean L1 between the frame-to-frame differences of log-magnitudes and those of before.

    Args:
        now: (batch, frames, channels).
        before: of the same shape.
        mask: from `audible_mask`.
    """
    change = (now - before)[:, SETTLING_FRAMES:].diff(dim=1).abs().mean(2)
    return masked_mean(change[:, None], mask[:, 1:])
