"""The command makes pairs of stems, mixes and voices, goes on where it was stopped, and refuses plainly."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from models.training.guide.pairs.database import LIST, Database
from models.training.guide.pairs.run import main
from models.training.guide.pairs.sources import moved
from models.training.guide.pairs.spectrogram import CLIP
from models.training.guide.songs import arranged
from models.training.guide.tunes import read_tune
from tests.models.training.guide.pairs.songs import RATE, TUNE, clicks, voice, write, write_melody
from tests.models.training.guide.pairs.test_separator import low_high


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / LIST).read_text(encoding="utf-8").splitlines()]


def song(folder: Path, seconds: float = 12.0) -> None:
    write(folder / "Lead Vocal.wav", voice(TUNE, seconds))
    write(folder / "instrumental.wav", clicks(seconds))


def test_stems_become_clips(tmp_path: Path) -> None:
    song(tmp_path / "songs" / "one")
    (tmp_path / "songs" / "one" / "LICENSE.txt").write_text("\nCC BY 4.0, somebody\n")
    write(tmp_path / "songs" / "two" / "vocals.wav", voice(TUNE, 10.0, 48000), 48000)
    for name in ("bass", "drums"):
        write(tmp_path / "songs" / "two" / f"{name}.wav", clicks(10.0, 48000), 48000)
    write(tmp_path / "songs" / "two" / "mixture.wav", clicks(10.0), 22050)
    arguments = [str(tmp_path / "songs"), "-o", str(tmp_path / "pairs"), "--licence", "CC0"]
    assert main(arguments) == 0
    one, also, two = lines_of(tmp_path / "pairs")
    assert (one["song"], also["song"], two["song"]) == ("one", "one", "two")
    assert (one["licence"], two["licence"]) == ("CC BY 4.0, somebody", "CC0")
    assert two["source"] == ["vocals.wav", "bass.wav", "drums.wav"]
    assert [note[2] for note in one["notes"]] == [pitch for _, _, pitch in TUNE]
    assert [note[0] for note in one["notes"]] == pytest.approx([start for start, *_ in TUNE], abs=0.03)
    backing, _ = soundfile.read(tmp_path / "pairs" / two["accompaniment"])
    sung, _ = soundfile.read(tmp_path / "pairs" / two["vocal"])
    assert int(np.abs(backing[15000:25000]).argmax()) + 15000 == pytest.approx(RATE, abs=1)  # the third click
    assert np.abs(sung).max() > 0.2


def test_a_silent_vocal_leaves_no_clip(tmp_path: Path) -> None:
    write(tmp_path / "songs" / "one" / "vocal.wav", voice(TUNE, 20.0))  # silent from 5 s on
    write(tmp_path / "songs" / "one" / "band.wav", clicks(20.0))
    assert main([str(tmp_path / "songs"), "-o", str(tmp_path / "pairs")]) == 0
    assert [line["start"] for line in lines_of(tmp_path / "pairs")] == [0.0]


def test_a_mix_goes_through_the_separator(tmp_path: Path) -> None:
    write(tmp_path / "songs" / "mix.wav", voice(TUNE, 10.0, level=0.1) + clicks(10.0))
    separator = low_high(tmp_path / "s.onnx")
    arguments = [str(tmp_path / "songs"), "--separator", str(separator), "-o", str(tmp_path / "pairs")]
    assert main(arguments) == 0
    (line,) = lines_of(tmp_path / "pairs")
    assert [note[2] for note in line["notes"]] == [pitch for _, _, pitch in TUNE]


@pytest.fixture
def voices(tmp_path: Path) -> Path:
    write(tmp_path / "voices" / "alto.wav", voice(TUNE, 6.0))
    write_melody(tmp_path / "voices" / "alto.mid")
    write(tmp_path / "voices" / "without.wav", voice(TUNE, 6.0))
    return tmp_path / "voices"


def test_a_voice_is_accompanied_in_several_keys_and_stays_real(
    voices: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--made", str(voices), "--versions", "3", "-o", str(tmp_path / "pairs")]) == 0
    assert "without.wav has no without.mid beside it; left out" in capsys.readouterr().err
    lines = lines_of(tmp_path / "pairs")
    assert [line["made"]["shift"] for line in lines] == [0, -1, 1]
    assert {line["recording"] for line in lines} == {"alto"}
    for line in lines:
        ratio = 2.0 ** (line["made"]["shift"] / 12.0)
        assert [note[2] for note in line["notes"]] == [pitch + line["made"]["shift"] for *_, pitch in TUNE]
        assert [note[0] for note in line["notes"]] == pytest.approx(
            [start / ratio for start, *_ in TUNE], abs=1e-3
        )
        assert line["made"]["bpm"] == pytest.approx(120.0 * ratio, abs=0.01)
    sung, _ = soundfile.read(tmp_path / "pairs" / lines[0]["vocal"], dtype="float32")
    np.testing.assert_allclose(sung[: 6 * RATE], voice(TUNE, 6.0), atol=2e-3)
    backing, _ = soundfile.read(tmp_path / "pairs" / lines[0]["accompaniment"])
    assert np.square(backing[: 5 * RATE]).mean() > 1e-5


def test_a_song_that_runs_faster_is_higher_and_shorter(voices: Path) -> None:
    first = arranged(read_tune(voices / "alto.mid"), np.random.default_rng(0), moved=False)
    fast = moved(first, 2)
    ratio = 2.0 ** (2 / 12)
    for before, after in zip(first.sung(), fast.sung(), strict=True):
        assert after.pitch == before.pitch + 2
        assert after.start * ratio == pytest.approx(before.start)
    assert fast.chords[0].root == (first.chords[0].root + 2) % 12


def test_the_same_command_goes_on_and_changed_songs_are_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    songs, pairs = tmp_path / "songs", tmp_path / "pairs"
    for name in ("a", "b", "c"):
        song(songs / name, 10.0)
    arguments = [str(songs), "-o", str(pairs)]
    added: list[str] = []
    add = Database.add

    def adding(self: Database, pair: Any) -> int:  # noqa: ANN401 - as it is given
        if pair.name == "b" and not added[1:]:
            added.append("stopped")
            raise KeyboardInterrupt
        added.append(pair.name)
        return add(self, pair)

    monkeypatch.setattr(Database, "add", adding)
    assert main(arguments) == 130
    assert [line["song"] for line in lines_of(pairs)] == ["a"]
    assert main(arguments) == 0
    assert added == ["a", "stopped", "b", "c"]
    before = {path: path.read_bytes() for path in sorted(pairs.rglob("*.*"))}
    assert main(arguments) == 0
    assert {path: path.read_bytes() for path in sorted(pairs.rglob("*.*"))} == before
    write(songs / "c" / "instrumental.wav", 0.5 * clicks(10.0))
    assert main(arguments) == 0
    assert added == ["a", "stopped", "b", "c", "c"]
    assert len(lines_of(pairs)) == 3
    assert not [path for path in pairs.rglob("*") if path.name.endswith(".part")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to make pairs of"),
        (["EMPTY"], "holds no recordings"),
        (["MIX"], "holds no vocal with an accompaniment; name its stems vocal.wav"),
        (["SILENT"], "no clip in which somebody sings"),
        (["BROKEN"], "cannot be read as audio"),
        (["MIX", "--separator", "NONE"], "is not a readable ONNX model|cannot be read"),
        (["--made", "MIX"], "no recording with a MIDI file"),
        (["--made", "MIX", "--versions", "0"], "0 versions"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "EMPTY").mkdir()
    write(tmp_path / "MIX" / "song.wav", clicks(2.0))
    write(tmp_path / "SILENT" / "one" / "vocal.wav", np.zeros(CLIP, np.float32))
    write(tmp_path / "SILENT" / "one" / "band.wav", clicks(2.0))
    song(tmp_path / "BROKEN" / "one")
    (tmp_path / "BROKEN" / "one" / "instrumental.wav").write_text("no audio")
    given = [str(tmp_path / one) if one.isupper() else one for one in arguments]
    assert main([*given, "-o", str(tmp_path / "pairs")]) == 2
    *_, last = capsys.readouterr().err.strip().split("\n")
    assert re.search(message, last)
    assert last.startswith("python -m models.training.guide.pairs: ")
