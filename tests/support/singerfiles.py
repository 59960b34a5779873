"""Tiny real singer files: the source's envelope as filters, to test bounces without any training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from dsp.filters import HARMONIC_GRID, NOISE_GRID
from models.refiner.facts import Refiner
from models.singer.manifest import METADATA_KEY, Manifest

_NEPER_PER_DB = np.log(10.0) / 20.0
_UNITS = 6
"""Of what a refiner keeps."""


def write_singer(
    path: Path,
    tilt_db: float = 0.0,
    f0_median: float = 220.0,
    refiner: Refiner | None = None,
    **facts: object,
) -> Path:
    """Write a singer whose id is the name of the file.

    Args:
        path: ends in .onnx.
        tilt_db: spectral tilt, dB per octave around 1 kHz.
        f0_median: hertz.
        refiner: the facts of its refiner: a recurrent network over noise and movement, which adds as much of
            what it says as the most steps of any frame of the call.
        **facts: of the manifest, in place of the usual ones; written even where they are unknown or wrong.
    """
    octaves = np.log2(np.maximum(HARMONIC_GRID, 100.0) / 1000.0)
    own = np.log(np.maximum(HARMONIC_GRID, 50.0) / 220.0 * np.pi / 2.0)  # undoes the slope of the sawtooth
    weights = {
        "to_harmonic": np.array(
            [np.interp(HARMONIC_GRID, NOISE_GRID, row) for row in np.eye(NOISE_GRID.size)]
        ),
        "tilt": (own + _NEPER_PER_DB * (tilt_db * octaves + 9.5))[None],
        "neper": np.array([[_NEPER_PER_DB]]),
        "half": np.array([[0.5]]),
        "low": np.array([[-10.0]]),
    }
    harmonic, noise = ("coarse_harmonic", "coarse_noise") if refiner else ("harmonic", "noise")
    nodes = [
        helper.make_node("Concat", ["state", "envelope"], ["heard"], axis=0),
        helper.make_node("Slice", ["heard", "first", "last"], ["before"]),
        helper.make_node("Add", ["envelope", "before"], ["sum"]),
        helper.make_node("Mul", ["sum", "half"], ["mean"]),
        helper.make_node("Mul", ["mean", "neper"], ["level"]),
        helper.make_node("MatMul", ["level", "to_harmonic"], ["spread"]),
        helper.make_node("Add", ["spread", "tilt"], ["plain"]),
        helper.make_node("Sub", ["plain", "likeness"], [harmonic]),
        helper.make_node("Mul", ["low", "neper"], ["less"]),
        helper.make_node("Add", ["level", "less"], [noise]),
        helper.make_node("Slice", ["heard", "last", "end"], ["next_state"]),
    ]
    bands = NOISE_GRID.size
    inputs = {"envelope": bands, "pitch": 3, "likeness": 1, "state": bands}
    outputs = {"harmonic": HARMONIC_GRID.size, "noise": bands, "next_state": bands}
    if refiner:
        nodes += _refining(weights, refiner.bands)
        inputs |= {"movement": bands, "random": refiner.bands, "steps": 1, "kept_state": _UNITS}
        outputs |= {"next_kept_state": _UNITS}
    first, last = (
        [
            helper.make_tensor_value_info(
                name, TensorProto.FLOAT, [1 if name.endswith("state") else "frames", width]
            )
            for name, width in part.items()
        ]
        for part in (inputs, outputs)
    )
    constants = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()]
    rows = {"first": 0, "last": -1, "end": np.iinfo(np.int64).max, "second": 1}
    constants += [numpy_helper.from_array(np.array([row]), name) for name, row in rows.items()]
    constants.append(numpy_helper.from_array(np.array([HARMONIC_GRID.size, bands]), "widths"))
    graph = helper.make_graph(nodes, "singer", first, last, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {METADATA_KEY: _manifest(path.stem, f0_median, refiner, facts)})
    onnx.save(model, str(path))
    return path


def _refining(weights: dict[str, NDArray[np.float64]], bands: int) -> list[onnx.NodeProto]:
    """Return what refines the coarse controls, and add its weights."""
    rng = np.random.default_rng(6)
    weights |= {
        "into": rng.standard_normal((1, 3 * _UNITS, bands + NOISE_GRID.size)) / np.sqrt(bands),
        "back": 0.7 * rng.standard_normal((1, 3 * _UNITS, _UNITS)),
        "to_change": rng.standard_normal((_UNITS, HARMONIC_GRID.size + NOISE_GRID.size)) / 60.0,
        "hundredth": np.array([[0.01]]),
    }
    return [
        helper.make_node("Mul", ["movement", "hundredth"], ["quiet"]),
        helper.make_node("Concat", ["random", "quiet"], ["rows"], axis=1),
        helper.make_node("Unsqueeze", ["rows", "second"], ["sequence"]),
        helper.make_node("Unsqueeze", ["kept_state", "first"], ["hidden"]),
        helper.make_node(
            "GRU", ["sequence", "into", "back", "", "", "hidden"], ["every", "newest"], hidden_size=_UNITS
        ),
        helper.make_node("Squeeze", ["newest", "first"], ["next_kept_state"]),
        helper.make_node("Flatten", ["every"], ["said"], axis=1),
        helper.make_node("ReduceMax", ["steps"], ["most"], keepdims=1),
        helper.make_node("MatMul", ["said", "to_change"], ["step"]),
        helper.make_node("Mul", ["step", "most"], ["change"]),
        helper.make_node("Split", ["change", "widths"], ["change_harmonic", "change_noise"], axis=1),
        *(
            helper.make_node("Add", [f"coarse_{part}", f"change_{part}"], [part])
            for part in ("harmonic", "noise")
        ),
    ]


def _manifest(name: str, f0_median: float, refiner: Refiner | None, facts: dict[str, object]) -> str:
    manifest = Manifest(
        id=name,
        name=name.title(),
        licence="CC0",
        attribution="nobody",
        training_data="none",
        bands=NOISE_GRID.size,
        harmonic=HARMONIC_GRID.size,
        noise=NOISE_GRID.size,
        state_size=NOISE_GRID.size,
        f0_low=f0_median * 0.7,
        f0_median=f0_median,
        f0_high=f0_median * 1.4,
        refiner=refiner,
    )
    return manifest.model_copy(update=facts).model_dump_json(warnings=False)
