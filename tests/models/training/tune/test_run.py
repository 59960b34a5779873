"""From a folder to an encoder and what it knows, by the commands; bad input gets one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.training.tune import run
from models.training.tune.architecture import CPU_SIZED, VARIANTS, Architecture
from models.training.tune.file import TuneEncoder
from models.training.tune.probe import asked, examples_of
from models.training.tune.probe import main as ask
from models.training.tune.run import main

RATE = 22050
TINY = Architecture(2, 2, 8, 2, plus=True, representation=8, wide_from=3)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for instrument, overtones in (("flute", 1), ("reed", 12)):
        (tmp_path / "music" / instrument).mkdir(parents=True)
        for index in range(6):
            f0, time = rng.uniform(200.0, 400.0), np.arange(3 * RATE) / RATE
            parts = [np.sin(2.0 * np.pi * f0 * k * time) / k for k in range(1, overtones + 1)]
            audio = 0.2 * np.sum(parts, axis=0) * (1.0 + 0.3 * np.sin(2.0 * np.pi * rng.uniform(2, 6) * time))
            soundfile.write(tmp_path / "music" / instrument / f"{index}.wav", audio, RATE)
    return tmp_path / "music"


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "VARIANTS", {CPU_SIZED: TINY, "vanilla": VARIANTS["vanilla"]})


@pytest.mark.usefixtures("tiny")
def test_an_encoder_is_trained_goes_on_and_is_asked_what_it_knows(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = [str(music), "--batch", "2", "--licence", "CC0", "--device", "cpu"]
    first = [*common, "-o", str(tmp_path / "one.onnx"), "--work", str(tmp_path / "work")]
    assert main([*first, "--steps", "1"]) == 0
    assert main([*first, "--steps", "2"]) == 0
    told = json.loads(capsys.readouterr().out.split("}\n")[-2] + "}")
    assert (told["steps"], told["variant"], told["licence"], told["size"]) == (2, CPU_SIZED, "CC0", 8)
    through = [*common, "-o", str(tmp_path / "two.onnx"), "--work", str(tmp_path / "other")]
    assert main([*through, "--steps", "2"]) == 0
    noise = np.random.default_rng(0).standard_normal((1, 3**10)).astype(np.float32)
    one, two = (TuneEncoder(tmp_path / f"{name}.onnx").process(noise) for name in ("one", "two"))
    np.testing.assert_array_equal(one, two)
    capsys.readouterr()
    assert ask([str(tmp_path / "one.onnx"), str(music)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["classes"] == ["flute", "reed"]
    assert found["recordings"] == {"heard": 10, "held out": 2}
    assert found["chance"] == 0.5
    for probe in ("linear", "two layers"):
        for score, low, high in found[probe].values():
            assert 0.0 <= low <= score <= high <= 1.0
    encoder = TuneEncoder(tmp_path / "one.onnx")
    names, examples, held = asked(encoder.process, music, ["flute/[01]*", "reed/5*"])
    assert (names, held) == (["flute", "reed"], [0, 1, 11])
    assert examples.classes.tolist() == [0] * 6 + [1] * 6


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--steps", "0"], "0 steps train nothing; give 1 or more"),
        (["--batch", "1"], "a batch of 1 has nothing to tell apart; give 2 clips or more"),
        (["-o", "{tmp}/music/flute"], "{tmp}/music/flute is a folder; give the name of a file"),
        (["--licence", "\udc80"], "the licence '\\udc80' is no Unicode text; give it in UTF-8"),
    ],
)
def test_bad_options_are_refused(
    options: list[str], said: str, music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [option.replace("{tmp}", str(tmp_path)) for option in options]
    assert main([str(music), "-o", str(tmp_path / "x.onnx"), "--work", str(tmp_path / "w"), *given]) == 2
    assert capsys.readouterr().err == f"{run.COMMAND}: {said.replace('{tmp}', str(tmp_path))}\n"
    assert not (tmp_path / "x.onnx").exists()


def test_a_folder_without_recordings_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    output = ["-o", str(tmp_path / "x.onnx"), "--work", str(tmp_path / "work")]
    assert main([str(tmp_path / "empty"), *output]) == 2
    assert "empty holds no recordings; put WAV" in capsys.readouterr().err


@pytest.mark.usefixtures("tiny")
def test_the_run_of_another_variant_is_refused(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = [str(music), "-o", str(tmp_path / "x.onnx"), "--work", str(tmp_path / "work"), "--batch", "2"]
    assert main([*options, "--steps", "1", "--device", "cpu"]) == 0
    monkeypatch.setattr(run, "VARIANTS", {CPU_SIZED: Architecture(2, 2, 8, 2, representation=8)})
    capsys.readouterr()
    assert main([*options, "--steps", "2", "--device", "cpu"]) == 2
    assert "is no TUNe checkpoint of this version and variant; delete it" in capsys.readouterr().err


def test_what_cannot_be_asked_is_refused(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], tiny: None
) -> None:
    del tiny
    encoder = str(tmp_path / "x.onnx")
    work = ["--work", str(tmp_path / "work"), "--batch", "2", "--steps", "1", "--device", "cpu"]
    assert main([str(music), "-o", encoder, *work]) == 0
    for arguments, said in (
        ([str(music / "flute")], "lies in no folder of a class; move it into one"),
        ([str(music), "--hold-out", "oboe/*"], "hold-out pattern 'oboe/*' matches no recording"),
        ([str(music), "--hold-out", "reed/*"], "reed has no recording to learn from; give it 5 or more"),
    ):
        capsys.readouterr()
        assert ask([encoder, *arguments]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
    (music / "reed").rename(tmp_path / "reed")
    assert ask([encoder, str(music)]) == 2
    assert "holds recordings of one class, flute; a probe needs 2 or more" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("samples", "examples"), [(10, 1), (3**10, 1), (round(1.4 * 3**10), 1), (round(1.6 * 3**10), 2)]
)
def test_recordings_are_cut_into_examples(samples: int, examples: int) -> None:
    audio = np.arange(1.0, samples + 1.0, dtype=np.float32)
    found = examples_of(audio)
    assert found.shape == (examples, 3**10)
    kept = min(samples, examples * 3**10)
    np.testing.assert_array_equal(found.reshape(-1)[:kept], audio[:kept])
    assert not found.reshape(-1)[kept:].any()
