"""One diffusion step of the refiner over control frames as an ONNX graph, built operator by operator.

A step of a known noise level needs no level at run time: what the blocks make of it is added to their biases,
and the estimate of the clean frames is folded into the last matrix.
"""

from __future__ import annotations

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from models.training.onnxgraph import FRAMES, Graph, Shapes, Weights
from models.training.refiner.diffusion import levels
from models.training.refiner.network import TAPS, Denoiser, level_features

_EPSILON = 1e-5  # of torch's layer normalisation
_BEHIND = TAPS - 1
_END = np.iinfo(np.int64).max


def ends(network: Denoiser) -> tuple[Shapes, Shapes]:
    """Return inputs and outputs of the graph of a network."""
    size = network.size
    state = (1, _BEHIND * sum(_inner(network)))
    return (
        {"noisy": (FRAMES, size.bands), "condition": (FRAMES, size.condition), "state": state},
        {"clean": (FRAMES, size.bands), "next_state": state},
    )


def step_graph(network: Denoiser, snr: float) -> onnx.GraphProto:
    """Return the graph of a network at a log-SNR; the state is zero at first.

    There may be any number of frames. Tests hold graph and network together.
    """
    weights = {name: part.double().cpu().numpy() for name, part in network.state_dict().items()}
    at = torch.tensor([snr], dtype=torch.float64)
    level = level_features(at)[0].numpy()
    signal, spread = (float(part) for part in levels(at, at))
    graph = Graph("step")
    frames = graph.split("state", [width for width in _inner(network) for _ in range(_BEHIND)])
    x = graph.linear(graph.join("noisy", "condition"), weights["read.weight"], weights["read.bias"])
    kept = []
    for number in range(len(network.parts)):
        behind = frames[_BEHIND * number :][:_BEHIND]
        x, left = _block(graph, weights, f"blocks.{number}", x, behind, level)
        kept.append(left)
    velocity = graph.linear(x, -spread * weights["velocity.weight"], -spread * weights["velocity.bias"])
    graph.add("Add", graph.add("Mul", "noisy", graph.constant([[signal]])), velocity, out="clean")
    graph.join(*kept, out="next_state")
    return graph.proto(*ends(network))


def _inner(network: Denoiser) -> list[int]:
    return [block.inner for block in network.parts]


def _block(
    graph: Graph, weights: Weights, name: str, x: str, behind: list[str], level: NDArray[np.float64]
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


def _tap(graph: Graph, seen: str, taps: NDArray[np.float64], tap: int) -> str:
    stop = tap - _BEHIND or _END
    return graph.add("Mul", graph.rows(seen, tap, stop), graph.constant(taps[:, tap]))
