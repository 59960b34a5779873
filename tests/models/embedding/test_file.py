"""An embedding turns audio into a vector, whatever its level and rate, and another file is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import soxr
from numpy.typing import NDArray

from models.embedding.file import SHIPPED, SingerEmbedding, embedding, shipped
from models.embedding.manifest import METADATA_KEY
from models.errors import ModelFileError

Float32 = NDArray[np.float32]
RATE = 48000
VOWELS = (
    (750.0, 1200.0, 2600.0),
    (300.0, 2200.0, 2900.0),
    (350.0, 1200.0, 2300.0),
    (480.0, 1900.0, 2600.0),
    (500.0, 900.0, 2500.0),
)
"""Formants, hertz."""


def sung(f0: float, tract: float = 1.0, seconds: float = 3.0) -> Float32:
    """Five vowels in turn, with a vibrato, of a vocal tract whose formants are scaled."""
    time = np.arange(round(seconds / len(VOWELS) * RATE)) / RATE
    phase = 2.0 * np.pi * np.cumsum(f0 * (1.0 + 0.01 * np.sin(35.0 * time))) / RATE
    parts = []
    for vowel in VOWELS:
        out = np.zeros_like(time)
        for k in range(1, int(7500.0 / f0)):
            near = ((k * f0 / tract - one) / 100.0 for one in (*vowel, 3600.0, 4500.0))
            out += sum(1.0 / (1.0 + each**2) for each in near) * np.sin(k * phase)
        parts.append(0.2 * out / np.abs(out).max())
    return np.concatenate(parts).astype(np.float32)


@pytest.fixture(scope="module")
def voice() -> Float32:
    return sung(220.0)


def test_it_is_of_length_1_and_the_same_again(voice: Float32) -> None:
    found = embedding(voice, RATE)
    assert found.shape == (shipped().manifest.size,)
    assert found.dtype == np.float32
    assert float(np.linalg.norm(found)) == pytest.approx(1.0, abs=1e-6)
    assert np.array_equal(embedding(voice, RATE), found)


def test_level_rate_and_pauses_tell_nothing(voice: Float32) -> None:
    found = embedding(voice, RATE)
    pauses = np.concatenate([np.zeros(RATE, np.float32), voice, np.zeros(2 * RATE, np.float32)])
    assert float(found @ embedding(np.float32(0.03) * voice, RATE)) > 0.9999
    assert float(found @ embedding(pauses, RATE)) > 0.99
    for rate in (16000, 22050, 44100, 96000):
        assert float(found @ embedding(soxr.resample(voice, RATE, rate), rate)) > 0.999, rate


def test_the_pitch_tells_less_than_the_formants(voice: Float32) -> None:
    found, higher, shorter = (embedding(one, RATE) for one in (voice, sung(262.0), sung(220.0, 1.19)))
    assert float(found @ higher) > float(found @ shorter)


def test_a_moment_is_enough_and_silence_is_not(voice: Float32) -> None:
    assert float(np.linalg.norm(embedding(voice[:480], RATE))) == pytest.approx(1.0, abs=1e-6)
    for silent in (np.zeros(RATE, np.float32), np.zeros(0, np.float32)):
        with pytest.raises(ValueError, match="silence has no singer; give audio with a voice in it"):
            embedding(silent, RATE)


def test_what_is_no_number_is_refused(voice: Float32) -> None:
    broken = voice.copy()
    broken[480] = np.nan
    with pytest.raises(ValueError, match=r"the audio holds NaN at 0.010 s; every sample must be finite"):
        embedding(broken, RATE)


def test_the_file_that_ships_says_whose_voices_it_heard() -> None:
    facts = shipped().manifest
    assert facts.licence == "GPL-3.0-or-later"  # of what it was trained on the strictest
    for name in ("PJS", "CC BY-SA 4.0", "NIT SONG070", "chengu", "Kokoro"):
        assert name in facts.attribution
    assert SHIPPED.stat().st_size < 5 * 2**20


def changed(model: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    model = onnx.load(SHIPPED)
    model.graph.output[0].name = "vectors"
    model.graph.node[-1].output[0] = "vectors"
    with pytest.raises(ModelFileError, match="does not have a singer embedding's input and output; install"):
        SingerEmbedding(changed(model, tmp_path / "other.onnx"))
    model = onnx.load(SHIPPED)
    model.graph.node[-1].op_type = "Loop"
    with pytest.raises(ModelFileError, match="holds the operator 'Loop', which is not allowed"):
        SingerEmbedding(changed(model, tmp_path / "loop.onnx"))
    model = onnx.load(SHIPPED)
    del model.metadata_props[:]
    with pytest.raises(ModelFileError, match="is an ONNX model but no singer embedding; use one made by"):
        SingerEmbedding(changed(model, tmp_path / "bare.onnx"))
    onnx.helper.set_model_props(model, {METADATA_KEY: '{"format": 2}'})
    with pytest.raises(ModelFileError, match="has singer embedding format 2 and this version reads up to 1"):
        SingerEmbedding(changed(model, tmp_path / "newer.onnx"))
    with pytest.raises(ModelFileError, match="cannot be read: No such file or directory; install or copy it"):
        SingerEmbedding(tmp_path / "none.onnx")
