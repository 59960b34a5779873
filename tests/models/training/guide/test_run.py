"""The training as a program: a folder of melodies becomes a network; what it cannot do it says."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from models.guide.melodynetwork import MelodyNetwork
from models.training.guide import run, tables
from tests.models.training.guide.test_songs import midi_file
from tests.support.extras import needs

needs("librosa")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "melodies"
    found.mkdir()
    for name in ("one", "two", "held"):
        midi_file(found / f"{name}.mid", notes=16)
    return found


def test_a_folder_becomes_a_network(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "guide.onnx"
    options = ["--hold-out", "held*", "--variants", "1", "--rules", "1", "--work", str(tmp_path / "work")]
    facts = ["--licence", "CC0", "--steps", "2"]
    assert run.main([str(folder), "-o", str(out), *options, *facts]) == 0
    manifest = MelodyNetwork(out).manifest
    assert (manifest.licence, manifest.steps) == ("CC0", 2)
    assert '"steps": 2' in capsys.readouterr().out
    out.unlink()
    assert run.main([str(folder), "-o", str(out), *options, "--steps", "3"]) == 0
    assert MelodyNetwork(out).manifest.steps == 3  # from the checkpoint on


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--hold-out", "nine*"], "hold-out pattern 'nine*' matches no file; give names such as"),
        (["--hold-out", "*"], "leave nothing to train on; hold out fewer"),
        (["--variants", "0"], "--variants below 1 or --rules below 0 leave nothing to train on; give more"),
        (["--steps", "0"], "0 steps train nothing; give 1 or more"),
    ],
)
def test_what_cannot_be_trained_is_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], sentence: str
) -> None:
    work = ["--work", str(tmp_path / "work")]
    assert run.main([str(folder), "-o", str(tmp_path / "guide.onnx"), *work, *options]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "guide.onnx").exists()


def test_a_folder_without_melodies_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main([str(tmp_path), "-o", str(tmp_path / "guide.onnx")]) == 2
    assert "holds no MIDI files; give a folder of melodies" in capsys.readouterr().err


def test_the_tables_count_rhythms_and_intervals(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "tables.toml"
    assert tables.main([str(folder), "--hold-out", "held*", "-o", str(out)]) == 0
    found = tomllib.loads(out.read_text(encoding="utf-8"))
    # Each of two files: a bar of rest, then two bars of eighths, a semitone up each.
    assert found["rhythms"] == {"x-" * 8: 4}
    assert sum(sum(row) for row in found["intervals"].values()) == 30
    assert found["intervals"]["step up"][13] == 28
    assert found["intervals"]["repeat"][13] == 2  # the first ones, which follow nothing
