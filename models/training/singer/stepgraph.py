"""Frames of an estimator as an ONNX graph, built operator by operator: each one costs time."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

from models.training.onnxgraph import FRAMES, Graph, Shapes, Weights
from models.training.singer.network import Estimator

NEIGHBOURS = 8
SHARPNESS = 12.0  # of the softmax over cosine similarities of the nearest memories


def step_graph(network: Estimator, memory: NDArray[np.float32]) -> onnx.GraphProto:
    """Return the graph of a network.

    It maps n frames, content (n, C), pitch (n, 3: octaves above 220 Hz, voicing, loudness in dB) and likeness
    (n, 1), and state (1, state) to harmonic (n, H), noise (n, N) and next_state (1, state), zero being the
    first state. It reads the weights once for all n, and is built of operators whose bits of a row do not
    depend on how many rows there are: one call with n frames gives what n calls with one do. For that the
    pitch comes as a logarithm, whose operator is not one of them. Tests hold the graph to both.

    Args:
        network: the trained network, on any device.
        memory: content of the target's own frames, (entries, C), from which `likeness` retrieves.
    """
    size = network.size
    weights = {name: part.double().cpu().numpy() for name, part in network.state_dict().items()}
    graph = Graph("step")
    content = _recalled(graph, "content", memory.astype(np.float64))
    joined = graph.gelu(_joined(graph, weights, content, size.content))
    first = graph.constant([0], np.int64)
    y, hidden = graph.gru(joined, graph.add("Unsqueeze", "state", first), weights, "gru")
    y = graph.gelu(graph.linear(y, weights["head.weight"], weights["head.bias"]))
    y = graph.add("Add", y, joined)
    for part in ("harmonic", "noise"):
        graph.linear(y, weights[f"{part}.weight"], weights[f"{part}.bias"], out=part)
    graph.add("Squeeze", hidden, first, out="next_state")
    inputs: Shapes = {
        "content": (FRAMES, size.content),
        "pitch": (FRAMES, 3),
        "likeness": (FRAMES, 1),
        "state": (1, size.recurrent),
    }
    outputs: Shapes = {
        "harmonic": (FRAMES, size.harmonic),
        "noise": (FRAMES, size.noise),
        "next_state": (1, size.recurrent),
    }
    return graph.proto(inputs, outputs)


def _recalled(graph: Graph, content: str, memory: NDArray[np.float64]) -> str:
    """Mix in the nearest memories, and spend no time on them where `likeness` is 0 in all frames."""
    most = graph.add("ReduceMax", "likeness", keepdims=0)
    likely = graph.add("Greater", most, graph.constant(0.0))
    recall, plain = Graph("recall"), Graph("plain")
    directions = memory / np.linalg.norm(memory, axis=1, keepdims=True)
    axis = graph.constant([1], np.int64)
    length = recall.add("ReduceL2", content, axis, keepdims=1)
    nearness = recall.add("Div", recall.add("MatMul", content, graph.constant(directions.T)), length)
    nearest, index = recall.largest(nearness, NEIGHBOURS)
    share = recall.add("Softmax", recall.add("Mul", nearest, graph.constant([[SHARPNESS]])), axis=1)
    rows = recall.add("Gather", graph.constant(memory), index, axis=0)
    found = recall.add("MatMul", recall.add("Unsqueeze", share, axis), rows)
    change = recall.add("Sub", recall.add("Squeeze", found, axis), content)
    change = recall.add("Mul", "likeness", change)  # nothing, and the same bits, where it is 0
    branches = {
        "then_branch": (recall, recall.add("Add", content, change)),
        "else_branch": (plain, plain.add("Identity", content)),
    }
    protos = {
        name: part.proto({}, {out: (FRAMES, memory.shape[1])}) for name, (part, out) in branches.items()
    }
    return graph.add("If", likely, **protos)


def _joined(graph: Graph, weights: Weights, content: str, size: int) -> str:
    """`models.training.singer.network.pitch_features` and the layer that joins them with the content.

    The features are the pitch itself, two sines and two cosines of its octaves, and a straight line of the
    loudness, which is left to the weights of the layer.
    """
    weight, bias = weights["join.weight"].copy(), weights["join.bias"].copy()
    bias += 35.0 / 20.0 * weight[:, size + 6]
    weight[:, size + 6] /= 20.0
    order = [*range(size), *(size + feature for feature in (0, 5, 6, 1, 2, 3, 4))]
    turns = np.zeros((4, 3))
    turns[:, 0] = np.pi * np.array([1.0, 2.0, 1.0, 2.0])
    quarter = np.pi * np.array([0.0, 0.0, 0.5, 0.5])  # a cosine is a sine a quarter earlier
    waves = graph.add("Sin", graph.linear("pitch", turns, quarter))
    return graph.linear(graph.join(content, "pitch", waves), weight[:, order], bias)
