"""The ONNX file of an encoder says what the network says, and foreign files are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from models.errors import ModelFileError
from models.training.onnxgraph import model_of, write_model
from models.training.tune.architecture import SAMPLES, Architecture
from models.training.tune.file import METADATA_KEY, TuneEncoder, manifest_of, write_encoder
from models.training.tune.graph import encoder_graph
from models.training.tune.network import TuneNetwork
from tests.models.training.tune.test_architecture import MEL, small

WORDS = {"licence": "CC0", "attribution": "nobody", "training_data": "noise"}


def trained(made: Architecture, seed: int = 0) -> TuneNetwork:
    """Return a network whose normalisations are not those of the start."""
    torch.manual_seed(seed)
    network = TuneNetwork(made)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d):
            for values in (module.weight, module.running_var):
                assert isinstance(values, torch.Tensor)
                nn.init.uniform_(values, 0.5, 2.0)
            for values in (module.bias, module.running_mean):
                assert isinstance(values, torch.Tensor)
                nn.init.normal_(values, std=0.3)
    return network.eval()


@torch.no_grad()
@pytest.mark.parametrize(
    ("made", "length"),
    [
        (small("tune+"), SAMPLES),
        (small("expansive-2"), 6561),
        (small("contractive+2"), 2187),
        (replace(small("vanilla"), expansive=0), 6561),
        (Architecture(2, 2, 0, 4), 90),
        (small("clmr"), SAMPLES),
        (small("clmr-tail"), SAMPLES),
        (MEL, 243),
        (MEL, 270),  # not a power of three: the tail drops what is left over
    ],
)
def test_the_graph_says_what_the_network_says(made: Architecture, length: int) -> None:
    network = trained(made)
    x = torch.randn(1, made.inputs, length)
    model = model_of(encoder_graph(network, length), {})
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(["vector"], {"audio": x.numpy()})
    wanted = network(x).numpy()
    assert found.shape == wanted.shape == (1, made.size)
    assert np.abs(wanted).max() > 0.01
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * float(np.abs(wanted).max()))


@torch.no_grad()
def test_a_written_encoder_is_loaded_and_knows_what_it_is(tmp_path: Path) -> None:
    network = trained(small("tune+"))
    write_encoder(network, manifest_of(network, "tune+", 7, **WORDS), tmp_path / "encoder.onnx")
    encoder = TuneEncoder(tmp_path / "encoder.onnx")
    assert encoder.manifest.architecture == vars(network.architecture)
    assert (encoder.manifest.variant, encoder.manifest.steps, encoder.manifest.licence) == ("tune+", 7, "CC0")
    examples = np.random.default_rng(0).standard_normal((2, SAMPLES)).astype(np.float32)
    wanted = network(torch.from_numpy(examples)[:, None]).numpy()
    np.testing.assert_allclose(encoder.process(examples), wanted, rtol=1e-5, atol=1e-5 * wanted.max())
    assert encoder.process(examples[:0]).shape == (0, 16)


def test_files_that_are_no_encoder_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.onnx"
    with pytest.raises(ModelFileError, match=r"file\.onnx cannot be read: No such file"):
        TuneEncoder(path)
    path.write_bytes(b"no model")
    with pytest.raises(ModelFileError, match="is not a readable ONNX model; make or copy it again"):
        TuneEncoder(path)
    network = trained(Architecture(2, 2, 2, 2, representation=4))
    graph = encoder_graph(network, 81)
    write_model(graph, {}, path)
    with pytest.raises(ModelFileError, match="is an ONNX model but no TUNe encoder; use one made by 'python"):
        TuneEncoder(path)
    manifest = manifest_of(network, "mine", 1, **WORDS)
    write_model(graph, {METADATA_KEY: manifest.model_dump_json()}, path)
    with pytest.raises(ModelFileError, match="has not a TUNe encoder's input and output; make or copy it"):
        TuneEncoder(path)
    newer = manifest.model_copy(update={"format": 9})
    write_model(graph, {METADATA_KEY: newer.model_dump_json()}, path)
    with pytest.raises(ModelFileError, match="has TUNe encoder format 9 and this version reads up to 1"):
        TuneEncoder(path)
