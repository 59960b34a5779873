"""Clips are read and cut, pairs are drawn by seed, and a training learns and goes on to the bit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from models.errors import TrainingError
from models.training.tune import examples
from models.training.tune.architecture import RATE, SAMPLES, Architecture
from models.training.tune.examples import CLIP, Float32, PairMaker, Pairs, cut, read_clips
from models.training.tune.training import Plan, Trainer

SMALL = Architecture(2, 2, 3, 4, plus=True, representation=16)


def note(hertz: float, samples: int, rate: int = RATE) -> Float32:
    return (0.3 * np.sin(2.0 * np.pi * hertz * np.arange(samples) / rate)).astype(np.float32)


def write(path: Path, audio: Float32, rate: int = RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, rate)


def test_recordings_of_any_rate_become_clips_at_22050_hz(tmp_path: Path) -> None:
    write(tmp_path / "a" / "song.wav", note(440.0, 4 * 48000, 48000), 48000)
    write(tmp_path / "b" / "deep" / "song.flac", np.stack([note(300.0, 3 * 44100, 44100)] * 2, 1), 44100)
    first, second = read_clips(tmp_path)
    assert [first.size, second.size] == [4 * RATE, 3 * RATE]
    peak = np.argmax(np.abs(np.fft.rfft(first))) / 4.0
    assert peak == pytest.approx(440.0)


def test_long_recordings_are_cut_short_ones_joined_and_silent_ones_left_out(tmp_path: Path) -> None:
    sizes = [part.size for part in cut(note(200.0, 2 * CLIP + 1000))]
    assert len(sizes) == 3
    assert sum(sizes) == 2 * CLIP + 1000
    assert max(sizes) - min(sizes) <= 1
    assert cut(np.zeros(CLIP, np.float32)) == []
    assert cut(note(200.0, SAMPLES - 1)) == []
    for index in range(4):
        write(tmp_path / "syllables" / f"{index}.wav", note(200.0 + index, RATE))
    write(tmp_path / "others" / "a.wav", note(200.0, RATE))
    write(tmp_path / "others" / "song.wav", note(200.0, 3 * RATE))
    clips = read_clips(tmp_path)
    assert sorted(clip.size for clip in clips) == [3 * RATE, 4 * RATE]


def test_too_few_recordings_are_refused_in_a_sentence(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", note(200.0, 3 * RATE))
    with pytest.raises(
        TrainingError, match=r"too little: contrast needs 2 clips of 2\.7 s .* there are 1; add"
    ):
        read_clips(tmp_path)


def test_pairs_are_of_one_clip_each_and_the_same_for_the_same_seed() -> None:
    clips = [np.full(2 * SAMPLES, level, np.float32) for level in (0.1, 0.2, 0.4)]
    maker = PairMaker(clips, 16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(examples, "augmented", lambda audio, _rng: audio)
        views, labels = maker([0, 7])
    assert views.shape == (6, 1, SAMPLES)
    assert labels.tolist() == [0, 1, 2, 0, 1, 2]
    levels = views[:, 0, 0].tolist()
    assert levels[:3] == levels[3:]
    assert sorted(levels[:3]) == pytest.approx([0.1, 0.2, 0.4])
    noisy = PairMaker([np.random.default_rng(0).standard_normal(SAMPLES + 99).astype(np.float32)] * 2, 2)
    first, again, other = (noisy(seed).views for seed in ([0, 1], [0, 1], [0, 2]))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first[0], first[2])


def test_a_view_is_not_drawn_from_silence() -> None:
    clip = np.concatenate([np.zeros(10 * SAMPLES, np.float32), note(200.0, 2 * SAMPLES)])
    rng = np.random.default_rng(0)
    assert all(np.abs(examples._crop(clip, rng)).max() > 0.2 for _ in range(20))


class Notes:
    """Pairs of short notes: which of four pitches it is tells them apart."""

    def __call__(self, seed: Sequence[int]) -> Pairs:
        rng = np.random.default_rng(seed)
        waves = [
            note(hertz, 729) * rng.uniform(0.5, 1.0) + 0.02 * rng.standard_normal(729)
            for _ in range(2)
            for hertz in (300.0, 900.0, 2700.0, 8100.0)
        ]
        views = torch.from_numpy(np.stack(waves).astype(np.float32)[:, None])
        return Pairs(views, torch.arange(4).repeat(2))


def test_training_learns_to_tell_notes_apart() -> None:
    trainer = Trainer(SMALL, Notes(), Plan(steps=40, learning_rate=3e-3))
    losses = [trainer.advance() for _ in range(40)]
    best = np.log(1.0 + 6.0 * np.exp(-2.0 - 2.0 / 3.0))  # four directions as far apart as can be
    assert losses[0] > 3.0 * best
    assert best < losses[-1] < best + 0.02


def test_an_interrupted_training_goes_on_to_the_bit(tmp_path: Path) -> None:
    through = Trainer(SMALL, Notes(), Plan())
    losses = [through.advance() for _ in range(6)]
    first = Trainer(SMALL, Notes(), Plan())
    assert [first.advance() for _ in range(3)] == losses[:3]
    first.save(tmp_path / "checkpoint.pt")
    second = Trainer(SMALL, Notes(), Plan())
    second.load(tmp_path / "checkpoint.pt")
    assert second.step == 3
    assert [second.advance() for _ in range(3)] == losses[3:]
    for name, weight in through.network.state_dict().items():
        assert torch.equal(weight, second.network.state_dict()[name]), name


def test_the_checkpoint_of_another_variant_is_refused(tmp_path: Path) -> None:
    Trainer(SMALL, Notes(), Plan()).save(tmp_path / "checkpoint.pt")
    other = Trainer(Architecture(2, 2, 3, 4, representation=16), Notes(), Plan())
    with pytest.raises(TrainingError, match="no TUNe checkpoint of this version and variant; delete it"):
        other.load(tmp_path / "checkpoint.pt")
