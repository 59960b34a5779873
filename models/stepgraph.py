"""One frame of an estimator as an ONNX graph, operator by operator: each one costs time."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

from models.network import BANDS, TAPS, Estimator
from models.onnxgraph import Graph, Weights

NEIGHBOURS = 8
SHARPNESS = 12.0  # of the softmax over cosine similarities of the nearest memories
_EPSILON = 1e-5  # of torch's layer normalisation


def step_graph(network: Estimator, memory: NDArray[np.float32]) -> tuple[onnx.GraphProto, int]:
    """Return the graph and the length of its state.

    It maps envelope (1, bands), pitch (1, 3: f0 in hertz, voicing, loudness in dB), likeness (1, 1) and state
    (1, state) to harmonic (1, H), noise (1, N) and next_state (1, state), zero being the first state. A test
    holds it and the network together.

    Args:
        network: the trained network, on any device.
        memory: codes of the target's own frames, (entries, value), from which `likeness` retrieves.
    """
    size = network.size
    weights = {name: part.double().cpu().numpy() for name, part in network.state_dict().items()}
    graph = Graph("step")
    widths = [BANDS] + [size.hidden] * (size.layers - 1)
    state = [width for width in widths for _ in range(TAPS - 1)] + [size.recurrent]
    *frames, hidden = graph.split("state", state)
    x, kept = _content(graph, weights, frames, size.layers)
    codes = _coded(graph, weights, x, size.key)
    codes = _recalled(graph, codes, memory.astype(np.float64))
    joined = graph.gelu(_joined(graph, weights, codes, size.value))
    hidden = graph.gru(joined, hidden, weights, "gru")
    y = graph.gelu(graph.linear(hidden, weights["head.weight"], weights["head.bias"]))
    y = graph.add("Add", y, joined)
    for part in ("harmonic", "noise"):
        graph.linear(y, weights[f"{part}.weight"], weights[f"{part}.bias"], out=part)
    graph.join(*kept, hidden, out="next_state")
    length = sum(state)
    inputs = {"envelope": BANDS, "pitch": 3, "likeness": 1, "state": length}
    return graph.proto(inputs, {"harmonic": size.harmonic, "noise": size.noise, "next_state": length}), length


def _content(graph: Graph, weights: Weights, frames: list[str], layers: int) -> tuple[str, list[str]]:
    """The convolutions; returns their output and the frames to keep."""
    # The network sees (dB + 35) / 20; the division is left to the weights.
    x, kept = graph.add("Add", "envelope", graph.constant([[35.0]])), []
    for layer in range(layers):
        before = frames[(TAPS - 1) * layer :][: TAPS - 1]
        kept += [*before[1:], x]
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
    """Mix in the nearest memories, and spend no time on them where `likeness` is 0."""
    likely = graph.add("Greater", "likeness", graph.constant([[0.0]]))
    recall, plain = Graph("recall", graph), Graph("plain", graph)
    directions = memory / np.linalg.norm(memory, axis=1, keepdims=True)
    length = recall.add("ReduceL2", codes, graph.constant([1], np.int64), keepdims=1)
    nearness = recall.add("Div", recall.add("MatMul", codes, graph.constant(directions.T)), length)
    nearest, index = recall.largest(nearness, NEIGHBOURS)
    share = recall.add("Softmax", recall.add("Mul", nearest, graph.constant([[SHARPNESS]])), axis=1)
    rows = recall.add("Gather", index, graph.constant(0, np.int64), axis=0)
    found = recall.add("MatMul", share, recall.add("Gather", graph.constant(memory), rows, axis=0))
    change = recall.add("Mul", "likeness", recall.add("Sub", found, codes))
    branches = {
        "then_branch": (recall, recall.add("Add", codes, change)),
        "else_branch": (plain, plain.add("Identity", codes)),
    }
    protos = {name: part.proto({}, {out: memory.shape[1]}) for name, (part, out) in branches.items()}
    return graph.add("If", likely, **protos)


def _joined(graph: Graph, weights: Weights, codes: str, value: int) -> str:
    """`models.network.pitch_features` and the layer that joins them with the codes.

    All features but the voicing are straight lines of log f0, sines of such lines, or a straight line of the
    loudness; what the weights of the layer can do of that is left to them.
    """
    octave, concert = 1.0 / np.log(2.0), np.log2(220.0)
    weight, bias = weights["join.weight"].copy(), weights["join.bias"].copy()
    bias += 35.0 / 20.0 * weight[:, value + 6] - concert * weight[:, value]
    weight[:, value] *= octave
    weight[:, value + 6] /= 20.0
    f0, others = graph.split("pitch", [1, 2])
    log_f0 = graph.add("Log", f0)
    turns = np.pi * np.array([1.0, 2.0, 1.0, 2.0])
    phases = np.pi * np.array([0.0, 0.0, 0.5, 0.5]) - turns * concert  # two sines, two cosines
    waves = graph.add("Sin", graph.linear(log_f0, octave * turns[:, None], phases))
    return graph.linear(graph.join(codes, log_f0, waves, others), weight, bias)
