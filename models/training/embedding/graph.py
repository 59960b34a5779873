"""A trained TUNe of frames as an ONNX graph of plain operators, batch normalisation within convolutions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from models.embedding.frames import CROP, MELS
from models.training.onnxgraph import Graph
from models.training.tune.architecture import KERNEL
from models.training.tune.network import Block, Tail, TuneNetwork

Float64 = NDArray[np.float64]
Sounding = tuple[str, int]
"""Name of a value, shape (1, channels, places), and its places."""


def graph_of(trained: TuneNetwork) -> onnx.GraphProto:
    """Return the graph, from "frames", (243, 80), to "vector", (1, size); tests hold it to the network.

    Pooling and transposed convolutions are spelt as reshapes, so that whatever loads a hostile file needs to
    know no further operator.
    """
    assert trained.u is not None
    assert isinstance(trained.tail, Tail)
    graph = _Spelt(Graph("embedding"))
    frames = graph.add("Unsqueeze", graph.add("Transpose", "frames", perm=[1, 0]), graph.whole([0]))
    down: list[Sounding] = []
    for block in trained.u.contractive:
        down.append(graph.block(block, [graph.pooled(down[-1]) if down else (frames, CROP)]))
    up = down[-1:]
    for rise, block, beside in zip(trained.u.rises, trained.u.expansive, down[-2::-1], strict=False):
        up.append(graph.block(block, [graph.risen(rise, up[-1]), beside]))
    besides = up[-2::-1] if trained.architecture.plus else []
    last = up[-1]
    for index, block in enumerate(trained.tail.blocks):
        last = graph.block(block, [graph.pooled(last), *besides[index : index + 1]])
    graph.add("ReduceMean", last[0], graph.whole([2]), keepdims=0, out="vector")
    return graph.proto({"frames": (CROP, MELS)}, {"vector": (1, trained.architecture.size)})


class _Spelt:
    """A graph that grows by blocks of TUNe."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.add, self.proto = graph.add, graph.proto

    def whole(self, numbers: Sequence[int]) -> str:
        """Add a constant of whole numbers."""
        return self._graph.constant(numbers, np.int64)

    def block(self, block: torch.nn.Module, parts: Sequence[Sounding]) -> Sounding:
        """Add a convolution over parts side by side, and a ReLU."""
        assert isinstance(block, Block)
        x = parts[0][0] if len(parts) == 1 else self.add("Concat", *(name for name, _ in parts), axis=1)
        weight, bias = _folded(block)
        y = self._convolved(x, weight, bias, pads=[1, 1])
        return self.add("Relu", y), parts[0][1]

    def pooled(self, x: Sounding) -> Sounding:
        """Take the largest of every three places."""
        name, places = x
        triples = self.add("Reshape", name, self.whole([0, 0, places // KERNEL, KERNEL]))
        return self.add("ReduceMax", triples, self.whole([3]), keepdims=0), places // KERNEL

    def risen(self, rise: torch.nn.Module, x: Sounding) -> Sounding:
        """Make three places of each: a convolution of one place with three times the channels."""
        assert isinstance(rise, torch.nn.ConvTranspose1d)
        assert rise.bias is not None
        name, places = x
        weight, bias = _exact(rise.weight), _exact(rise.bias)
        channels = bias.size
        rows = weight.transpose(1, 2, 0).reshape(channels * KERNEL, -1, 1)
        y = self._convolved(name, rows, np.repeat(bias, KERNEL))
        y = self.add("Reshape", y, self.whole([0, channels, KERNEL, places]))
        y = self.add("Transpose", y, perm=[0, 1, 3, 2])
        return self.add("Reshape", y, self.whole([0, channels, KERNEL * places])), KERNEL * places

    def _convolved(self, x: str, weight: Float64, bias: Float64, pads: Sequence[int] = (0, 0)) -> str:
        return self.add("Conv", x, self._graph.constant(weight), self._graph.constant(bias), pads=pads)


def _folded(block: Block) -> tuple[Float64, Float64]:
    """Return weights and biases of a convolution and the batch normalisation behind it in one."""
    convolution, norm = block[0], block[1]
    assert isinstance(norm, torch.nn.BatchNorm1d)
    scale = _exact(norm.weight) / np.sqrt(_exact(norm.running_var) + norm.eps)
    bias = (_exact(convolution.bias) - _exact(norm.running_mean)) * scale + _exact(norm.bias)
    return _exact(convolution.weight) * scale[:, None, None], bias


def _exact(values: object) -> Float64:
    assert isinstance(values, torch.Tensor)
    return np.asarray(values.detach().cpu().double().numpy())
