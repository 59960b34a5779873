"""The scores of the seed's models have their known values, and find reliance where there is some."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models.training.guide.pairs import spectrogram
from models.training.guide.pairs.spectrogram import FRAMES, MELS
from models.training.guide.seed.file import described, write_model
from models.training.guide.seed.scores import (
    frechet_distance,
    interval,
    level_error,
    other_songs,
    reliance,
    spectral_distance,
    vocals_in,
    vocals_of,
)
from models.training.guide.seed.scoring import main
from models.training.guide.seed.training import Plan, Trainer
from models.training.guide.seed.variants import SIZES
from tests.models.training.guide.seed.pairs import made_clips, made_examples, write_pairs
from tests.models.training.guide.seed.test_networks import TINY, tiny
from tests.support.extras import needs

__all__ = ["tiny"]


def test_errors_are_in_decibels() -> None:
    wanted = np.zeros((2, MELS, FRAMES), np.float32)
    found = wanted.copy()
    found[1, : MELS // 2] = 0.25  # 20 dB in half of the bands
    assert level_error(wanted, found) == pytest.approx([0.0, 10.0])
    assert spectral_distance(wanted, found) == pytest.approx([0.0, 20.0 / np.sqrt(2.0)])


def test_the_frechet_distance_of_normal_frames() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0.0, 0.01, (4, 5, 4000)).astype(np.float32)
    assert frechet_distance(x, x) == pytest.approx(0.0, abs=1e-6)
    moved = x + np.float32(0.05)  # 4 dB in five bands; changes stay
    assert frechet_distance(x, moved) == pytest.approx(5 * 16.0, rel=1e-3)
    wider = 3.0 * x  # deviation .8 to 2.4 dB; of changes by the square root of two more
    assert frechet_distance(x, wider) == pytest.approx(5 * (1.6**2 + 2.0 * 1.6**2), rel=0.05)


def test_the_interval_draws_songs() -> None:
    values = np.array([0.0] * 50 + [1.0] * 50)
    two = interval(values, ["a"] * 50 + ["b"] * 50)
    assert (two.mean, two.low, two.high) == (0.5, 0.0, 1.0)  # two songs are two measurements
    many = interval(values, [str(at) for at in range(100)])
    assert many.low == pytest.approx(0.4, abs=0.03)
    assert str(many).startswith("0.50 (0.4")


def test_a_mismatch_is_of_another_song() -> None:
    songs = ["a", "a", "b", "c", "c", "c"]
    others = other_songs(songs, 0)
    assert all(songs[at] != songs[other] for at, other in enumerate(others))
    assert others == other_songs(songs, 0)
    with pytest.raises(ValueError, match="of one song"):
        other_songs(["a", "a"], 0)


@pytest.mark.usefixtures("tiny")
def test_a_network_that_hears_the_accompaniment_relies_on_it() -> None:
    """The vocal follows the accompaniment, and the vocal's encoder is deaf: a wrong one must spoil it."""
    size = TINY["vae"].image
    examples = made_examples(size)
    trainer = Trainer("vae", "tiny", examples, Plan(steps=100, batch=8, learning_rate=1e-2))
    vocal = trainer.network.vocal.requires_grad_(requires_grad=False)
    for parameter in vocal.parameters():
        parameter.detach().zero_()
    while trainer.step < 100:
        trainer.advance()
    made = described("vae", "tiny", trainer.network, examples, [], {})
    clips = made_clips()
    vocals = vocals_of(made, clips, 0)
    found = reliance(vocals, vocals_in(clips), [clip.song for clip in clips])
    assert found["reconstruction, mismatched: worse"].low > 1.0
    assert found["sample, mismatched: worse"].low > 1.0
    assert found["reconstruction, mismatched: changed"].mean > 1.0


@pytest.mark.usefixtures("tiny")
def test_a_network_that_is_deaf_to_it_does_not() -> None:
    examples = made_examples(TINY["autovc"].image)
    trainer = Trainer("autovc", "tiny", examples, Plan(steps=1, batch=4))
    trainer.advance()
    with torch.no_grad():
        for parameter in trainer.network.accompaniment.parameters():
            parameter.zero_()
    made = described("autovc", "tiny", trainer.network, examples, [], {})
    clips = made_clips()
    found = reliance(vocals_of(made, clips, 0), vocals_in(clips), [clip.song for clip in clips])
    assert {abs(value.high) for value in found.values()} == {0.0}


def test_the_command_tells_all_and_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    needs("librosa")
    needs("matplotlib")
    monkeypatch.setitem(SIZES["vae"], "small", TINY["vae"])
    monkeypatch.setattr(spectrogram, "ROUNDS", 1)
    examples = made_examples(TINY["vae"].image)
    trainer = Trainer("vae", "small", examples, Plan(steps=2, batch=4))
    trainer.advance()
    write_model(
        described("vae", "small", trainer.network, examples, trainer.history, {}), tmp_path / "vae.pt"
    )
    pairs = write_pairs(tmp_path / "pairs", 2)
    pictures = tmp_path / "pictures"
    assert (
        main([str(tmp_path / "vae.pt"), "--pairs", str(pairs), "--pictures", str(pictures), "--heard", "1"])
        == 0
    )
    out = capsys.readouterr().out
    assert "| real vocals | 0.00 (0.00 to 0.00) | 0.00" in out
    assert out.count("accompaniment |") == 6
    assert out.count(": worse |") == 4
    assert {path.suffix for path in pictures.iterdir()} == {".png", ".wav"}
    assert (pictures / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_one_song_has_nothing_to_mismatch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(SIZES["vae"], "small", TINY["vae"])
    examples = made_examples(TINY["vae"].image)
    network = Trainer("vae", "small", examples, Plan(steps=1)).network
    write_model(described("vae", "small", network, examples, [], {}), tmp_path / "vae.pt")
    pairs = write_pairs(tmp_path / "pairs", 1)
    assert main([str(tmp_path / "vae.pt"), "--pairs", str(pairs)]) == 2
    assert "one song" in capsys.readouterr().err
