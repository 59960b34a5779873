"""Frames of the content encoder as an ONNX graph, built operator by operator: each one costs time."""

from __future__ import annotations

import numpy as np
import onnx

from models.differentiable.content import (
    BANDS,
    HIDDEN,
    LAYERS,
    OFFSET_DB,
    READ,
    RECURRENT,
    SCALE_DB,
    SIZE,
    TAPS,
    ContentNetwork,
)
from models.training.onnxgraph import FRAMES, Graph, Shapes, Weights

_EPSILON = 1e-5  # of torch's layer normalisation
_BEHIND = TAPS - 1  # frames before the newest that a convolution sees
_END = np.iinfo(np.int64).max
_WIDTHS = [READ] + [HIDDEN] * (LAYERS - 1)
STATE = _BEHIND * sum(_WIDTHS) + RECURRENT
INPUTS: Shapes = {"envelope": (FRAMES, BANDS), "state": (1, STATE)}
OUTPUTS: Shapes = {"content": (FRAMES, SIZE), "next_state": (1, STATE)}


def step_graph(trained: ContentNetwork) -> onnx.GraphProto:
    """Return the graph, which maps `INPUTS` to `OUTPUTS`; the state is zero at first.

    There may be any number of frames, and the bits of a frame do not depend on it
    (`models.training.singer.stepgraph`). Tests hold graph and network together.
    """
    weights = {name: part.double().cpu().numpy() for name, part in trained.state_dict().items()}
    graph = Graph("step")
    *frames, hidden = graph.split("state", [width for width in _WIDTHS for _ in range(_BEHIND)] + [RECURRENT])
    x, kept = _convolved(graph, weights, frames)
    first = graph.constant([0], np.int64)
    recurrent, hidden = graph.gru(x, graph.add("Unsqueeze", hidden, first), weights, "gru")
    y = graph.linear(graph.join(x, recurrent), weights["content.weight"], weights["content.bias"])
    graph.add("Tanh", y, out="content")
    graph.join(*kept, graph.add("Squeeze", hidden, first), out="next_state")
    return graph.proto(INPUTS, OUTPUTS)


def _convolved(graph: Graph, weights: Weights, frames: list[str]) -> tuple[str, list[str]]:
    """The convolutions; returns their output and the frames to keep, side by side."""
    # The network reads (dB + 35) / 20; the division is left to the weights.
    read, _ = graph.split("envelope", [READ, BANDS - READ])
    x, kept = graph.add("Add", read, graph.constant([[OFFSET_DB]])), []
    for layer in range(LAYERS):
        seen = graph.add("Concat", *frames[_BEHIND * layer :][:_BEHIND], x, axis=0)
        before = [graph.rows(seen, tap, tap - _BEHIND) for tap in range(_BEHIND)]
        kept.append(graph.add("Flatten", graph.rows(seen, -_BEHIND, _END), axis=0))
        name = f"convolutions.{layer}"
        weight = weights[f"{name}.linear.weight"] / (SCALE_DB if layer == 0 else 1.0)
        y = graph.linear(graph.join(*before, x), weight, weights[f"{name}.linear.bias"])
        scale, shift = (graph.constant(weights[f"{name}.norm.{part}"]) for part in ("weight", "bias"))
        y = graph.gelu(graph.add("LayerNormalization", y, scale, shift, axis=-1, epsilon=_EPSILON))
        x = y if layer == 0 else graph.add("Add", y, x)
    return x, kept
