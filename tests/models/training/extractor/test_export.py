"""The exported file equals the network at every length, alone or with its weights beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import soxr
import torch

from models.extractor.manifest import METADATA_KEY, ExtractorManifest
from models.extractor.runtime import MelodyExtractor
from models.extractor.windows import FEATURE, RATE, over_windows
from models.training.extractor.encoder import load_encoder
from models.training.extractor.export import export_extractor
from models.training.extractor.network import Extractor
from models.training.extractor.scoring import melody_of
from plugin_bridge.errors import ModelFileError
from tests.models.training.extractor.made import sung


def manifest_of(network: Extractor, **changes: object) -> ExtractorManifest:
    facts = {
        "encoder": network.encoder.architecture,
        "encoder_sha256": "0" * 64,
        "layers": "weighted",
        "fft": len(network.blocks) > 0,
        "frozen": False,
        "steps": 1,
        "layer_weights_before": network.layer_weights,
        "layer_weights_after": network.layer_weights,
    }
    return ExtractorManifest.model_validate({**facts, **changes})


def assert_same(extractor: MelodyExtractor, network: Extractor) -> None:
    """Check that a file extracts what its network does, at lengths from one frame to several windows."""
    rng = np.random.default_rng(0)
    for seconds in (0.01, 0.5, 1.234, 11.7):
        audio = sung(seconds, 247.0) + 0.01 * rng.standard_normal(round(RATE * seconds)).astype(np.float32)
        found = extractor.process(audio, RATE)
        wanted = over_windows(lambda part: melody_of(network, part), audio)
        assert found.features.shape == (-(-audio.size // 160), FEATURE)
        assert np.abs(found.features - wanted.features).max() < 1e-3
        assert np.abs(np.log(found.f0 / wanted.f0)).max() < 1e-4
        assert np.abs(found.voicing - wanted.voicing).max() < 1e-4
        assert np.abs(found.energy - wanted.energy).max() < 1e-2


def foreign(path: Path, **metadata: str) -> Path:
    """A model that does nothing."""
    one = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    two = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["x"], ["y"])], "g", [one], [two])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=9)
    onnx.helper.set_model_props(model, metadata)
    path.write_bytes(model.SerializeToString())
    return path


@torch.no_grad()
def test_a_file_with_its_weights_beside_extracts_what_the_network_does(
    tmp_path: Path, encoders: dict[str, Path]
) -> None:
    """WavLM without blocks; the test of the command has HuBERT with them, in one file."""
    torch.manual_seed(5)
    network = Extractor(load_encoder(encoders["wavlm"]), fft=False)
    network.mixing.copy_(torch.randn(3))
    network.eval()
    manifest = manifest_of(network)
    path = tmp_path / "melody.onnx"
    export_extractor(network, manifest, path, largest=1000)
    assert {part.name for part in tmp_path.iterdir()} == {"melody.onnx", "melody.onnx.data"}
    extractor = MelodyExtractor(path)
    assert extractor.manifest == manifest
    assert_same(extractor, network)
    wide = sung(0.5, 247.0, 44100)
    there, here = extractor.process(wide, 44100), extractor.process(soxr.resample(wide, 44100, RATE), RATE)
    assert np.array_equal(there.features, here.features)
    silent = extractor.process(np.zeros(8000, np.float32), RATE)
    assert all(np.isfinite(part).all() for part in silent)
    assert float(silent.energy.max()) < -50.0
    with pytest.raises(ValueError, match="is not mono"):
        extractor.process(np.zeros((2, 100), np.float32), RATE)
    with pytest.raises(ValueError, match="sample rate 4000 is out of range"):
        extractor.process(np.zeros(100, np.float32), 4000)
    with pytest.raises(ValueError, match="not finite"):
        extractor.process(np.full(100, np.nan, np.float32), RATE)


def test_what_is_no_extractor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="does not exist; make it with"):
        MelodyExtractor(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("text")
    with pytest.raises(ModelFileError, match="not a readable ONNX model"):
        MelodyExtractor(tmp_path / "text.onnx")
    with pytest.raises(ModelFileError, match="an ONNX model but no extractor"):
        MelodyExtractor(foreign(tmp_path / "other.onnx"))
    with pytest.raises(ModelFileError, match="format 99 and this version reads up to 1; update"):
        MelodyExtractor(foreign(tmp_path / "newer.onnx", **{METADATA_KEY: '{"format": 99}'}))
    for text in ("{", "[]", '{"format": 1}'):
        with pytest.raises(ModelFileError, match="broken manifest"):
            MelodyExtractor(foreign(tmp_path / "broken.onnx", **{METADATA_KEY: text}))
