"""Frames of the melody network as an ONNX graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from dsp.units import DB_PER_LN_POWER
from models.melody import grid
from models.training.melody import network
from models.training.melody.network import MelodyNetwork
from models.training.onnxgraph import FRAMES, Graph, Shapes, Weights

_FRAME = network.KEPT * grid.CANDIDATES
_POOLED = network.POOLED * grid.CANDIDATES // grid.POOL_STRIDE
_MEMORY = max(grid.BACK)
INPUTS: Shapes = {
    "stacked": (FRAMES, grid.CHANNELS * grid.CANDIDATES),
    "coarse": (FRAMES, grid.COARSE),
    "kept": (_MEMORY, _FRAME),
    "hidden": (1, 1, network.RECURRENT),
}
OUTPUTS: Shapes = {
    "salience": (FRAMES, grid.CANDIDATES),
    "judged": (FRAMES, 2),
    "feature": (FRAMES, network.FEATURE),
    "next_kept": (_MEMORY, _FRAME),
    "next_hidden": (1, 1, network.RECURRENT),
}
_END = np.iinfo(np.int64).max


def step_graph(trained: MelodyNetwork) -> onnx.GraphProto:
    """Return the graph, which maps `INPUTS`, of `models.melody.reading`, to `OUTPUTS`.

    There may be any number of frames, and the bits of a frame do not depend on it
    (`models.training.singer.stepgraph`). The state is what is kept of the newest frames and what is hidden;
    it is zero at first. The salience is in logits, in `grid.salience_order`; judged are the voicing and the
    voice's share over `grid.MIN_SHARE_DB`, both from 0 to 1. Tests hold graph and network together.
    """
    weights = {name: part.double().cpu().numpy() for name, part in trained.state_dict().items()}
    weights["harmonics.weight"] *= DB_PER_LN_POWER / grid.SCALE_DB
    weights["hear.weight"][:, _POOLED:] *= DB_PER_LN_POWER / grid.SCALE_DB / grid.COARSE_BINS
    graph = Graph("step")
    x = graph.add("Reshape", "stacked", _rows_of(graph, grid.CHANNELS))
    x = graph.add("Relu", _convolved(graph, weights, "harmonics", x, pads=[0, 1, 0, 1]))
    kept = graph.add("Relu", _convolved(graph, weights, "squeeze", x))
    kept = graph.add("Flatten", kept)
    frames = graph.add("Concat", "kept", kept, axis=0)
    graph.rows(frames, -_MEMORY, _END, out="next_kept")
    past = [graph.rows(frames, _MEMORY - back, -back) for back in grid.BACK]
    x = graph.add("Reshape", graph.join(kept, *past), _rows_of(graph, network.KEPT * (1 + len(grid.BACK))))
    x = graph.add("Relu", _convolved(graph, weights, "motion", x, pads=[0, 2, 0, 2]))
    wide = [0, 2 * network.FAR, 0, 2 * network.FAR]
    more = _convolved(graph, weights, "context", x, pads=wide, dilations=[1, network.FAR])
    x = graph.add("Add", x, graph.add("Relu", more))
    pooled, local = _pooled_and_local(graph, weights, x)
    around = graph.join(graph.add("Relu", pooled), "coarse")
    heard = graph.add("Relu", _linear(graph, weights, "hear", around))
    remembered, _ = graph.gru(heard, "hidden", weights, "gru", out="next_hidden")
    feature = _linear(graph, weights, "feature", graph.join(heard, remembered))
    feature = graph.add("Tanh", feature, out="feature")
    order = grid.salience_order
    prior = graph.linear(feature, weights["prior.weight"][order], weights["prior.bias"][order])
    salience = graph.add("Add", local, prior, out="salience")
    axis = graph.constant([1], np.int64)
    peaks = [graph.add(kind, salience, axis, keepdims=1) for kind in ("ReduceMax", "ReduceLogSumExp")]
    for name in ("voicing", "aside"):
        weights[f"{name}.weight"][:, network.FEATURE :] *= network.PEAK_SCALE
    known = graph.join(feature, *peaks)
    aside = graph.add("Relu", _linear(graph, weights, "aside", known))
    judged = graph.join(_linear(graph, weights, "voicing", known), _linear(graph, weights, "absence", aside))
    graph.add("Sigmoid", judged, out="judged")
    return graph.proto(INPUTS, OUTPUTS)


def _rows_of(graph: Graph, channels: int) -> str:
    return graph.constant([-1, channels, 1, grid.CANDIDATES], np.int64)


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


def _convolved(graph: Graph, weights: Weights, name: str, x: str, **attributes: Any) -> str:  # noqa: ANN401 - as ONNX has them
    kernel, bias = weights[f"{name}.weight"][:, :, None], weights[f"{name}.bias"]
    return graph.add("Conv", x, graph.constant(kernel), graph.constant(bias), **attributes)


def _linear(graph: Graph, weights: Weights, name: str, x: str) -> str:
    return graph.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])
