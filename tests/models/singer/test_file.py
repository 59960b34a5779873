"""What a singer file says of itself may be hostile, too: it is a broken file, in one sentence."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from dsp.filters import NOISE_GRID
from dsp.singerltas import LTAS_SIZE
from dsp.synth import HARMONICS
from models.singer.file import load_singer
from models.singer.manifest import METADATA_KEY
from plugin_bridge.errors import SingerFileError
from tests.support.singerfiles import write_singer

DEEP = 100_000


def manifest_of(path: Path) -> dict[str, Any]:
    (entry,) = onnx.load(path).metadata_props
    facts: dict[str, Any] = json.loads(entry.value)
    return facts


def write_manifest(path: Path, text: str) -> None:
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {METADATA_KEY: text})
    path.write_bytes(model.SerializeToString())


def test_a_manifest_of_megabytes_is_a_broken_one(tmp_path: Path) -> None:
    path = write_singer(tmp_path / "bad.onnx")
    write_manifest(path, json.dumps(manifest_of(path)) + " " * (1 << 20))
    with pytest.raises(SingerFileError, match="has a broken manifest; download or train the singer again"):
        load_singer(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "7",
        "[" * DEEP,
        '{"a":' * DEEP,
        "[" * DEEP + "]" * DEEP,
        f'{{"format": {"9" * 4301}}}',
        f'{{"format": 3, "steps": {"9" * 5000}}}',
    ],
    ids=lambda text: text[:12],
)
def test_a_hostile_manifest_is_a_broken_one(tmp_path: Path, text: str) -> None:
    path = write_singer(tmp_path / "bad.onnx")
    write_manifest(path, text)
    with pytest.raises(SingerFileError, match="has a broken manifest; download or train the singer again"):
        load_singer(path)


@pytest.mark.parametrize(
    "facts",
    [
        {"ltas": [math.nan] * LTAS_SIZE},
        {"ltas": [math.inf] + [0.0] * (LTAS_SIZE - 1)},
        {"f0_median": math.nan},
        {"f0_low": -1.0},
        {"f0_high": 1e300},
        {"scores": {"mcd": "loud"}},
    ],
    ids=lambda facts: next(iter(facts)),
)
def test_a_manifest_of_wrong_numbers_is_a_broken_one(tmp_path: Path, facts: dict[str, object]) -> None:
    path = write_singer(tmp_path / "bad.onnx", ltas=(0.0,) * LTAS_SIZE)
    load_singer(path)
    write_manifest(path, json.dumps(manifest_of(path) | facts))
    with pytest.raises(SingerFileError, match="has a broken manifest; download or train the singer again"):
        load_singer(path)


@pytest.mark.parametrize("version", [2, 6, 10**9])
def test_another_format_is_named(tmp_path: Path, version: int) -> None:
    path = write_singer(tmp_path / "other.onnx", format=version)
    with pytest.raises(SingerFileError, match=f"has singer format {version} and this version reads "):
        load_singer(path)


@pytest.mark.parametrize(
    ("kind", "size", "fits"),
    [
        ("sawsing", 0, True),
        ("sawsing", LTAS_SIZE, True),
        ("sawsing", LTAS_SIZE - 1, False),
        ("sawsing", LTAS_SIZE + 1, False),
        ("sawsing", 1, False),
        ("ddsp-add", 0, True),
        ("ddsp-add", LTAS_SIZE, False),
    ],
)
def test_an_average_spectrum_has_the_length_of_this_version(
    tmp_path: Path, kind: str, size: int, fits: bool
) -> None:
    path = write_singer(tmp_path / "made.onnx", ltas=(-3.0,) * size, kind=kind)
    if kind == "ddsp-add":
        widened(path, HARMONICS)
    if fits:
        assert len(load_singer(path).manifest.ltas) == size
    else:
        with pytest.raises(SingerFileError, match="does not have a singer's inputs and outputs"):
            load_singer(path)


def widened(path: Path, width: int) -> None:
    """Give a singer so many harmonic controls."""
    model = onnx.load(path)
    (weights,) = (part for part in model.graph.initializer if part.name == "to_harmonic")
    (tilt,) = (part for part in model.graph.initializer if part.name == "tilt")
    for part, rows in ((weights, NOISE_GRID.size), (tilt, 1)):
        part.CopyFrom(onnx.numpy_helper.from_array(np.zeros((rows, width), np.float32), part.name))
    (output,) = (part for part in model.graph.output if part.name == "harmonic")
    output.type.tensor_type.shape.dim[1].dim_value = width
    path.write_bytes(model.SerializeToString())


@pytest.mark.parametrize("name", ["f0_low", "f0_median", "f0_high"])
def test_a_pitch_that_nobody_sings_is_a_broken_manifest(tmp_path: Path, name: str) -> None:
    path = write_singer(tmp_path / "bad.onnx")
    facts = manifest_of(path)
    for hertz in (0.0, -220.0, 24000.0, math.inf, math.nan):
        write_manifest(path, json.dumps(facts | {name: hertz}))
        with pytest.raises(
            SingerFileError, match="has a broken manifest; download or train the singer again"
        ):
            load_singer(path)
    for hertz in (0.01, 23999.0):
        write_manifest(path, json.dumps(facts | {name: hertz}))
        load_singer(path)


def test_a_singer_is_shared_until_its_file_is_another(tmp_path: Path) -> None:
    path = write_singer(tmp_path / "made.onnx")
    first = load_singer(path)
    assert load_singer(path) is first
    write_singer(path, id="another")
    assert load_singer(path).id == "another"
