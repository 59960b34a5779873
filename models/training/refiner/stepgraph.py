"""Diffusion steps of the refiner over control frames as ONNX operators, and the time that one takes.

A step of a known noise level needs no level at run time: what the blocks make of it is added to their biases,
and the estimate of the clean frames is folded into the last matrix.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import GraphProto

from models.onnxstep import RunningGraph, opened
from models.training.onnxgraph import FRAMES, Graph, Weights, model_of
from models.training.refiner.diffusion import levels
from models.training.refiner.network import TAPS, Denoiser, level_features

Float64 = NDArray[np.float64]

_EPSILON = 1e-5  # of torch's layer normalisation
_BEHIND = TAPS - 1
_END = np.iinfo(np.int64).max
_FRAMES = 400
"""Of them the tenth that is quickest tells what a frame takes where nothing else runs."""


class Level(NamedTuple):
    """The noise level of one step, and what is told of it."""

    features: Float64
    signal: float
    spread: float


def level_at(snr: float) -> Level:
    """Return the level of a log-SNR."""
    at = torch.tensor([snr], dtype=torch.float64)
    signal, spread = (float(part) for part in levels(at, at))
    return Level(level_features(at)[0].numpy(), signal, spread)


def state_size(network: Denoiser, steps: int) -> int:
    """Return how many numbers so many steps keep from frame to frame."""
    return steps * _BEHIND * sum(block.inner for block in network.parts)


def weights_of(network: Denoiser) -> Weights:
    """Return a network's weights; the layer that reads takes a condition as it comes."""
    weights = {name: part.double().cpu().numpy() for name, part in network.state_dict().items()}
    told = weights["read.weight"][:, network.size.bands :] / weights["spread"]
    return weights | {
        "read.noisy": weights["read.weight"][:, : network.size.bands],
        "read.told": told,
        "read.bias": weights["read.bias"] - told @ weights["usual"],
    }


def add_steps(
    graph: Graph, network: Denoiser, told: str, noisy: str | None, state: str, snrs: Sequence[float]
) -> tuple[str, str]:
    """Add DDIM steps, one for each noise level.

    Args:
        graph: to be added to.
        network: denoises.
        told: what `read.told` of `weights_of` makes of the condition, with its bias: (frames, channels).
        noisy: frames to begin with, (frames, bands), or None for zeros.
        state: (1, `state_size`), zero at first.
        snrs: log-SNR of each step, rising.

    Returns:
        The last estimate of the clean frames, (frames, bands), in units, and the next state.
    """
    weights = weights_of(network)
    inner = [block.inner for block in network.parts]
    frames = graph.split(state, [width for _ in snrs for width in inner for _ in range(_BEHIND)])
    steps = [level_at(snr) for snr in snrs]
    kept: list[str] = []
    clean = ""
    for level, after in pairwise([*steps, None]):
        assert level is not None
        x = told
        if noisy is not None:
            x = graph.add("Add", x, graph.matrix(noisy, weights["read.noisy"]))
        for number in range(len(inner)):
            behind = frames[len(kept) * _BEHIND :][:_BEHIND]
            x, left = _block(graph, weights, f"blocks.{number}", x, behind, level.features)
            kept.append(left)
        clean = graph.linear(
            x, -level.spread * weights["velocity.weight"], -level.spread * weights["velocity.bias"]
        )
        if noisy is not None:
            clean = graph.add("Add", _scaled(graph, noisy, level.signal), clean)
        if after is not None and noisy is not None:
            ratio = after.spread / level.spread
            fresh = _scaled(graph, clean, after.signal - ratio * level.signal)
            noisy = graph.add("Add", fresh, _scaled(graph, noisy, ratio))
    return clean, graph.join(*kept)


def _scaled(graph: Graph, x: str, by: float) -> str:
    return graph.add("Mul", x, graph.constant([[by]]))


def _block(
    graph: Graph, weights: Weights, name: str, x: str, behind: list[str], level: Float64
) -> tuple[str, str]:
    """Add a block; return what passes and the frames to keep, side by side."""
    scale, shift = (graph.constant(weights[f"{name}.norm.{part}"]) for part in ("weight", "bias"))
    y = graph.add("LayerNormalization", x, scale, shift, axis=-1, epsilon=_EPSILON)
    bias = weights[f"{name}.spread.bias"] + weights[f"{name}.level.bias"]
    y = graph.linear(y, weights[f"{name}.spread.weight"], bias + weights[f"{name}.level.weight"] @ level)
    inner = weights[f"{name}.past.weight"].shape[0]
    value, gate = graph.split(y, [inner, inner])
    y = graph.add("Mul", value, graph.add("Sigmoid", gate))
    seen = graph.add("Concat", *behind, y, axis=0)
    left = graph.add("Flatten", graph.rows(seen, -_BEHIND, _END), axis=0)
    taps = weights[f"{name}.past.weight"][:, 0]  # (inner, taps)
    y = graph.add("Add", _tap(graph, seen, taps, 0), graph.constant(weights[f"{name}.past.bias"]))
    for tap in range(1, TAPS):
        y = graph.add("Add", y, _tap(graph, seen, taps, tap))
    y = graph.add("Mul", y, graph.add("Sigmoid", y))
    y = graph.linear(y, weights[f"{name}.join.weight"], weights[f"{name}.join.bias"])
    return graph.add("Add", x, y), left


def _tap(graph: Graph, seen: str, taps: Float64, tap: int) -> str:
    stop = tap - _BEHIND or _END
    return graph.add("Mul", graph.rows(seen, tap, stop), graph.constant(taps[:, tap]))


def step_graph(network: Denoiser, snrs: Sequence[float]) -> GraphProto:
    """Return a graph of steps by itself; the state is zero at first.

    There may be any number of frames. Tests hold graph and network together.

    Args:
        network: denoises.
        snrs: log-SNR of each step, rising.
    """
    graph, size, weights = Graph("step"), network.size, weights_of(network)
    told = graph.linear("condition", weights["read.told"], weights["read.bias"])
    clean, state = add_steps(graph, network, told, "noisy", "state", snrs)
    graph.add("Identity", clean, out="clean")
    graph.add("Identity", state, out="next_state")
    kept = (1, state_size(network, len(snrs)))
    return graph.proto(
        {"noisy": (FRAMES, size.bands), "condition": (FRAMES, size.condition), "state": kept},
        {"clean": (FRAMES, size.bands), "next_state": kept},
    )


def frame_milliseconds(network: Denoiser) -> float:
    """Measure what one step of one frame takes at run time, undisturbed, in milliseconds."""
    running = RunningGraph(opened(model_of(step_graph(network, [0.0]), {}).SerializeToString()), 1)
    times = []
    for _ in range(_FRAMES):
        start = time.perf_counter()
        running.run(1)
        times.append(time.perf_counter() - start)
    return 1000.0 * float(np.percentile(times, 10.0))
