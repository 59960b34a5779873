"""`plugin-bridge extractor`: folders become a file, runs go on, and bad input is refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from models.extractor.runtime import MelodyExtractor
from models.training.extractor.encoder import load_encoder
from models.training.extractor.network import Extractor
from tests.models.training.extractor.made import write_encoder, write_folders
from tests.models.training.extractor.test_export import assert_same
from tests.plugin_bridge.commands.commandline import call


def test_folders_become_an_extractor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    voices, music = write_folders(tmp_path)
    encoder, output = write_encoder(tmp_path, "hubert"), tmp_path / "melody.onnx"
    words: list[str | Path] = ["extractor", voices, "--music", music, "--encoder", encoder, "-o", output]
    done = call(capsys, *words, "--steps", "1", "--device", "cpu", "--threads", "1", "--json")
    assert done.status == 0, done.err
    said = json.loads(done.out)
    assert (said["encoder"], said["layers"], said["fft"], said["frozen"]) == (
        "hubert",
        "weighted",
        True,
        False,
    )
    assert (said["steps"], len(said["layer_weights_before"])) == (1, 3)
    assert said["scores"]["held_out_seconds"] == 0.5
    run = tmp_path / "melody.training"
    assert (run / "loss.csv").read_text().startswith("0,")

    extractor, network = MelodyExtractor(output), Extractor(load_encoder(encoder))
    assert json.loads(extractor.manifest.model_dump_json()) == said
    network.load_state_dict(torch.load(run / "checkpoint.pt", weights_only=True)["network"])
    with torch.no_grad():
        assert_same(extractor, network.eval())

    assert "exists already" in call(capsys, *words).err
    other = call(capsys, *words, "--force", "--steps", "2", "--no-fft")
    assert (other.status, "delete it to start afresh" in other.err) == (2, True)


def test_what_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    voices, music = write_folders(tmp_path)
    words: list[str | Path] = [
        "extractor",
        voices,
        "--music",
        music,
        "-o",
        tmp_path / "melody.onnx",
        "--encoder",
    ]
    done = call(capsys, *words, tmp_path / "none")
    assert (done.status, "holds no config.json" in done.err, done.out) == (2, True, "")
    assert not (tmp_path / "melody.training").exists()
    assert call(capsys, *words, tmp_path, "--layers", "first").status == 2
