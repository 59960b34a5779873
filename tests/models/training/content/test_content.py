"""The content encoder: labels are read, examples line up with them, training learns, goes on, and exports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from models.content.file import ContentEncoder as Loaded
from models.content.manifest import ContentManifest
from models.differentiable.content import BANDS, READ, SIZE
from models.errors import TrainingError
from models.training.content.examples import (
    SETTLING_FRAMES,
    ExampleMaker,
    phone_weights,
    pieces_of,
    read_voices,
)
from models.training.content.network import TaughtContentNetwork
from models.training.content.phones import PHONES, UNKNOWN, read_labels
from models.training.content.run import held_out_scores, main, split, write_encoder
from models.training.content.training import Plan, Trainer
from tests.models.training.singer.test_training import made_voice

PLAN = Plan(steps=60, frames=40, batch=4, warmup_steps=5)


def labelled(folder: Path, voice: str, name: str, lines: str) -> Path:
    place = folder / voice
    place.mkdir(parents=True, exist_ok=True)
    soundfile.write(place / f"{name}.wav", made_voice(2.0), 48000)
    (place / f"{name}.lab").write_text(lines)
    return place / f"{name}.wav"


@pytest.fixture
def voices(tmp_path: Path) -> Path:
    """`made_voice` moves from one vowel to the other and back every 0.7 s, after 0.2 s of silence."""
    turns = [0.0, 0.2, *(np.pi / 9.0 * np.arange(1, 6)), 2.0]
    names = ["pau", "o", "a", "o", "a", "o", "a"]
    centres = 0.5 + 0.5 * np.sin(9.0 * (np.array(turns[:-1]) + np.array(turns[1:])) / 2.0)
    names[1:] = ["o" if share > 0.5 else "a" for share in centres[1:]]
    lines = "".join(
        f"{round(1e7 * begin)} {round(1e7 * end)} {name}\n"
        for begin, end, name in zip(turns[:-1], turns[1:], names, strict=True)
    )
    folder = tmp_path / "voices"
    labelled(folder, "alto", "song1", lines)
    labelled(folder, "alto", "song2", lines)
    labelled(folder, "bass", "song1", lines)
    return folder


def test_labels_name_the_phone_of_each_frame(tmp_path: Path) -> None:
    path = tmp_path / "x.lab"
    path.write_text("0 200000 sil\n200000 500000 ky\n\n500000 700000 A\n700000 800000 xyz\n")
    expected = ["pau", "pau", "k", "k", "k", "a", "a"]
    assert read_labels(path, 10).tolist() == [PHONES.index(name) for name in expected] + [UNKNOWN] * 3


@pytest.mark.parametrize("line", ["0 1", "a b c", "0.5 1 a"])
def test_a_line_that_is_no_label_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "x.lab"
    path.write_text(f"0 100000 a\n{line}\n")
    with pytest.raises(TrainingError, match=r"x.lab, line 2: '.*' is no label; give begin and end in 100 ns"):
        read_labels(path, 10)


def test_recordings_without_a_voice_or_labels_are_refused(tmp_path: Path, voices: Path) -> None:
    (voices / "alto" / "song2.lab").unlink()
    with pytest.raises(TrainingError, match=r"song2.wav has no label file song2.lab beside it; add it"):
        read_voices(voices, tmp_path / "cache", (0.0,))
    soundfile.write(voices / "a.wav", made_voice(1.0), 48000)
    with pytest.raises(TrainingError, match=r"a.wav lies in no folder of a voice; move it into one"):
        read_voices(voices, tmp_path / "cache", (0.0,))


def test_examples_are_seeded_and_their_labels_are_of_the_frame_before_the_envelope(
    tmp_path: Path, voices: Path
) -> None:
    every = read_voices(voices, tmp_path / "cache", (0.0,))
    counted = [
        replace(one, labels=np.arange(one.labels.size)) for one in every if one.path != "alto/song2.wav"
    ]
    maker = ExampleMaker(counted, 60, 5)
    first, again, other = maker([1, 2]), maker([1, 2]), maker([1, 3])
    assert torch.equal(first.envelope, again.envelope)
    assert not torch.equal(first.envelope, other.envelope)
    assert (first.labels[:, :SETTLING_FRAMES] == UNKNOWN).all()
    steps = first.labels[:, SETTLING_FRAMES:].diff(dim=1)
    assert (steps == 1).all()
    assert first.envelope.shape == (5, 60, BANDS)


def test_voices_are_drawn_by_the_root_of_their_length(tmp_path: Path, voices: Path) -> None:
    """Two recordings of one voice, which are joined, and one of another: the root of 2 against 1."""
    every = read_voices(voices, tmp_path / "cache", (0.0,))
    assert [piece.labels.size for piece in pieces_of(every)] == [400, 200]
    maker = ExampleMaker(every, 60, 1)
    assert maker._chance == pytest.approx(np.array([2**0.5, 1.0]) / (2**0.5 + 1.0))


def test_rare_phones_count_more_and_silence_less(tmp_path: Path, voices: Path) -> None:
    (one, *_) = read_voices(voices, tmp_path / "cache", (0.0,))
    labels = np.repeat([0, 1, 2, 3, 4, 5, 7], [5000, 8000, 8000, 8000, 8000, 8000, 500])
    weights = phone_weights([replace(one, labels=labels)])
    assert weights[0] == pytest.approx(0.3)
    assert weights[1:6].tolist() == pytest.approx([1.0] * 5)
    assert float(weights[7]) == pytest.approx(2.0)  # root of (8000 + 2000) / (500 + 2000)


def test_training_learns_goes_on_and_exports(tmp_path: Path, voices: Path) -> None:
    every = read_voices(voices, tmp_path / "cache", (0.0,))
    heard, held = split(every, ["bass/*"])
    trainer = Trainer(heard, PLAN)
    losses = [trainer.advance() for _ in range(30)]
    trainer.save(tmp_path / "checkpoint.pt")
    again = Trainer(heard, PLAN)
    again.load(tmp_path / "checkpoint.pt")
    for _ in range(30):
        assert trainer.advance() == again.advance()
    assert losses[-1] < 0.6 * losses[0]
    scores = held_out_scores(trainer.average, held)
    assert scores["bass vowels"] > 0.8
    write_encoder(trainer.average, facts(scores), tmp_path / "content.onnx")
    loaded = Loaded(tmp_path / "content.onnx")
    assert loaded.manifest.scores == scores


def facts(scores: dict[str, float]) -> ContentManifest:
    return ContentManifest(
        licence="CC0", attribution="nobody", training_data="none", size=SIZE, steps=1, scores=scores
    )


@torch.no_grad()
def test_the_file_runs_as_the_network_does(tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = TaughtContentNetwork().eval()
    write_encoder(network, facts({}), tmp_path / "content.onnx")
    bands = np.random.default_rng(8).uniform(-60.0, -20.0, (50, BANDS)).astype(np.float32)
    wanted = network(torch.from_numpy(bands)[None])[0].numpy()
    found = Loaded(tmp_path / "content.onnx").start().process(bands)
    # The network begins with frames of 0 (-35 dB), the file's state with the same.
    assert np.max(np.abs(found - wanted)) < 1e-5
    bands[:, READ:] = -80.0
    again = Loaded(tmp_path / "content.onnx").start().process(bands)
    assert np.array_equal(found, again)  # what lies above 12 kHz is not read


def test_the_command_trains_and_refuses(
    tmp_path: Path, voices: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, work = tmp_path / "content.onnx", tmp_path / "work"
    usual = [str(voices), "-o", str(output), "--work", str(work), "--steps", "1"]
    assert main([*usual, "--hold-out", "bass/*"]) == 0
    assert Loaded(output).manifest.scores.keys() == {"bass vowels"}
    capsys.readouterr()
    assert main([*usual, "--hold-out", "tenor/*"]) == 2
    assert "hold-out pattern 'tenor/*' matches no recording; give VOICE/NAME" in capsys.readouterr().err
    assert main([*usual, "--hold-out", "*"]) == 2
    assert "leave nothing to train on; hold out fewer" in capsys.readouterr().err
    assert main([*usual[:-1], "0"]) == 2
    assert "0 steps train nothing; give 1 or more" in capsys.readouterr().err
