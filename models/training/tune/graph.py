"""A trained TUNe as an ONNX graph of plain operators, batch normalisation within the convolutions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from torch import Tensor, nn

from models.training.onnxgraph import Graph
from models.training.tune.architecture import KERNEL
from models.training.tune.network import Block, SampleCNN, TuneNetwork

Float64 = NDArray[np.float64]
Sounding = tuple[str, int]
"""Name of a value, shape (1, channels, places), and its places."""


def encoder_graph(trained: TuneNetwork, length: int) -> onnx.GraphProto:
    """Return the graph, from "audio", (1, inputs, length), to "vector", (1, size)."""
    graph = Graph("encoder")
    grow(graph, trained, ("audio", length), "vector")
    made = trained.architecture
    return graph.proto({"audio": (1, made.inputs, length)}, {"vector": (1, made.size)})


def grow(graph: Graph, trained: TuneNetwork, x: Sounding, out: str) -> None:
    """Add a network to a graph; tests hold it to the network.

    Pooling and transposed convolutions are spelt as reshapes, so that whatever loads a hostile file needs to
    know no further operator.

    Args:
        graph: that grows.
        trained: the network, taken as in `eval`.
        x: what it reads.
        out: name of what it says, shape (1, size).
    """
    grown = _Grown(graph)
    down, up = (
        grown.u(trained.u.contractive, trained.u.rises, trained.u.expansive, x) if trained.u else ([], [])
    )
    every = [*down[-1:], *up]
    last = every[-1] if every else x
    if isinstance(trained.tail, SampleCNN):
        last = grown.sample_cnn(list(trained.tail.blocks), last)
    else:
        beside = every[-2::-1] if trained.architecture.plus else []
        for index, block in enumerate(trained.tail.blocks):
            last = grown.block(block, [grown.pooled(last), *beside[index : index + 1]])
    graph.add("ReduceMean", last[0], grown.whole([2]), keepdims=0, out=out)


class _Grown:
    """A graph that grows by blocks of TUNe."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._add = graph.add

    def whole(self, numbers: Sequence[int]) -> str:
        """Add a constant of whole numbers."""
        return self._graph.constant(numbers, np.int64)

    def u(
        self, contractive: nn.ModuleList, rises: nn.ModuleList, expansive: nn.ModuleList, x: Sounding
    ) -> tuple[list[Sounding], list[Sounding]]:
        """Add the contractive and the expansive path, and return what their blocks say."""
        down: list[Sounding] = []
        for block in contractive:
            down.append(self.block(block, [self.pooled(down[-1]) if down else x]))
        up: list[Sounding] = []
        for rise, block, beside in zip(rises, expansive, down[-2::-1], strict=False):
            up.append(self.block(block, [self._risen(rise, up[-1] if up else down[-1]), beside]))
        return down, up

    def sample_cnn(self, blocks: Sequence[nn.Module], x: Sounding) -> Sounding:
        """Add the tail of CLMR."""
        x = self.block(blocks[0], [x])
        for block in blocks[1:-1]:
            x = self.pooled(self.block(block, [x]))
        return self.block(blocks[-1], [x])

    def block(self, block: nn.Module, parts: Sequence[Sounding]) -> Sounding:
        """Add a convolution over parts side by side, and a ReLU."""
        assert isinstance(block, Block)
        convolution = block[0]
        assert isinstance(convolution, nn.Conv1d)
        x = parts[0][0] if len(parts) == 1 else self._add("Concat", *(name for name, _ in parts), axis=1)
        stride = convolution.stride[0]
        pads = [1, 1] if stride == 1 else [0, 0]
        y = self._convolved(x, *_folded(block), stride, pads)
        return self._add("Relu", y), parts[0][1] // stride

    def pooled(self, x: Sounding) -> Sounding:
        """Take the largest of every three places; what is left over at the end is dropped."""
        name, places = x
        fewer = places // KERNEL
        if places % KERNEL:
            ends = [self.whole([at]) for at in (0, fewer * KERNEL, 2)]
            name = self._add("Slice", name, *ends)
        triples = self._add("Reshape", name, self.whole([0, 0, fewer, KERNEL]))
        return self._add("ReduceMax", triples, self.whole([3]), keepdims=0), fewer

    def _risen(self, rise: nn.Module, x: Sounding) -> Sounding:
        """Make three places of each: a convolution of one place with three times the channels."""
        assert isinstance(rise, nn.ConvTranspose1d)
        name, places = x
        weight, bias = _exact(rise.weight), _exact(rise.bias)
        rows = weight.transpose(1, 2, 0).reshape(bias.size * KERNEL, -1, 1)
        y = self._convolved(name, rows, np.repeat(bias, KERNEL))
        y = self._add("Reshape", y, self.whole([0, bias.size, KERNEL, places]))
        y = self._add("Transpose", y, perm=[0, 1, 3, 2])
        return self._add("Reshape", y, self.whole([0, bias.size, KERNEL * places])), KERNEL * places

    def _convolved(
        self, x: str, weight: Float64, bias: Float64, stride: int = 1, pads: Sequence[int] = (0, 0)
    ) -> str:
        weights = [self._graph.constant(part) for part in (weight, bias)]
        return self._add("Conv", x, *weights, strides=[stride], pads=pads)


def _folded(block: Block) -> tuple[Float64, Float64]:
    """Return weights and biases of a convolution and the batch normalisation behind it in one."""
    convolution, norm = block[0], block[1]
    assert isinstance(norm, nn.BatchNorm1d)
    scale = _exact(norm.weight) / np.sqrt(_exact(norm.running_var) + norm.eps)
    bias = (_exact(convolution.bias) - _exact(norm.running_mean)) * scale + _exact(norm.bias)
    return _exact(convolution.weight) * scale[:, None, None], bias


def _exact(values: Tensor | nn.Module | None) -> Float64:
    assert isinstance(values, Tensor)
    return np.asarray(values.detach().cpu().double().numpy())
