"""Training the melody network: it learns and goes on where it stopped; the command writes what it made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from models.melody import grid
from models.melody.manifest import METADATA_KEY, MelodyManifest
from models.melody.tracker import _decoded, load_network
from models.training.melody import run as command
from models.training.melody.accompaniment import made_up
from models.training.melody.examples import ExampleMaker, Mixture
from models.training.melody.takes import Take, decimated
from models.training.melody.training import Plan, Trainer, _read, losses
from models.training.schedule import train
from plugin_bridge.errors import TrainingError
from tests.models.training.melody.voices import chord, sung
from tests.support.extras import needs

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def examples() -> ExampleMaker:
    takes = []
    for hz in (150.0, 300.0):
        audio, line = sung(48000, 4.0, hz, 80.0)
        takes.append(Take(decimated(audio), line.astype(np.float32), np.ones(line.size, np.float32)))
    music = [made_up(np.random.default_rng(2))]
    return ExampleMaker(takes, music, 71, 2, Mixture(accompanied=0.3, alone=0.04))


def test_it_learns(examples: ExampleMaker) -> None:
    trainer = Trainer(examples, Plan(steps=60, batch=2, frames=71, warmup_steps=5))
    batch = examples([99])
    with torch.no_grad():
        before = losses(trainer.network, batch)
    for _ in range(12):
        trainer.advance()
    with torch.no_grad():
        after = losses(trainer.network, batch)
    assert after["pitch"] < 0.97 * before["pitch"]
    assert after["voicing"] < 0.7 * before["voicing"]


def test_the_pitch_that_is_trained_is_the_one_that_is_read() -> None:
    salience = np.random.default_rng(5).normal(0.0, 3.0, (50, grid.CANDIDATES)).astype(np.float32)
    salience[:, [0, 1, -2, -1]] = -9.0  # at the ends they may differ: nobody sings there
    trained = grid.MIN_HZ * 2.0 ** (_read(torch.from_numpy(salience)).numpy() / grid.PER_OCTAVE)
    heard = [_decoded(row[grid.salience_order]) for row in salience]
    assert np.abs(1200.0 * np.log2(trained / heard)).max() < 0.01


def test_it_goes_on_where_it_stopped(tmp_path: Path, examples: ExampleMaker) -> None:
    plan = Plan(steps=4, batch=2, frames=71)
    whole = Trainer(examples, plan)
    train(whole, tmp_path / "whole.pt", lambda _step, _losses: None)
    first = Trainer(examples, plan)
    for _ in range(2):
        first.advance()
    first.save(tmp_path / "part.pt")
    second = Trainer(examples, plan)
    second.load(tmp_path / "part.pt")
    train(second, tmp_path / "part.pt", lambda _step, _losses: None)
    for a, b in zip(whole.average.parameters(), second.average.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_foreign_checkpoint_is_refused(tmp_path: Path, examples: ExampleMaker) -> None:
    torch.save({"format": 99}, tmp_path / "other.pt")
    with pytest.raises(TrainingError, match="no melody checkpoint of this version"):
        Trainer(examples, Plan()).load(tmp_path / "other.pt")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    voices, music = tmp_path / "voices", tmp_path / "music"
    voices.mkdir()
    music.mkdir()
    for name, hz in (("one", 220.0), ("two", 330.0)):
        audio, _ = sung(48000, 1.5, hz, 50.0)
        soundfile.write(voices / f"{name}.wav", audio, 48000)
    soundfile.write(music / "song.wav", 0.1 * chord(44100, 6 * 44100), 44100)
    return voices, music


def test_the_command_trains_and_scores(
    tmp_path: Path, folders: tuple[Path, Path], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("swift_f0")
    monkeypatch.setattr(command, "PIECES", 1)
    voices, music = folders
    line = ["--voices", str(voices), "--music", str(music), "-o", str(tmp_path / "new.onnx"), "--steps", "1"]
    more = ["--hold-out", "two.wav", "--work", str(tmp_path / "work"), "--licence", "CC0"]
    for _ in range(2):  # the second time it only writes
        assert command.main([*line, *more]) == 0
        said = MelodyManifest.model_validate_json("{" + capsys.readouterr().out.split("{", 1)[1])
        assert said.licence == "CC0"
        assert said.steps == 1
        assert {"voicing_f1 0 dB", "voicing_f1 clean"} <= said.scores.keys()
    stored = load_network(tmp_path / "new.onnx").get_modelmeta().custom_metadata_map[METADATA_KEY]
    assert MelodyManifest.model_validate_json(stored) == said


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--hold-out", "three*"], "hold-out pattern 'three*' matches no file"),
        (["--hold-out", "*"], "leave nothing to train on"),
        (["--licence", "Andr\udce9"], "the licence 'Andr\\udce9' is no Unicode text"),
        (["--steps", "0"], "0 steps train nothing"),
        (["--music", "{empty}"], "holds no recordings"),
        (["-o", "{empty}", "--steps", "1"], "empty is a folder; give the name of a file"),
        (["-o", "{song}/new.onnx", "--steps", "1"], "song.wav/new.onnx cannot be written: "),
    ],
)
def test_bad_input_is_one_sentence(
    tmp_path: Path, folders: tuple[Path, Path], capsys: Capture, more: list[str], sentence: str
) -> None:
    voices, music = folders
    (tmp_path / "empty").mkdir()
    words = [word.format(empty=tmp_path / "empty", song=music / "song.wav") for word in more]
    line = ["--voices", str(voices), "--music", str(music), "-o", str(tmp_path / "new.onnx")]
    assert command.main([*line, *words, "--work", str(tmp_path / "work")]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_every_tenth_voice_is_held_out_where_no_name_says_otherwise(tmp_path: Path) -> None:
    for folder, count in (("many", 20), ("few", 3), ("music", 2)):
        (tmp_path / folder).mkdir()
        for number in range(count):
            (tmp_path / folder / f"{folder}{number:02d}.wav").touch()
    folders = [tmp_path / "many", tmp_path / "few"]
    files = command.chosen(folders, [tmp_path / "music"], ["few01*", "music00*"])
    assert [path.name for path in files.held_voices] == ["many09.wav", "many19.wav", "few01.wav"]
    assert len(files.voices) == 20
    assert [path.name for path in files.music] == ["music01.wav"]
    assert [path.name for path in files.held_music] == ["music00.wav", "music01.wav"]
