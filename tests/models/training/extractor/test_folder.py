"""What is no folder of an encoder is refused, by name and with the remedy."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from models.training.extractor.encoder import load_encoder
from models.training.extractor.folder import WEIGHTS, architecture_of, fingerprint
from plugin_bridge.errors import ModelFileError


@pytest.fixture
def folder(tmp_path: Path, encoders: dict[str, Path]) -> Path:
    """A copy to spoil."""
    shutil.copytree(encoders["hubert"], tmp_path / "copy")
    return tmp_path / "copy"


def reconfigured(folder: Path, **changes: object) -> None:
    config = folder / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), **changes}))


def test_both_architectures_are_known(encoders: dict[str, Path]) -> None:
    for name, folder in encoders.items():
        assert architecture_of(folder) == name
        encoder = load_encoder(folder)
        assert (encoder.architecture, encoder.layers, encoder.width) == (name, 3, 16)
    assert len({fingerprint(folder) for folder in encoders.values()}) == 2


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"none holds no config\.json; give the folder of a HuBERT"):
        architecture_of(tmp_path / "none")


def test_another_architecture_is_refused(folder: Path) -> None:
    reconfigured(folder, model_type="wav2vec2")
    with pytest.raises(ModelFileError, match="type 'wav2vec2'; give one of hubert, wavlm"):
        architecture_of(folder)


@pytest.mark.parametrize("text", ["{", "{}", "[]"])
def test_a_broken_configuration_is_refused(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)
    with pytest.raises(ModelFileError, match=r"config\.json names no model_type"):
        architecture_of(folder)


def test_missing_weights_are_refused_and_not_fetched(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    with pytest.raises(ModelFileError, match=r"holds no model\.safetensors; fetch the weights"):
        load_encoder(folder)


def test_pickled_weights_are_refused_and_the_remedy_works(folder: Path, tmp_path: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    torch.save(weights, folder / "pytorch_model.bin")
    (folder / WEIGHTS).unlink()
    with pytest.raises(ModelFileError, match=r"only as pytorch_model\.bin, a pickle.*AutoModel") as refusal:
        load_encoder(folder)
    remedy = str(refusal.value).partition('-c "')[2].removesuffix('"')
    before, _, after = remedy.partition("; ")
    assert before == "from transformers import AutoModel"
    assert after == "AutoModel.from_pretrained('FOLDER').save_pretrained('NEW_FOLDER')"
    AutoModel.from_pretrained(folder).save_pretrained(tmp_path / "converted")
    assert load_file(tmp_path / "converted" / WEIGHTS).keys() == weights.keys()
    load_encoder(tmp_path / "converted")


def test_corrupted_weights_are_refused(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"not weights")
    with pytest.raises(ModelFileError, match="cannot be read as a hubert; fetch it again"):
        load_encoder(folder)


def test_incomplete_weights_are_refused(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    del weights["encoder.layers.1.attention.k_proj.weight"]
    save_file(weights, folder / WEIGHTS, {"format": "pt"})
    with pytest.raises(ModelFileError, match=r"lacks 1 weights of a hubert, such as .*k_proj\.weight"):
        load_encoder(folder)


def test_weights_of_another_size_are_refused(folder: Path) -> None:
    reconfigured(folder, intermediate_size=48)
    with pytest.raises(ModelFileError, match="cannot be read as a hubert"):
        load_encoder(folder)


def test_other_convolutions_are_refused(folder: Path) -> None:
    reconfigured(folder, conv_stride=[5, 2, 2, 2, 2, 2, 1])
    with pytest.raises(ModelFileError, match="convolutions of 160 samples a step"):
        load_encoder(folder)
