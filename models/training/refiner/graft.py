"""Add a refiner to a singer file: a branch of its graph for each number of steps, and one for none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from dsp.filters import HARMONIC_GRID, NOISE_GRID
from models.refiner.facts import Refiner
from models.singer.manifest import FORMAT, METADATA_KEY, Manifest
from models.training.onnxgraph import FRAMES, Graph, Shapes, write_model
from models.training.refiner.bands import BANDS, read, written
from models.training.refiner.diffusion import MAX_LOG_SNR, log_snr, steps
from models.training.refiner.frames import MAX_LACK, PITCH
from models.training.refiner.network import Denoiser
from models.training.refiner.stepgraph import add_steps, state_size, weights_of

Float64 = NDArray[np.float64]
Branch = tuple[Graph, list[str]]
"""A part of the graph, and the names of its outputs."""
REFINER = "refiner"
"""With this begin the names of all that is in the graph of one."""
_COARSE = {name: f"coarse_{name}" for name in ("harmonic", "noise")}
"""The controls that the singer's network gives, by the names that the refined ones take over."""


def graft(
    path: Path, networks: Mapping[int, Denoiser], facts: Refiner, output: Path, scores: Mapping[str, float]
) -> Manifest:
    """Write a singer file with a refiner.

    Args:
        path: a singer file of this project's making without a refiner, of the kind sawsing.
        networks: by the number of their steps; a regression has one step.
        facts: of the refiner.
        output: the file to write; it may be the same.
        scores: held-out scores, by name; they join those that the file has.

    Returns:
        Its manifest.
    """
    graph, manifest = _read(path)
    manifest = manifest.model_copy(
        update={"format": FORMAT, "refiner": facts, "scores": {**manifest.scores, **scores}}
    )
    write_model(_refined(graph, networks, noise=facts.noise > 0.0), manifest.to_metadata(), output)
    return manifest


def lend(donor: Path, path: Path, output: Path) -> Manifest:
    """Write a singer file with the refiner of another singer.

    Args:
        donor: a singer file of this project's making with a refiner.
        path: one without, on the same content encoder, of the kind sawsing.
        output: the file to write; it may be `path`.

    Returns:
        Its manifest.
    """
    (giver, known), (singer, manifest) = _read(donor), _read(path)
    manifest = manifest.model_copy(update={"format": FORMAT, "refiner": known.refiner})
    write_model(_joined(singer, giver), manifest.to_metadata(), output)
    return manifest


def _read(path: Path) -> tuple[onnx.GraphProto, Manifest]:
    model = onnx.load_model(path)
    said = next(entry.value for entry in model.metadata_props if entry.key == METADATA_KEY)
    return model.graph, Manifest.model_validate_json(said)


def _refined(singer: onnx.GraphProto, networks: Mapping[int, Denoiser], *, noise: bool) -> onnx.GraphProto:
    states = {count: (1, state_size(network, count)) for count, network in sorted(networks.items())}
    outputs: Shapes = {
        "harmonic": (FRAMES, HARMONIC_GRID.size),
        "noise": (FRAMES, NOISE_GRID.size),
        **{f"next_{_state(count)}": shape for count, shape in states.items()},
    }
    graph = Graph(REFINER)
    most = graph.add("ReduceMax", "steps", keepdims=0)
    branches = [_passing(list(states))]
    branches += [_refining(networks[count], count, list(states), noise=noise) for count in states]
    _choose(graph, most, [0, *states], branches, outputs)
    added = graph.proto(
        {
            "movement": (FRAMES, NOISE_GRID.size),
            "random": (FRAMES, BANDS),
            "steps": (FRAMES, 1),
            **{_state(count): shape for count, shape in states.items()},
        },
        outputs,
    )
    return _joined(singer, added)


