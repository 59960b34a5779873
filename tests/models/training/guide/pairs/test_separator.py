"""A user's separator: a real graph of waveforms and one of masks; what is none is refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.errors import ModelFileError
from models.training.guide.pairs.separator import Separator, masked, over_pieces

SAMPLES = 4096
RATE = 22050


def save(
    path: Path,
    nodes: list[onnx.NodeProto],
    ends: tuple[tuple[int | str, ...], ...],
    constants: dict[str, np.ndarray],
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write a graph of one input, `mix`, and outputs `out0`, `out1`, ..., of these shapes."""
    names = ["mix", *(f"out{index}" for index in range(len(ends) - 1))]
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in zip(names, ends, strict=True)
    ]
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "separator", values[:1], values[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"sample_rate": str(RATE)} if metadata is None else metadata)
    onnx.save(model, path)
    return path


def mid_side(path: Path, metadata: dict[str, str] | None = None) -> Path:
    """Write a separator that takes the middle for the vocal and the sides for the accompaniment."""
    middle, side = (
        np.array([[[0.5], [sign * 0.5]], [[sign * 0.5], [0.5]]], np.float32) for sign in (1.0, -1.0)
    )
    nodes = [helper.make_node("Conv", ["mix", name], [out]) for name, out in (("m", "out0"), ("s", "out1"))]
    return save(path, nodes, ((1, 2, SAMPLES),) * 3, {"m": middle, "s": side}, metadata)


