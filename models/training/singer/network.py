"""The estimator network of a singer: from content and pitch to the synthesizer's controls."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class NetworkSize:
    """Widths of the network."""

    content: int
    """Numbers that describe a frame; the content encoder decides."""
    harmonic: int
    """Harmonic controls; the synthesizer's kind decides."""
    noise: int
    """Noise controls."""
    joined: int = 288
    """What the heads read."""
    recurrent: int = 256
    """Units of the GRU. Their weights are read for every frame, so they are to fit into a core's cache."""


class Estimator(nn.Module):
    """From content, f0, voicing and loudness to log-magnitudes.

    The content (`models.content`) is the same for every voice that sings the same, so that a network that
    only ever heard one singer understands all of them.
    """

    def __init__(self, size: NetworkSize) -> None:
        super().__init__()
        self.size = size
        self.join = nn.Linear(size.content + _PITCH_FEATURES, size.joined)
        self.gru = nn.GRU(size.joined, size.recurrent, batch_first=True)
        self.head = nn.Linear(size.recurrent, size.joined)
        self.harmonic = nn.Linear(size.joined, size.harmonic)
        self.noise = nn.Linear(size.joined, size.noise)
        nn.init.constant_(self.noise.bias, -3.0)

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.join.weight.device

    def forward(self, content: Tensor, pitch: Tensor) -> tuple[Tensor, Tensor]:
        """Estimate the controls of whole sequences from zero state.

        Args:
            content: (batch, frames, content).
            pitch: f0 in hertz, voicing and loudness in dB, (batch, frames, 3).

        Returns:
            Log-magnitudes: harmonic (batch, frames, H) and noise (batch, frames, N).
        """
        both = torch.cat([content, pitch_features(pitch)], dim=-1)
        joined = functional.gelu(self.join(both), approximate="tanh")
        x, _ = self.gru(joined)
        y = functional.gelu(self.head(x), approximate="tanh") + joined
        return self.harmonic(y), self.noise(y)


_PITCH_FEATURES = 7


def pitch_features(pitch: Tensor) -> Tensor:
    """Expand (f0 in hertz, voicing, loudness in dB), (..., 3), to the network's inputs, (..., 7)."""
    f0, voicing, loudness = torch.split(pitch, 1, dim=-1)
    octaves = torch.log2(f0 / 220.0)
    turns = torch.cat([torch.pi * octaves, 2.0 * torch.pi * octaves], dim=-1)
    return torch.cat([octaves, torch.sin(turns), torch.cos(turns), voicing, (loudness + 35.0) / 20.0], dim=-1)
