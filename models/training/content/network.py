"""The content encoder: causal convolutions and a GRU, taught to tell the phones of any voice apart."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from dsp.spectrum import ENVELOPE_GRID
from models.training.content.phones import PHONES

BANDS = int(ENVELOPE_GRID.size)
READ = int((ENVELOPE_GRID <= 12000.0).sum())
"""Bands that are read: phones do not differ above, but recordings do."""
TAPS = 3
HIDDEN, RECURRENT = 192, 192
LAYERS = 3
SIZE = 32
"""Numbers that describe a frame: fewer than there are phones, so that nothing but phones finds room."""
DROPOUT = 0.1


class CausalLayer(nn.Module):
    """A convolution over the newest three frames, normalised over channels, residual where it fits."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(TAPS * channels_in, channels)
        self.norm = nn.LayerNorm(channels)
        self.residual = channels_in == channels

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, frames, in), from silence on, to (batch, frames, out)."""
        joined = functional.pad(x, (0, 0, TAPS - 1, 0))
        stacked = torch.cat([joined[:, tap : tap + x.shape[1]] for tap in range(TAPS)], dim=2)
        y = functional.gelu(self.norm(self.linear(stacked)), approximate="tanh")
        return y + x if self.residual else y


class ContentEncoder(nn.Module):
    """From envelopes in dB, normalised by the LTAS, to a few numbers that say what is sung.

    Only the labels teach it (as phonetic posteriorgrams do, Sun et al. 2016), and the bottleneck is narrower
    than the set of phones, so that it keeps apart what differs between phones and nothing else.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = [READ] + [HIDDEN] * LAYERS
        self.convolutions = nn.ModuleList(CausalLayer(a, b) for a, b in pairwise(widths))
        self.gru = nn.GRU(HIDDEN, RECURRENT, batch_first=True)
        self.content = nn.Linear(HIDDEN + RECURRENT, SIZE)
        self.phones = nn.Linear(SIZE, len(PHONES))

    def forward(self, envelope: Tensor) -> Tensor:
        """Map envelopes, (batch, frames, bands), to content, (batch, frames, SIZE), -1 to 1."""
        x = (envelope[..., :READ] + 35.0) / 20.0
        for layer in self.convolutions:
            x = layer(x)
        return torch.tanh(self.content(torch.cat([x, self.gru(x)[0]], 2)))

    def logits(self, content: Tensor) -> Tensor:
        """Map content to logits of the phones; only the training needs them."""
        logits: Tensor = self.phones(functional.dropout(content, DROPOUT, self.training))
        return logits
