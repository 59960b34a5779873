"""One frame of the melody network as an ONNX graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from models.melody import grid, network
from models.melody.network import MelodyNetwork
from models.melody.reading import NEPER_DB
from models.onnxgraph import Graph, Weights

_FRAME = network.KEPT * grid.CANDIDATES
_POOLED = network.POOLED * grid.CANDIDATES // grid.POOL_STRIDE
INPUTS = {
    "stacked": grid.CHANNELS * grid.CANDIDATES,
    "coarse": grid.COARSE,
    **{f"kept_{back}_ago": _FRAME for back in grid.BACK},
    "hidden": network.RECURRENT,
}
OUTPUTS = {
    "salience": grid.CANDIDATES,
    "judged": 2,
    "feature": network.FEATURE,
    "kept": _FRAME,
    "next_hidden": network.RECURRENT,
}


def step_graph(trained: MelodyNetwork) -> onnx.GraphProto:
    """Return the graph, which maps rows of `INPUTS`, of `models.melody.reading`, to rows of `OUTPUTS`.

    The salience is in logits, in `grid.salience_order`; judged are the voicing and the voice's share over
    `grid.LEAST_SHARE_DB`, both from 0 to 1. Zero is the first state. A test holds graph and network together.
    """
    weights = {name: part.double().cpu().numpy() for name, part in trained.state_dict().items()}
    weights["harmonics.weight"] *= NEPER_DB / grid.SCALE_DB
    weights["hear.weight"][:, _POOLED:] *= NEPER_DB / grid.SCALE_DB / grid.COARSE_BINS
    graph = Graph("step")
    x = graph.add("Reshape", "stacked", _row_of(graph, grid.CHANNELS))
    x = graph.add("Relu", _convolved(graph, weights, "harmonics", x, pads=[0, 1, 0, 1]))
    kept = graph.add("Relu", _convolved(graph, weights, "squeeze", x))
    kept = graph.add("Flatten", kept, out="kept")
    x = graph.join(kept, *(f"kept_{back}_ago" for back in grid.BACK))
    x = graph.add("Reshape", x, _row_of(graph, network.KEPT * (1 + len(grid.BACK))))
    x = graph.add("Relu", _convolved(graph, weights, "motion", x, pads=[0, 2, 0, 2]))
    wide = [0, 2 * network.FAR, 0, 2 * network.FAR]
    more = _convolved(graph, weights, "context", x, pads=wide, dilations=[1, network.FAR])
    x = graph.add("Add", x, graph.add("Relu", more))
    pooled, local = _pooled_and_local(graph, weights, x)
    around = graph.join(graph.add("Relu", pooled), "coarse")
    heard = graph.add("Relu", _linear(graph, weights, "hear", around))
    remembered = _remembered(graph, weights, heard)
    feature = _linear(graph, weights, "feature", graph.join(heard, remembered))
    feature = graph.add("Tanh", feature, out="feature")
    order = grid.salience_order
    prior = graph.linear(feature, weights["prior.weight"][order], weights["prior.bias"][order])
    salience = graph.add("Add", local, prior, out="salience")
    peaks = [graph.add(kind, salience, keepdims=1) for kind in ("ReduceMax", "ReduceLogSumExp")]
    for name in ("voicing", "aside"):
        weights[f"{name}.weight"][:, network.FEATURE :] *= network.PEAK_SCALE
    known = graph.join(feature, *peaks)
    aside = graph.add("Relu", _linear(graph, weights, "aside", known))
    judged = graph.join(_linear(graph, weights, "voicing", known), _linear(graph, weights, "absence", aside))
    graph.add("Sigmoid", judged, out="judged")
    return graph.proto(INPUTS, OUTPUTS)


def _row_of(graph: Graph, channels: int) -> str:
    return graph.constant([1, channels, 1, grid.CANDIDATES], np.int64)


def _pooled_and_local(graph: Graph, weights: Weights, x: str) -> tuple[str, str]:
    """Run the layers `pool` and `local` as one, which takes a third of the time of two.

    It moves by four candidates, as `pool` does, and has a channel for each of the four saliences between.
    """
    pool, local = weights["pool.weight"], weights["local.weight"]
    before = pool.shape[2] // 2
    taps = before + grid.POOL_STRIDE + local.shape[2] // 2
    kernel = np.zeros((network.POOLED + grid.POOL_STRIDE, network.WIDE, taps))
    kernel[: network.POOLED, :, : pool.shape[2]] = pool
    for ahead in range(grid.POOL_STRIDE):
        start = before + ahead - local.shape[2] // 2
        kernel[network.POOLED + ahead, :, start : start + local.shape[2]] = local[0]
    bias = np.concatenate([weights["pool.bias"], np.repeat(weights["local.bias"], grid.POOL_STRIDE)])
    pads, strides = [0, before, 0, taps - before - 1], [1, grid.POOL_STRIDE]
    parts = graph.constant(kernel[:, :, None]), graph.constant(bias)
    both = graph.add("Conv", x, *parts, pads=pads, strides=strides)
    pooled, salience = graph.split(graph.add("Flatten", both), [_POOLED, grid.CANDIDATES])
    return pooled, salience


def _remembered(graph: Graph, weights: Weights, heard: str) -> str:
    """Add a frame of the GRU; single products take less time than the operator, whose code is large."""
    units = network.RECURRENT
    into, back, bias_into, bias_back = (
        np.split(weights[f"gru.{part}_l0"], [2 * units])
        for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    both, bias = np.concatenate([into[0], back[0]], axis=1), bias_into[0] + bias_back[0]
    gates = graph.add("Sigmoid", graph.linear(graph.join(heard, "hidden"), both, bias))
    reset, keep = graph.split(gates, [units, units])
    new, old = graph.linear(heard, into[1], bias_into[1]), graph.linear("hidden", back[1], bias_back[1])
    candidate = graph.add("Tanh", graph.add("Add", new, graph.add("Mul", reset, old)))
    kept = graph.add("Mul", keep, graph.add("Sub", "hidden", candidate))
    return graph.add("Add", candidate, kept, out="next_hidden")


def _convolved(graph: Graph, weights: Weights, name: str, x: str, **attributes: Any) -> str:  # noqa: ANN401 - as ONNX has them
    kernel, bias = weights[f"{name}.weight"][:, :, None], weights[f"{name}.bias"]
    return graph.add("Conv", x, graph.constant(kernel), graph.constant(bias), **attributes)


def _linear(graph: Graph, weights: Weights, name: str, x: str) -> str:
    return graph.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])
