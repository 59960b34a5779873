"""The estimator network: causal convolutions, a learned code book, a GRU, and the synthesizer's controls."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from dsp.spectrum import ENVELOPE_GRID

BANDS = int(ENVELOPE_GRID.size)
TAPS = 3


@dataclass(frozen=True)
class NetworkSize:
    """Widths of the network."""

    harmonic: int
    """Harmonic controls; the synthesizer's kind decides."""
    noise: int
    """Noise controls."""
    hidden: int = 192
    """Channels of the convolutions."""
    layers: int = 3
    """Convolutions of three frames each."""
    codes: int = 384
    """Entries of the code book."""
    key: int = 64
    """Dimensions of a key."""
    value: int = 128
    """Dimensions of a code."""
    joined: int = 288
    """What the heads read."""
    recurrent: int = 192
    """Units of the GRU. Their weights are read for every frame, so they are to fit into a core's cache."""


class CausalLayer(nn.Module):
    """A convolution over the newest three frames, normalised over channels, residual where it fits."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(TAPS * channels_in, channels)
        self.norm = nn.LayerNorm(channels)
        self.residual = channels_in == channels

    def forward(self, x: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
        """Map (batch, frames, in) and the two frames before to (batch, frames, out) and the new history."""
        frames = x.shape[1]
        joined = torch.cat([history, x], dim=1)
        stacked = torch.cat([joined[:, tap : tap + frames] for tap in range(TAPS)], dim=2)
        return self.activate(stacked, x), joined[:, -(TAPS - 1) :]

    def activate(self, stacked: Tensor, x: Tensor) -> Tensor:
        """Map three frames side by side, (..., 3 * in), the newest of them x, (..., in), to (..., out)."""
        y = functional.gelu(self.norm(self.linear(stacked)), approximate="tanh")
        return y + x if self.residual else y


class Estimator(nn.Module):
    """From perturbed envelopes, f0, voicing and loudness to log-magnitudes.

    The content path sees only the envelope and leaves it as a softmax mixture of learned codes of the target
    singer, so little of the source's own timbre passes; pitch, voicing and loudness join after it.
    """

    def __init__(self, size: NetworkSize) -> None:
        super().__init__()
        self.size = size
        widths = [BANDS] + [size.hidden] * size.layers
        self.convolutions = nn.ModuleList(CausalLayer(a, b) for a, b in pairwise(widths))
        self.query = nn.Linear(size.hidden, size.key)
        self.keys = nn.Parameter(torch.randn(size.codes, size.key))
        self.codes = nn.Parameter(0.5 * torch.randn(size.codes, size.value))
        self.join = nn.Linear(size.value + _PITCH_FEATURES, size.joined)
        self.gru = nn.GRU(size.joined, size.recurrent, batch_first=True)
        self.head = nn.Linear(size.recurrent, size.joined)
        self.harmonic = nn.Linear(size.joined, size.harmonic)
        self.noise = nn.Linear(size.joined, size.noise)
        nn.init.constant_(self.noise.bias, -3.0)

    def histories(self, batch: int) -> list[Tensor]:
        """Return the zero history of each convolution."""
        device = self.keys.device
        widths = [BANDS] + [self.size.hidden] * (self.size.layers - 1)
        return [torch.zeros(batch, TAPS - 1, width, device=device) for width in widths]

    def content(self, envelope: Tensor, histories: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Map envelopes in dB, (batch, frames, bands), to codes, (batch, frames, value)."""
        x = normalized_bands(envelope)
        after = []
        for layer, history in zip(self.convolutions, histories, strict=True):
            x, kept = layer(x, history)
            after.append(kept)
        scores = self.query(x) @ self.keys.T / self.size.key**0.5
        return torch.softmax(scores, dim=-1) @ self.codes, after

    def controls(self, codes: Tensor, pitch: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map codes and (f0 in hertz, voicing, loudness in dB), (batch, frames, 3), to log-magnitudes."""
        joined = self.joined(codes, pitch)
        x, state = self.gru(joined, state)
        y = self.tail(x, joined)
        return self.harmonic(y), self.noise(y), state

    def joined(self, codes: Tensor, pitch: Tensor) -> Tensor:
        """Bring codes, (..., value), and pitch, (..., 3), together: (..., joined)."""
        both = torch.cat([codes, pitch_features(pitch)], dim=-1)
        return functional.gelu(self.join(both), approximate="tanh")

    def tail(self, x: Tensor, joined: Tensor) -> Tensor:
        """Return what both heads read, (..., joined)."""
        return functional.gelu(self.head(x), approximate="tanh") + joined

    def forward(self, envelope: Tensor, pitch: Tensor) -> tuple[Tensor, Tensor]:
        """Map whole sequences from zero state: harmonic (batch, frames, H) and noise (batch, frames, N)."""
        batch = envelope.shape[0]
        codes, _ = self.content(envelope, self.histories(batch))
        state = torch.zeros(1, batch, self.size.recurrent, device=envelope.device)
        harmonic, noise, _ = self.controls(codes, pitch, state)
        return harmonic, noise


_PITCH_FEATURES = 7


def normalized_bands(envelope: Tensor) -> Tensor:
    """Bring levels in dB to about unit size."""
    return (envelope + 35.0) / 20.0


def pitch_features(pitch: Tensor) -> Tensor:
    """Expand (f0 in hertz, voicing, loudness in dB), (..., 3), to the network's inputs, (..., 7)."""
    f0, voicing, loudness = torch.split(pitch, 1, dim=-1)
    octaves = torch.log2(f0 / 220.0)
    turns = torch.cat([torch.pi * octaves, 2.0 * torch.pi * octaves], dim=-1)
    return torch.cat([octaves, torch.sin(turns), torch.cos(turns), voicing, (loudness + 35.0) / 20.0], dim=-1)