def _joined(singer: onnx.GraphProto, added: onnx.GraphProto) -> onnx.GraphProto:
    """Let a refiner, or that of a graph that has one, take over the outputs of a singer's graph."""
    for node in singer.node:
        for index, name in enumerate(node.output):
            node.output[index] = _COARSE.get(name, name)
    given = {end.name for end in singer.input} | {name for node in singer.node for name in node.output}
    known = {end.name for end in singer.output} - set(_COARSE)
    singer.node.extend(node for node in added.node if given.isdisjoint(node.output))
    singer.initializer.extend(part for part in added.initializer if part.name.startswith(REFINER))
    singer.input.extend(end for end in added.input if end.name not in given)
    kept = [end for end in singer.output if end.name in known]
    del singer.output[:]
    singer.output.extend([*kept, *(end for end in added.output if end.name not in known)])
    return singer


def _state(count: int) -> str:
    return f"refiner_{count}"


def _choose(
    graph: Graph, most: str, counts: Sequence[int], branches: Sequence[Branch], outputs: Shapes
) -> list[str]:
    """Add a choice of the branch whose number of steps is `most`, or the last; return its outputs' names."""
    this = graph.add("Less", most, graph.constant(counts[0] + 0.5))
    other = branches[1]
    if len(branches) > 2:
        part = Graph(f"{graph.name}_{counts[1]}")
        other = part, _choose(part, most, counts[1:], branches[1:], outputs)
    names = list(outputs) if graph.name == REFINER else [f"{graph.name}_{name}" for name in outputs]
    protos = {
        key: part.proto({}, dict(zip(outs, outputs.values(), strict=True)))
        for key, (part, outs) in (("then_branch", branches[0]), ("else_branch", other))
    }
    graph.add_many("If", [this], names, **protos)
    return names


def _passing(counts: Sequence[int]) -> Branch:
    """Return the branch that passes the coarse controls."""
    part = Graph("passing")
    passed = [part.add("Identity", coarse) for coarse in _COARSE.values()]
    return part, [*passed, *(_rested(part, count) for count in counts)]


def _rested(part: Graph, count: int) -> str:
    """Return a state as it is at first: of frames that a network has not seen it remembers nothing."""
    return part.add("Sub", _state(count), _state(count))


def _refining(network: Denoiser, count: int, counts: Sequence[int], *, noise: bool) -> Branch:
    """Return the branch that takes so many steps."""
    part, weights = Graph(f"steps{count}"), weights_of(network)
    raw = part.join(*_COARSE.values(), "pitch", "content", "movement")
    told = part.linear(raw, _unread(weights["read.told"]), weights["read.bias"])
    snrs = [float(log_snr(torch.tensor(time, dtype=torch.float64))) for time in steps(count)]
    noisy = "random" if noise else None
    clean, state = add_steps(part, network, told, noisy, _state(count), snrs if noise else [-MAX_LOG_SNR])
    lack = part.add(
        "Add", part.add("Mul", clean, part.constant(weights["reach"])), part.constant(weights["middle"])
    )
    lack = part.add("Clip", lack, part.constant(-MAX_LACK), part.constant(MAX_LACK))
    voicing = part.split("pitch", [1] * PITCH)[1]
    lack = part.add("Mul", lack, voicing)
    refined = [
        part.add("Add", coarse, part.matrix(lack, written(grid)))
        for coarse, grid in zip(_COARSE.values(), (HARMONIC_GRID, NOISE_GRID), strict=True)
    ]
    states = [part.add("Identity", state) if one == count else _rested(part, one) for one in counts]
    return part, [*refined, *states]


def _unread(told: Float64) -> Float64:
    """Return a layer for controls and movement on their grids, given one for bands read from them."""
    harmonic, noise, rest, moving = np.split(told, [BANDS, 2 * BANDS, told.shape[1] - BANDS], axis=1)
    return np.concatenate(
        [harmonic @ read(HARMONIC_GRID), noise @ read(NOISE_GRID), rest, moving @ read(NOISE_GRID)], axis=1
    )
