"""The content encoder in differentiable form: its network, and its weights as a shipped file holds them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from dsp.spectrum import ENVELOPE_GRID

BANDS = int(ENVELOPE_GRID.size)
READ = int((ENVELOPE_GRID <= 12000.0).sum())
"""Bands that are read: phones do not differ above, but recordings do."""
TAPS = 3
HIDDEN, RECURRENT = 192, 192
LAYERS = 3
SIZE = 32
"""Numbers that describe a frame: fewer than there are phones, so that nothing but phones finds room."""
OFFSET_DB, SCALE_DB = 35.0, 20.0
"""The network reads (dB + offset) / scale."""


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


class ContentNetwork(nn.Module):
    """From envelopes in dB, normalised by the LTAS, to a few numbers that say what is sung."""

    def __init__(self) -> None:
        super().__init__()
        widths = [READ] + [HIDDEN] * LAYERS
        self.convolutions = nn.ModuleList(CausalLayer(a, b) for a, b in pairwise(widths))
        self.gru = nn.GRU(HIDDEN, RECURRENT, batch_first=True)
        self.content = nn.Linear(HIDDEN + RECURRENT, SIZE)

    def forward(self, envelope: Tensor) -> Tensor:
        """Map envelopes, (batch, frames, bands), to content, (batch, frames, SIZE), -1 to 1."""
        x = (envelope[..., :READ] + OFFSET_DB) / SCALE_DB
        for layer in self.convolutions:
            x = layer(x)
        return torch.tanh(self.content(torch.cat([x, self.gru(x)[0]], 2)))


def read_encoder(path: Path) -> ContentNetwork:
    """Read the weights of an encoder's file (`models.content.file`, which checks it) and freeze them."""
    graph = onnx.load(path).graph
    constants = {part.name: torch.tensor(numpy_helper.to_array(part)) for part in graph.initializer}

    def weights_of(kind: str) -> list[list[Tensor]]:
        nodes = [node for node in graph.node if node.op_type == kind]
        return [[constants[name] for name in node.input[1:4] if name in constants] for node in nodes]

    layers = [f"convolutions.{layer}" for layer in range(LAYERS)]
    state: dict[str, Tensor] = {}
    linears = [*(f"{layer}.linear" for layer in layers), "content"]
    for name, (weight, bias) in zip(linears, weights_of("Gemm"), strict=True):
        state |= {f"{name}.weight": weight.T, f"{name}.bias": bias}
    for layer, (scale, shift) in zip(layers, weights_of("LayerNormalization"), strict=True):
        state |= {f"{layer}.norm.weight": scale, f"{layer}.norm.bias": shift}
    ((into, back, biases),) = weights_of("GRU")
    bias_into, bias_back = biases[0].chunk(2)
    recurrent = {"weight_ih": into[0], "weight_hh": back[0], "bias_ih": bias_into, "bias_hh": bias_back}
    state |= {f"gru.{part}_l0": _reset_first(rows) for part, rows in recurrent.items()}
    # The division is left to the weights in the file.
    state["convolutions.0.linear.weight"] = SCALE_DB * state["convolutions.0.linear.weight"]
    network = ContentNetwork()
    network.load_state_dict(state)
    return network.requires_grad_(requires_grad=False)


def _reset_first(rows: Tensor) -> Tensor:
    """Turn ONNX's order of a GRU's gates (update, reset, new) into that of torch (reset, update, new)."""
    update, reset, new = rows.chunk(3)
    return torch.cat([reset, update, new])
