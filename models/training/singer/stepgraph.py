"""Frames of an estimator as an ONNX graph, built operator by operator: each one costs time."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

from models.training.onnxgraph import FRAMES, Graph, Shapes, Weights
from models.training.singer.network import BANDS, TAPS, Estimator

NEIGHBOURS = 8
SHARPNESS = 12.0  # of the softmax over cosine similarities of the nearest memories
_EPSILON = 1e-5  # of torch's layer normalisation
_BEHIND = TAPS - 1  # frames before the newest that a convolution sees
_END = np.iinfo(np.int64).max


def step_graph(network: Estimator, memory: NDArray[np.float32]) -> tuple[onnx.GraphProto, int]:
    """Return the graph and the length of its state.

    It maps n frames, envelope (n, bands), pitch (n, 3: octaves above 220 Hz, voicing, loudness in dB) and
    likeness (n, 1), and state (1, state) to harmonic (n, H), noise (n, N) and next_state (1, state), zero
    being the first state. It reads the weights once for all n, and is built of operators whose bits of a row
    do not depend on how many rows there are: one call with n frames gives what n calls with one do. For that
    the pitch comes as a logarithm, whose operator is not one of them. Tests hold the graph to both.

    Args:
        network: the trained network, on any device.
        memory: codes of the target's own frames, (entries, value), from which `likeness` retrieves.
    """
    size = network.size
    weights = {name: part.double().cpu().numpy() for name, part in network.state_dict().items()}
    graph = Graph("step")
    widths = [BANDS] + [size.hidden] * (size.layers - 1)
    state = [width for width in widths for _ in range(_BEHIND)] + [size.recurrent]
    *frames, hidden = graph.split("state", state)
    x, kept = _content(graph, weights, frames, size.layers)
    codes = _coded(graph, weights, x, size.key)
    codes = _recalled(graph, codes, memory.astype(np.float64))
    joined = graph.gelu(_joined(graph, weights, codes, size.value))
    first = graph.constant([0], np.int64)
    y, hidden = graph.gru(joined, graph.add("Unsqueeze", hidden, first), weights, "gru")
    y = graph.gelu(graph.linear(y, weights["head.weight"], weights["head.bias"]))
    y = graph.add("Add", y, joined)
    for part in ("harmonic", "noise"):
        graph.linear(y, weights[f"{part}.weight"], weights[f"{part}.bias"], out=part)
    graph.join(*kept, graph.add("Squeeze", hidden, first), out="next_state")
    length = sum(state)
    inputs: Shapes = {
        "envelope": (FRAMES, BANDS),
        "pitch": (FRAMES, 3),
        "likeness": (FRAMES, 1),
        "state": (1, length),
    }
    outputs: Shapes = {
        "harmonic": (FRAMES, size.harmonic),
        "noise": (FRAMES, size.noise),
        "next_state": (1, length),
    }
    return graph.proto(inputs, outputs), length


def _content(graph: Graph, weights: Weights, frames: list[str], layers: int) -> tuple[str, list[str]]:
    """The convolutions; returns their output and the frames to keep, side by side."""
    # The network sees (dB + 35) / 20; the division is left to the weights.
    x, kept = graph.add("Add", "envelope", graph.constant([[35.0]])), []
    for layer in range(layers):
        seen = graph.add("Concat", *frames[_BEHIND * layer :][:_BEHIND], x, axis=0)
        before = [graph.rows(seen, tap, tap - _BEHIND) for tap in range(_BEHIND)]
        kept.append(graph.add("Flatten", graph.rows(seen, -_BEHIND, _END), axis=0))
        name = f"convolutions.{layer}"
        weight = weights[f"{name}.linear.weight"] / (20.0 if layer == 0 else 1.0)
        y = graph.linear(graph.join(*before, x), weight, weights[f"{name}.linear.bias"])
        scale, shift = (graph.constant(weights[f"{name}.norm.{part}"]) for part in ("weight", "bias"))
        y = graph.gelu(graph.add("LayerNormalization", y, scale, shift, axis=-1, epsilon=_EPSILON))
        x = y if layer == 0 else graph.add("Add", y, x)
    return x, kept


def _coded(graph: Graph, weights: Weights, x: str, key: int) -> str:
    query = graph.linear(x, weights["query.weight"], weights["query.bias"])
    scores = graph.add("MatMul", query, graph.constant(weights["keys"].T / key**0.5))
    return graph.add("MatMul", graph.add("Softmax", scores, axis=1), graph.constant(weights["codes"]))


def _recalled(graph: Graph, codes: str, memory: NDArray[np.float64]) -> str:
    """Mix in the nearest memories, and spend no time on them where `likeness` is 0 in all frames."""
    most = graph.add("ReduceMax", "likeness", keepdims=0)
    likely = graph.add("Greater", most, graph.constant(0.0))
    recall, plain = Graph("recall", graph), Graph("plain", graph)
    directions = memory / np.linalg.norm(memory, axis=1, keepdims=True)
    axis = graph.constant([1], np.int64)
    length = recall.add("ReduceL2", codes, axis, keepdims=1)
    nearness = recall.add("Div", recall.add("MatMul", codes, graph.constant(directions.T)), length)
    nearest, index = recall.largest(nearness, NEIGHBOURS)
    share = recall.add("Softmax", recall.add("Mul", nearest, graph.constant([[SHARPNESS]])), axis=1)
    rows = recall.add("Gather", graph.constant(memory), index, axis=0)
    found = recall.add("MatMul", recall.add("Unsqueeze", share, axis), rows)
    change = recall.add("Sub", recall.add("Squeeze", found, axis), codes)
    change = recall.add("Mul", "likeness", change)  # nothing, and the same bits, where it is 0
    branches = {
        "then_branch": (recall, recall.add("Add", codes, change)),
        "else_branch": (plain, plain.add("Identity", codes)),
    }
    protos = {
        name: part.proto({}, {out: (FRAMES, memory.shape[1])}) for name, (part, out) in branches.items()
    }
    return graph.add("If", likely, **protos)


def _joined(graph: Graph, weights: Weights, codes: str, value: int) -> str:
    """`models.training.singer.network.pitch_features` and the layer that joins them with the codes.

    The features are the pitch itself, two sines and two cosines of its octaves, and a straight line of the
    loudness, which is left to the weights of the layer.
    """
    weight, bias = weights["join.weight"].copy(), weights["join.bias"].copy()
    bias += 35.0 / 20.0 * weight[:, value + 6]
    weight[:, value + 6] /= 20.0
    order = [*range(value), *(value + feature for feature in (0, 5, 6, 1, 2, 3, 4))]
    turns = np.zeros((4, 3))
    turns[:, 0] = np.pi * np.array([1.0, 2.0, 1.0, 2.0])
    quarter = np.pi * np.array([0.0, 0.0, 0.5, 0.5])  # a cosine is a sine a quarter earlier
    waves = graph.add("Sin", graph.linear("pitch", turns, quarter))
    return graph.linear(graph.join(codes, "pitch", waves), weight[:, order], bias)