def low_high(path: Path, bins: int = 257, split: int = 64) -> Path:
    """Write a separator whose masks give low frequencies to the vocal and high ones to the accompaniment."""
    shape = (1, 1, bins, 1 + SAMPLES // ((bins - 1) // 2))
    low = np.zeros(shape, np.float32)
    low[:, :, :split] = 1.0
    nodes = [
        helper.make_node("ReduceMax", ["mix"], ["peak"], axes=[1, 2], keepdims=1),
        helper.make_node("Mul", ["peak", "zero"], ["nought"]),
        helper.make_node("Unsqueeze", ["nought", "last"], ["still"]),
        helper.make_node("Add", ["still", "low"], ["out0"]),
        helper.make_node("Add", ["still", "high"], ["out1"]),
    ]
    constants = {"zero": np.zeros(1, np.float32), "last": np.array([3]), "low": low, "high": 1.0 - low}
    return save(path, nodes, ((1, 1, SAMPLES), shape, shape), constants)


def test_waveforms_of_a_stereo_mix(tmp_path: Path) -> None:
    separator = Separator(mid_side(tmp_path / "s.onnx"))
    rng = np.random.default_rng(0)
    vocal, band = rng.uniform(-0.3, 0.3, (2, 3 * SAMPLES + 1001)).astype(np.float32)
    mix = np.stack([vocal + band, vocal])
    found = separator.process(mix, RATE)
    np.testing.assert_allclose(found[0], mix.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found[1], 0.0, atol=1e-6)  # the sides cancel where both channels are summed
    assert found[0].dtype == np.float32


def test_a_mono_mix_has_no_sides(tmp_path: Path) -> None:
    separator = Separator(mid_side(tmp_path / "s.onnx"))
    mix = np.random.default_rng(0).uniform(-0.3, 0.3, (1, 5000)).astype(np.float32)
    vocal, band = separator.process(mix, RATE)
    np.testing.assert_allclose(vocal, mix[0], atol=1e-6)
    np.testing.assert_allclose(band, 0.0, atol=1e-6)


def test_masks_split_low_from_high(tmp_path: Path) -> None:
    separator = Separator(low_high(tmp_path / "s.onnx"))
    time = np.arange(2 * RATE) / RATE
    low, high = (0.3 * np.sin(2.0 * np.pi * hertz * time).astype(np.float32) for hertz in (500.0, 8000.0))
    vocal, band = separator.process((low + high)[None], RATE)
    inside = slice(1000, -1000)
    np.testing.assert_allclose(vocal[inside], low[inside], atol=3e-3)
    np.testing.assert_allclose(band[inside], high[inside], atol=3e-3)
    np.testing.assert_allclose(vocal + band, low + high, atol=1e-5)


def test_other_rates_are_resampled_to_the_separators(tmp_path: Path) -> None:
    separator = Separator(low_high(tmp_path / "s.onnx"))
    time = np.arange(48000) / 48000
    vocal, _ = separator.process(0.3 * np.sin(2.0 * np.pi * 500.0 * time).astype(np.float32)[None], 48000)
    assert vocal.size == RATE
    assert vocal[5000:-5000].std() == pytest.approx(0.3 / np.sqrt(2.0), rel=0.01)


def test_without_metadata_the_rate_is_44100(tmp_path: Path) -> None:
    assert Separator(mid_side(tmp_path / "s.onnx", {})).rate == 44100


@pytest.mark.parametrize("samples", [1, 10, 4095, 4096, 4097, 20000])
def test_pieces_join_without_a_seam(samples: int) -> None:
    x = np.random.default_rng(0).standard_normal((2, samples)).astype(np.float32)
    found = over_pieces(lambda piece: np.stack([piece, 2.0 * piece]), x, SAMPLES)
    np.testing.assert_allclose(found[0], x, atol=1e-5)
    np.testing.assert_allclose(found[1], 2.0 * x, atol=1e-5)


def test_a_mask_of_ones_leaves_all() -> None:
    x = np.random.default_rng(0).standard_normal(SAMPLES).astype(np.float32)
    np.testing.assert_allclose(masked(x, np.ones((129, 1 + SAMPLES // 64), np.float32)), x, atol=1e-5)


def hostile(path: Path, kind: str) -> Path:
    """Write a file that is no separator."""
    wave = (1, 2, SAMPLES)
    copies = [helper.make_node("Identity", ["mix"], [out]) for out in ("out0", "out1")]
    if kind == "text":
        path.write_text("a separator")
        return path
    if kind == "missing":
        return path
    if kind == "loop":
        bad = helper.make_node("Loop", ["mix"], ["out0"])
        return save(path, [bad, copies[1]], (wave,) * 3, {})
    if kind == "filled":  # a value of any size out of a few bytes
        bad = helper.make_node("ConstantOfShape", ["size"], ["out0"])
        return save(path, [bad, copies[1]], (wave,) * 3, {"size": np.array([1, 2, 1 << 40])})
    if kind == "padded":
        nodes = [
            helper.make_node("Pad", ["mix", "size"], ["wide"]),
            helper.make_node("ReduceSum", ["wide", "axis"], ["sum"]),
            helper.make_node("Add", ["mix", "sum"], ["out0"]),
            copies[1],
        ]
        constants = {"size": np.array([0, 0, 0, 0, 0, 1 << 34]), "axis": np.array([2])}
        return save(path, nodes, (wave,) * 3, constants)
    if kind == "one output":
        return save(path, copies[:1], (wave,) * 2, {})
    if kind == "any size":
        return save(path, copies, (("batch", 2, "samples"),) * 3, {})
    if kind == "three channels":
        return save(path, copies, ((1, 3, SAMPLES),) * 3, {})
    if kind == "not finite":
        nodes = [helper.make_node("Log", ["mix"], ["out0"]), copies[1]]
        return save(path, nodes, (wave,) * 3, {})
    return save(path, copies, (wave,) * 3, {}, {"sample_rate": "fast"})


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("text", "not a readable ONNX model"),
        ("missing", "cannot be read"),
        ("loop", "'Loop', which is not allowed"),
        ("filled", "'ConstantOfShape', which is not allowed"),
        ("padded", "makes values of more than"),
        ("one output", "separate no mix"),
        ("any size", "separate no mix|cannot be known"),
        ("three channels", "separate no mix"),
        ("not finite", "not finite"),
        ("bad rate", "sample_rate 'fast'"),
    ],
)
def test_what_is_no_separator_is_refused_in_a_sentence(tmp_path: Path, kind: str, message: str) -> None:
    path = hostile(tmp_path / "s.onnx", kind)
    with pytest.raises(ModelFileError, match=message) as refusal:
        Separator(path).process(-np.ones((2, 10), np.float32), RATE)
    assert "\n" not in str(refusal.value)
