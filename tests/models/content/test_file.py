"""An encoder runs frame by frame as at once, is found by its digest, and another file is refused."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from dsp.spectrum import ENVELOPE_GRID
from models.content.file import ContentEncoder, RunningEncoder, digest, find, shipped
from models.content.manifest import METADATA_KEY
from models.errors import ModelFileError

Float32 = NDArray[np.float32]
MANY = 60


@pytest.fixture(scope="module")
def encoder() -> ContentEncoder:
    return ContentEncoder(shipped())


def drawn(frames: int = MANY) -> Float32:
    return np.random.default_rng(8).uniform(-60.0, -20.0, (frames, ENVELOPE_GRID.size)).astype(np.float32)


def run(running: RunningEncoder, bands: Float32, sizes: Sequence[int]) -> Float32:
    found: list[Float32] = []
    start = 0
    for size in cycle(sizes):
        if start >= len(bands):
            return np.concatenate(found)
        found.append(running.process(bands[start : start + size]))
        start += size
    raise AssertionError


def test_frames_have_the_same_bits_however_many_come_at_once(encoder: ContentEncoder) -> None:
    bands = drawn()
    one_by_one = run(encoder.start(), bands, [1])
    assert one_by_one.shape == (MANY, encoder.manifest.size)
    assert one_by_one.dtype == np.float32
    assert np.abs(one_by_one).max() <= 1.0
    for sizes in ([2], [3], [5], [8], [9], [23], [MANY], [1, 8, 3, 20, 2]):
        assert np.array_equal(run(encoder.start(), bands, sizes), one_by_one), sizes


def test_running_copies_do_not_know_each_other_and_forget_at_a_reset(encoder: ContentEncoder) -> None:
    bands = drawn()
    first, second = encoder.start(), encoder.start()
    wanted = run(first, bands, [8])
    first.process(bands[:3])
    assert np.array_equal(run(second, bands, [8]), wanted)
    first.reset()
    assert np.array_equal(run(first, bands, [8]), wanted)


def test_the_next_call_overwrites_nothing(encoder: ContentEncoder) -> None:
    running, bands = encoder.start(), drawn()
    first = running.process(bands[:3])
    kept = first.copy()
    running.process(bands[3:6])
    assert np.array_equal(first, kept)


def test_an_encoder_is_found_by_its_digest_here_or_beside_and_loaded_once(tmp_path: Path) -> None:
    own = digest(shipped())
    assert find(own, tmp_path) is find(own, tmp_path / "elsewhere")
    model = onnx.load(shipped())
    model.doc_string = "another"
    beside = tmp_path / "content-mine.onnx"
    beside.write_bytes(model.SerializeToString())
    found = find(digest(beside), tmp_path)
    assert found.path == beside.resolve()
    assert found is find(digest(beside), tmp_path)
    assert found is not find(own, tmp_path)


def test_one_that_is_not_there_is_named_with_the_remedy(tmp_path: Path) -> None:
    shutil.copy(shipped(), tmp_path / "other.onnx")  # by its name no encoder
    with pytest.raises(ModelFileError, match=r"the content encoder 0{12} is not here; copy its file, named"):
        find("0" * 64, tmp_path)


def test_a_graph_of_other_shapes_is_refused(tmp_path: Path) -> None:
    model = onnx.load(shipped())
    (output,) = (part for part in model.graph.output if part.name == "content")
    output.name = "contents"
    for node in model.graph.node:
        node.output[:] = ["contents" if name == "content" else name for name in node.output]
    path = tmp_path / "content.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelFileError, match="does not have a content encoder's inputs and outputs; install"):
        ContentEncoder(path)


def test_a_singer_is_no_encoder(tmp_path: Path) -> None:
    model = onnx.load(shipped())
    del model.metadata_props[:]
    path = tmp_path / "content.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelFileError, match="is an ONNX model but no content encoder; use one made by"):
        ContentEncoder(path)
    onnx.helper.set_model_props(model, {METADATA_KEY: '{"format": 2}'})
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelFileError, match="has content encoder format 2 and this version reads up to 1"):
        ContentEncoder(path)
