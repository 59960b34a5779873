"""The network of the pronunciation: convolutions over what is told of the frames before and after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.pronunciation.features import width
from models.pronunciation.file import CONTROLS, REACH, WINDOW
from models.training.onnxgraph import Graph

DILATIONS = (1, 2, 4, 8, 16, 1)
TAPS = 3
assert sum(DILATIONS) * (TAPS // 2) <= REACH


@dataclass(frozen=True)
class NetworkSize:
    """How large it is."""

    voices: int
    channels: int = 192


class Layer(nn.Module):
    """A dilated convolution, normalised over channels and added to what it read."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.convolution = nn.Conv1d(channels, channels, TAPS, dilation=dilation, padding=dilation)
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, frames, channels) to the same shape."""
        y = self.convolution(x.transpose(1, 2)).transpose(1, 2)
        return x + functional.gelu(self.norm(y), approximate="tanh")


class PronunciationNetwork(nn.Module):
    """From features of frames (`models.pronunciation.features`) to controls."""

    def __init__(self, size: NetworkSize) -> None:
        super().__init__()
        self.size = size
        self.into = nn.Linear(width(size.voices), size.channels)
        self.layers = nn.ModuleList(Layer(size.channels, dilation) for dilation in DILATIONS)
        self.out = nn.Linear(size.channels, CONTROLS)
        self.register_buffer("mean", torch.zeros(CONTROLS))
        self.register_buffer("spread", torch.ones(CONTROLS))

    def forward(self, frames: Tensor) -> Tensor:
        """Map (batch, frames, width) to (batch, frames, CONTROLS)."""
        x = functional.gelu(self.into(frames), approximate="tanh")
        for layer in self.layers:
            x = layer(x)
        found: Tensor = self.out(x) * self.spread + self.mean
        return found


def graph_of(trained: PronunciationNetwork) -> onnx.GraphProto:
    """Return the graph, from "frames", (WINDOW, width), to "controls"; tests hold it to the network."""
    state = {name: part.detach().cpu().double().numpy() for name, part in trained.state_dict().items()}
    graph = Graph("pronunciation")
    x = graph.gelu(graph.linear("frames", state["into.weight"], state["into.bias"]))
    for index, dilation in enumerate(DILATIONS):
        name = f"layers.{index}"
        columns = graph.add(
            "Unsqueeze", graph.add("Transpose", x, perm=[1, 0]), graph.constant([0], np.int64)
        )
        weights = [graph.constant(state[f"{name}.convolution.{part}"]) for part in ("weight", "bias")]
        y = graph.add("Conv", columns, *weights, dilations=[dilation], pads=[dilation, dilation])
        rows = graph.add("Transpose", graph.add("Squeeze", y, graph.constant([0], np.int64)), perm=[1, 0])
        norm = [graph.constant(state[f"{name}.norm.{part}"]) for part in ("weight", "bias")]
        x = graph.add("Add", x, graph.gelu(graph.add("LayerNormalization", rows, *norm)))
    spread, mean = state["spread"], state["mean"]
    graph.linear(x, state["out.weight"] * spread[:, None], state["out.bias"] * spread + mean, out="controls")
    return graph.proto({"frames": (WINDOW, width(trained.size.voices))}, {"controls": (WINDOW, CONTROLS)})
