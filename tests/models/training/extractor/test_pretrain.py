"""Pre-training: targets that tell sounds apart, masks, and an encoder that learns and is saved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from models.extractor.windows import RATE, STEP
from models.training.extractor.clusters import BANDS, k_means, log_mel, nearest_of
from models.training.extractor.encoder import load_encoder
from models.training.extractor.folder import ARCHITECTURES
from models.training.extractor.pretrain import CLUSTERS, Pretrainer, main, pretrain
from plugin_bridge.errors import OutputError
from tests.models.training.extractor.made import TINY, played, sung


def test_spectra_stand_where_the_encoder_has_its_frames() -> None:
    audio = np.zeros(20 * STEP, np.float32)
    audio[7 * STEP - 2] = 1.0
    levels = log_mel(audio)
    assert levels.shape == (21, BANDS)
    assert int(levels.sum(1).argmax()) == 7


def test_spectra_leave_the_level_out_and_keep_the_pitch() -> None:
    low, high = (
        log_mel(np.concatenate([sung(0.64, hertz), sung(0.64, 300.0)]))[10:25] for hertz in (150.0, 190.0)
    )
    assert np.abs(log_mel(0.01 * sung(0.64, 200.0)) - log_mel(sung(0.64, 200.0))).max() < 0.01
    assert np.abs(low - high).max() > 1.0


def test_clusters_are_found() -> None:
    rng = np.random.default_rng(3)
    places = 10.0 * rng.standard_normal((4, 8))
    points = np.repeat(places, 50, 0) + 0.1 * rng.standard_normal((200, 8))
    found = k_means(points.astype(np.float32), 12, rng)
    assert max(np.abs(found - place).max(1).min() for place in places) < 0.5
    labels = nearest_of(points.astype(np.float32), found).reshape(4, 50)
    assert not any(set(labels[a]) & set(labels[b]) for a in range(4) for b in range(a))


def test_what_is_masked_is_not_seen() -> None:
    torch.manual_seed(0)
    trainer = Pretrainer("hubert", TINY).eval()
    one, other = (torch.from_numpy(sound)[None] for sound in (sung(0.64, 220.0), played(0.64)))
    everything = torch.ones(1, one.shape[1] // STEP + 1, dtype=torch.bool)
    with torch.no_grad():
        assert trainer(one, everything).shape == (1, 33, CLUSTERS)
        assert torch.allclose(trainer(one, everything), trainer(other, everything), atol=1e-5)
        assert not torch.allclose(trainer(one, ~everything), trainer(other, ~everything), atol=1e-2)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_encoder_learns_and_can_be_loaded(tmp_path: Path, architecture: str) -> None:
    (tmp_path / "heard").mkdir()
    soundfile.write(tmp_path / "heard" / "voice.wav", sung(3.0, 220.0), RATE)
    soundfile.write(tmp_path / "heard" / "music.wav", played(3.0), RATE)
    size = replace(TINY, steps=30, batch=4, learning_rate=5e-3)
    losses = pretrain([tmp_path / "heard"], tmp_path / "encoder", architecture, size)
    assert np.mean(losses[-10:]) < np.mean(losses[:3]) - 0.3  # about log 100 = 4.6, from more
    assert load_encoder(tmp_path / "encoder").architecture == architecture


def test_the_output_is_looked_at_before_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the steps: hours later it would be too late."""
    monkeypatch.setattr("models.training.extractor.pretrain.recordings_in", pytest.fail)
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "config.json").touch()
    for output, sentence in {
        "file": "file exists already; name a folder that is not there yet",
        "full": "full exists already; name a folder that is not there yet",
        "file/encoder": "encoder cannot be written: File exists; ",
    }.items():
        assert main([str(tmp_path), "-o", str(tmp_path / output)]) == 2
        assert sentence in capsys.readouterr().err
    assert main([str(tmp_path), "-o", str(tmp_path / "new"), "--steps", "0"]) == 2
    assert "0 steps train nothing; give 1 or more" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "full"]


def test_an_encoder_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "heard").mkdir()
    soundfile.write(tmp_path / "heard" / "voice.wav", sung(2.0, 220.0), RATE)

    def full(self: object, folder: Path) -> None:
        del self
        folder.mkdir()
        (folder / "config.json").touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("transformers.HubertModel.save_pretrained", full)
    with pytest.raises(OutputError, match="encoder cannot be written: No space left on device"):
        pretrain([tmp_path / "heard"], tmp_path / "encoder", "hubert", replace(TINY, steps=1, batch=2))
    assert [path.name for path in tmp_path.iterdir()] == ["heard"]


def test_the_script_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "-o", str(tmp_path / "encoder")]) == 2
    assert "holds no recordings" in capsys.readouterr().err
