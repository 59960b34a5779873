"""Tiny real singer files: the source's envelope as filters, to test bounces without any training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dsp.filters import HARMONIC_GRID, NOISE_GRID
from models.singer.manifest import METADATA_KEY, Manifest

_NEPER_PER_DB = np.log(10.0) / 20.0


def write_singer(path: Path, tilt_db: float = 0.0, f0_median: float = 220.0, **facts: object) -> Path:
    """Write a singer whose id is the name of the file.

    Args:
        path: ends in .onnx.
        tilt_db: spectral tilt, dB per octave around 1 kHz.
        f0_median: hertz.
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
    nodes = [
        helper.make_node("Concat", ["state", "envelope"], ["heard"], axis=0),
        helper.make_node("Slice", ["heard", "first", "last"], ["before"]),
        helper.make_node("Add", ["envelope", "before"], ["sum"]),
        helper.make_node("Mul", ["sum", "half"], ["mean"]),
        helper.make_node("Mul", ["mean", "neper"], ["level"]),
        helper.make_node("MatMul", ["level", "to_harmonic"], ["spread"]),
        helper.make_node("Add", ["spread", "tilt"], ["plain"]),
        helper.make_node("Sub", ["plain", "likeness"], ["harmonic"]),
        helper.make_node("Mul", ["low", "neper"], ["less"]),
        helper.make_node("Add", ["level", "less"], ["noise"]),
        helper.make_node("Slice", ["heard", "last", "end"], ["next_state"]),
    ]
    bands = NOISE_GRID.size
    inputs = {"envelope": bands, "pitch": 3, "likeness": 1, "state": bands}
    outputs = {"harmonic": HARMONIC_GRID.size, "noise": bands, "next_state": bands}
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
    rows = {"first": 0, "last": -1, "end": np.iinfo(np.int64).max}
    constants += [numpy_helper.from_array(np.array([row]), name) for name, row in rows.items()]
    graph = helper.make_graph(nodes, "singer", first, last, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {METADATA_KEY: _manifest(path.stem, f0_median, facts)})
    onnx.save(model, str(path))
    return path


def _manifest(name: str, f0_median: float, facts: dict[str, object]) -> str:
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
    )
    return manifest.model_copy(update=facts).model_dump_json(warnings=False)
