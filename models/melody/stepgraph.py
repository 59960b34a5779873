"""One frame of the melody network as an ONNX graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from models.melody import grid, network
from models.melody.network import MelodyNetwork
from models.onnxgraph import Graph, Weights

_FRAME = network.KEPT * grid.CANDIDATES
INPUTS = {
    "power": grid.WINDOWS * grid.BINS,
    "state": 1 + network.RECURRENT,
    "past": network.MEMORY * _FRAME,
}
OUTPUTS = {
    "salience": grid.CANDIDATES,
    "voicing": 1,
    "energy": 1,
    "feature": network.FEATURE,
    "next_state": 1 + network.RECURRENT,
    "newest": _FRAME,
}


def step_graph(trained: MelodyNetwork) -> onnx.GraphProto:
    """Return the graph, which maps rows of `INPUTS` to rows of `OUTPUTS`.

    The salience sums to 1, the voicing is from 0 to 1, the energy in dB. Zero is the first state; the next
    frame is given `next_state`, and `past` moved up with `newest` at its end, which is quicker done outside.
    A test holds the graph and the network together.
    """
    weights = {name: part.double().cpu().numpy() for name, part in trained.state_dict().items()}
    graph = Graph("step")
    loudest, hidden = graph.split("state", [1, network.RECURRENT])
    seen, loudest = _seen(graph, loudest)
    x = _stacked(graph, seen)
    x = graph.add("Relu", _convolved(graph, weights, "harmonics", x, pads=[0, 1, 0, 1]))
    kept = graph.add("Relu", _convolved(graph, weights, "squeeze", x))
    graph.add("Flatten", kept, out="newest")
    past = [_frame(graph, network.MEMORY - back) for back in network.BACK]
    x = graph.add("Relu", _convolved(graph, weights, "motion", graph.join(kept, *past), pads=[0, 2, 0, 2]))
    wide = [0, 2 * network.FAR, 0, 2 * network.FAR]
    more = _convolved(graph, weights, "context", x, pads=wide, dilations=[1, network.FAR])
    x = graph.add("Add", x, graph.add("Relu", more))
    local = graph.add("Flatten", _convolved(graph, weights, "local", x, pads=[0, 1, 0, 1]))
    pooled = _convolved(graph, weights, "pool", x, pads=[0, 2, 0, 2], strides=[1, network.POOL_STRIDE])
    rows = graph.add("Reshape", seen, graph.constant([1, grid.WINDOWS, grid.BINS], np.int64))
    size = [network.COARSE_BINS]
    coarse = graph.add("AveragePool", rows, kernel_shape=size, strides=size)
    flat = [graph.add("Flatten", part) for part in (graph.add("Relu", pooled), coarse)]
    heard = graph.add("Relu", _linear(graph, weights, "hear", graph.join(*flat)))
    hidden = graph.gru(heard, hidden, weights, "gru")
    feature = _linear(graph, weights, "feature", graph.join(heard, hidden))
    feature = graph.add("Tanh", feature, out="feature")
    salience = graph.add("Add", local, _linear(graph, weights, "prior", feature))
    _heads(graph, weights, salience, feature, loudest)
    graph.join(loudest, hidden, out="next_state")
    return graph.proto(INPUTS, OUTPUTS)


def _frame(graph: Graph, number: int) -> str:
    """Take one frame out of the past, (1, channels, 1, candidates)."""
    ends = [graph.constant([at], np.int64) for at in (number * _FRAME, (number + 1) * _FRAME, 1)]
    piece = graph.add("Slice", "past", *ends)
    return graph.add("Reshape", piece, graph.constant([1, network.KEPT, 1, grid.CANDIDATES], np.int64))


def _seen(graph: Graph, loudest: str) -> tuple[str, str]:
    """`models.melody.network.normalised`; the loudest is kept in dB over its least value."""
    decibels = 10.0 / np.log(10.0)
    least = graph.constant([[network.LEAST_POWER]])
    logarithm = graph.add("Log", graph.add("Add", "power", least))
    _, short = graph.split("power", [grid.BINS, grid.BINS])
    total = graph.add("ReduceSum", short, graph.constant([1], np.int64), keepdims=1)
    now = graph.add("Mul", graph.add("Log", graph.add("Add", total, least)), graph.constant([[decibels]]))
    now = graph.add("Add", now, graph.constant([[network.LEVEL_RANGE_DB]]))
    fallen = graph.add("Sub", loudest, graph.constant([[network.FALL_DB]]))
    loudest = graph.add("Max", now, fallen, graph.constant([[0.0]]))
    offset = graph.add("Sub", loudest, graph.constant([[2.0 * network.LEVEL_RANGE_DB]]))
    level = graph.add("Mul", logarithm, graph.constant([[decibels / network.SCALE_DB]]))
    offset = graph.add("Mul", offset, graph.constant([[1.0 / network.SCALE_DB]]))
    return graph.add("Relu", graph.add("Sub", level, offset)), loudest


def _stacked(graph: Graph, seen: str) -> str:
    """Read the spectra at the harmonics of the candidates, (1, channels, 1, candidates)."""
    padded = graph.join(seen, graph.constant([[0.0]]))
    # Element by element it takes a sixth of the time of `Gather`.
    places = (grid.below, np.minimum(grid.below + 1, grid.NOTHING))
    rows = [graph.constant(place.reshape(1, -1), np.int64) for place in places]
    low, high = (graph.add("GatherElements", padded, row, axis=1) for row in rows)
    rise = graph.add("Mul", graph.add("Sub", high, low), graph.constant(grid.share.reshape(1, -1)))
    shape = graph.constant([1, grid.CHANNELS, 1, grid.CANDIDATES], np.int64)
    return graph.add("Reshape", graph.add("Add", low, rise), shape)


def _convolved(graph: Graph, weights: Weights, name: str, x: str, **attributes: Any) -> str:  # noqa: ANN401 - as ONNX has them
    kernel, bias = weights[f"{name}.weight"][:, :, None], weights[f"{name}.bias"]
    return graph.add("Conv", x, graph.constant(kernel), graph.constant(bias), **attributes)


def _linear(graph: Graph, weights: Weights, name: str, x: str, out: str = "") -> str:
    return graph.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"], out)


def _heads(graph: Graph, weights: Weights, salience: str, feature: str, loudest: str) -> None:
    # The softmax and the logarithm of its sum share their exponentials.
    axes = graph.constant([1], np.int64)
    most = graph.add("ReduceMax", salience, axes, keepdims=1)
    shares = graph.add("Exp", graph.add("Sub", salience, most))
    total = graph.add("ReduceSum", shares, axes, keepdims=1)
    graph.add("Div", shares, total, out="salience")
    peaks = [most, graph.add("Add", most, graph.add("Log", total))]
    weight = weights["voicing.weight"].copy()
    weight[:, network.FEATURE :] *= network.PEAK_SCALE
    voicing = graph.linear(graph.join(feature, *peaks), weight, weights["voicing.bias"])
    graph.add("Sigmoid", voicing, out="voicing")
    bias = network.SCALE_DB * weights["energy.bias"] - network.LEVEL_RANGE_DB - network.SINE_DB
    energy = graph.linear(feature, network.SCALE_DB * weights["energy.weight"], bias)
    graph.add("Add", loudest, energy, out="energy")
