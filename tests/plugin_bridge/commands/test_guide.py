"""`plugin-bridge guide`: a backing track becomes a vocal in time with it, its notes and a mix."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.training.guide.instruments import RATE, accompaniment
from models.transcription import heard_notes
from plugin_bridge import cli
from plugin_bridge.commands.guide import note_number
from plugin_bridge.midi.notesfile import read_notes
from tests.models.guide.conftest import song_of
from tests.support.extras import needs
from tests.support.singerfiles import write_singer


@pytest.fixture(scope="module")
def backing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen bars of a band in stereo."""
    needs("librosa")
    song = song_of("minor", 0, 120.0, "rock", 0.25)
    sound = accompaniment(song, np.random.default_rng(4))[: 12 * RATE]
    path = tmp_path_factory.mktemp("guide") / "band.wav"
    soundfile.write(path, np.stack([0.5 * sound, 0.4 * sound], axis=1), RATE, "PCM_16")
    return path


@pytest.fixture
def guide(tmp_path: Path, backing: Path) -> Callable[..., int]:
    """Run the command on the backing track, with a small singer, into `tmp_path`."""
    singer = write_singer(tmp_path / "dark.onnx", -2.0, 220.0)

    def run(*words: str) -> int:
        return cli.main(["guide", str(backing), f"--singer={singer}", *words])

    return run


def test_a_backing_track_gets_a_vocal_its_notes_and_a_mix(
    tmp_path: Path, backing: Path, guide: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    vocal, midi, mix = (tmp_path / name for name in ("g.wav", "g.mid", "mix.flac"))
    asked = (f"--midi={midi}", f"--mix={mix}", "--low=A3", "--high=64", "--seed=7")
    assert guide("-o", str(vocal), *asked, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["key"] == "A minor"
    assert told["bpm"] == pytest.approx(120.0, rel=0.01)
    assert {"Am", "C", "G"} <= {chord["chord"] for chord in told["chords"]}
    melody = told["melody"]
    assert len(melody) > 8
    assert all(57 <= note["pitch"] <= 64 for note in melody)
    notes = read_notes(midi)
    assert [note.pitch for note in notes] == [note["pitch"] for note in melody]
    assert [note.lyric for note in notes] == [note["lyric"] for note in melody]
    starts = [note["start"] for note in melody]
    assert np.array([note.start for note in notes]) == pytest.approx(starts, abs=0.001)
    sound, rate = soundfile.read(vocal, dtype="float32")
    assert (rate, sound.ndim) == (24000, 1)  # the native rate above that of the backing track
    sung = {note.pitch for note in heard_notes(sound, rate)}
    assert sung <= {note.pitch for note in notes}
    assert len(sung) > 1
    mixed, music = soundfile.info(mix), soundfile.info(backing)
    assert (mixed.frames, mixed.channels, mixed.samplerate) == (music.frames, 2, RATE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dark.onnx", "g.mid", "g.wav", "mix.flac"]


def test_a_seed_names_the_melody_and_the_take(tmp_path: Path, guide: Callable[..., int]) -> None:
    for name, seed in (("one", 3), ("same", 3), ("other", 4)):
        assert guide("-o", str(tmp_path / f"{name}.wav"), f"--seed={seed}", "--lyrics=la") == 0
    sounds = [(tmp_path / f"{name}.wav").read_bytes() for name in ("one", "same", "other")]
    assert sounds[0] == sounds[1]
    assert sounds[0] != sounds[2]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--midi=g.txt",), "'g.txt' does not end like notes; use .mid"),
        (("--mix=g.mp5",), "'g.mp5' does not end like an output"),
        (("--style=polka",), "'polka' is no style of the guide; choose from pop"),
        (("--composer=bach",), "'bach' is no composer; choose from"),
        (("--key=H",), "'H' names no key"),
        (("--low=70", "--high=60"), "the range 70 to 60 cannot be sung"),
        (("--low=H3",), "'H3' is no note; give one as A3, F#4 or a MIDI number"),
        (("--density=2",), "'2' does not fit; give a number from 0 to 1"),
        (("--lyrics= ",), "the lyrics are empty; leave them out"),
        (("--mix=g.wav",), "two outputs have the name g.wav"),
        (("--singer=nobody",), "singer 'nobody' is unknown"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(
    tmp_path: Path,
    guide: Callable[..., int],
    words: tuple[str, ...],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        status = guide("-o", "g.wav", *words)
    except SystemExit as ended:
        status = int(str(ended.code))
    assert status == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert len(told.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dark.onnx"]


def test_silence_and_the_backing_track_itself_are_refused(
    tmp_path: Path, backing: Path, guide: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    before = backing.read_bytes()
    assert guide("-o", str(backing), "--force") == 2
    assert "is the backing track itself" in capsys.readouterr().err
    assert backing.read_bytes() == before
    soundfile.write(tmp_path / "silent.wav", np.zeros(10 * RATE), RATE)
    assert cli.main(["guide", str(tmp_path / "silent.wav"), f"--singer={tmp_path / 'dark.onnx'}"]) == 2
    assert "silent" in capsys.readouterr().err


def test_notes_are_named_as_musicians_do() -> None:
    assert [note_number(text) for text in ("A4", "c4", "F#3", "Bb3", "B♭3", "Cb4", "B#3", "57", "C-1")] == [
        *(69, 60, 54, 58, 58, 59, 60, 57, 0)
    ]
    for text in ("H4", "C", "128", "G#9", "A44", "", "12.5", "-1", "٤"):
        with pytest.raises(argparse.ArgumentTypeError, match="is no note"):
            note_number(text)
