"""Clips are aligned to the sample and told silent by the rule; what is written is read."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.errors import NoRoomError, TrainingError
from models.notes import Note
from models.training.guide.pairs.database import LIST, Database, Pair, is_silent, level_of, read_clips, starts
from models.training.guide.pairs.spectrogram import (
    CLIP,
    FRAMES,
    HOP,
    MELS,
    RATE,
    decibels,
    sound,
    spectrogram,
)
from tests.models.training.guide.pairs.songs import TUNE, clicks, voice
from tests.support.extras import needs


def sine(level_db: float, hertz: float = 1000.0) -> np.ndarray:
    wave = np.sin(2.0 * np.pi * hertz * np.arange(CLIP) / RATE) * 10.0 ** (level_db / 20.0)
    return np.asarray(wave, np.float32)


def pair_of(seconds: float, name: str = "song") -> Pair:
    notes = (Note(1.0, 2.0, 60), Note(9.5, 1.0, 62, 90, "la"))
    return Pair(name, "key", {"licence": "CC0"}, clicks(seconds), voice(TUNE, seconds), notes)


def test_a_spectrogram_tells_levels_in_decibels() -> None:
    loud, quiet = (spectrogram(sine(db)) for db in (-10.0, -30.0))
    assert loud.shape == (MELS, FRAMES) == (80, 860)
    inside = slice(4, -4)
    band = int(loud[:, 400].argmax())
    assert (decibels(loud) - decibels(quiet))[band, inside] == pytest.approx(20.0, abs=0.01)
    assert decibels(loud)[band, 400] == pytest.approx(-15.0, abs=1.0)
    assert spectrogram(np.zeros(CLIP, np.float32)).max() == 0.0


def test_frames_are_centred_at_multiples_of_the_hop() -> None:
    click = np.zeros(CLIP, np.float32)
    click[300 * HOP] = 1.0
    found = spectrogram(click).sum(axis=0)
    assert int(found.argmax()) == 300
    assert found[297] == pytest.approx(found[303])


@pytest.mark.parametrize(("over", "silent"), [(26.5, True), (27.5, False), (60.0, False)])
def test_a_vocal_is_silent_below_27_db_over_the_floor(over: float, silent: bool) -> None:
    full = level_of(spectrogram(sine(0.0)))  # what a sine of amplitude 1 has in its band
    found = spectrogram(sine(over - full))
    assert level_of(found) == pytest.approx(over, abs=0.1)
    assert is_silent(found) is silent


@pytest.mark.parametrize(
    ("seconds", "first"),
    [(0.0, []), (4.0, [0.0]), (10.0, [0.0]), (10.9, [0.0]), (15.0, [0.0, 5.0]), (25.0, [0.0, 10.0, 15.0])],
)
def test_a_song_is_cut_without_a_rest(seconds: float, first: list[float]) -> None:
    assert [at / RATE for at in starts(int(seconds * RATE))] == first


def test_clips_are_aligned_to_the_sample(tmp_path: Path) -> None:
    database = Database(tmp_path)
    pair = pair_of(14.0)
    assert database.add(pair) == 2
    assert database.write_list() == 2
    lines = [json.loads(line) for line in (tmp_path / LIST).read_text(encoding="utf-8").splitlines()]
    assert [line["start"] for line in lines] == [0.0, 4.0]
    for line in lines:
        at = round(line["start"] * RATE)
        for name, side in (("accompaniment", pair.accompaniment), ("vocal", pair.vocal)):
            audio, rate = soundfile.read(tmp_path / line[name], dtype="float32")
            assert (rate, audio.shape) == (RATE, (CLIP,))
            np.testing.assert_allclose(audio, side[at : at + CLIP], atol=1.0 / 32768.0)
    assert lines[0]["notes"] == [[1.0, 2.0, 60, 80, ""], [9.5, 0.5, 62, 90, "la"]]
    assert lines[1]["notes"] == [[5.5, 1.0, 62, 90, "la"]]
    assert lines[0]["licence"] == "CC0"


def test_what_is_written_is_read(tmp_path: Path) -> None:
    database = Database(tmp_path)
    pair = pair_of(12.0)
    database.add(pair)
    database.write_list()
    first, last = read_clips(tmp_path)
    assert first.song == "song"
    np.testing.assert_allclose(first.vocal, spectrogram(pair.vocal[:CLIP]), atol=1e-3)
    np.testing.assert_allclose(last.accompaniment, spectrogram(pair.accompaniment[-CLIP:]), atol=1e-3)


def test_a_song_is_known_until_it_changes_or_loses_a_file(tmp_path: Path) -> None:
    database = Database(tmp_path)
    database.add(pair_of(12.0))
    assert database.has("song", "key")
    assert not database.has("song", "another")
    assert not database.has("other", "key")
    next((tmp_path / "clips").glob("*vocal.flac")).unlink()
    assert not database.has("song", "key")


def test_a_full_disk_is_told_and_leaves_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    database = Database(tmp_path)
    monkeypatch.setattr(soundfile, "write", write)
    with pytest.raises(NoRoomError, match=r"cannot be written: No space left on device; free some space"):
        database.add(pair_of(10.0))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("harm", ["no list", "no lines", "no file", "not whole", "not a list"])
def test_a_damaged_database_is_refused_in_a_sentence(tmp_path: Path, harm: str) -> None:
    database = Database(tmp_path)
    database.add(pair_of(10.0))
    database.write_list()
    (spectra,) = (tmp_path / "clips").glob("*.npz")
    if harm == "no list":
        (tmp_path / LIST).unlink()
    elif harm == "no lines":
        (tmp_path / LIST).write_text("")
    elif harm == "no file":
        spectra.unlink()
    elif harm == "not whole":
        spectra.write_bytes(spectra.read_bytes()[:5000])
    else:
        (tmp_path / LIST).write_text("[1]\n")
    with pytest.raises(TrainingError, match=r"pairs\.jsonl .*(make it again|give songs)"):
        read_clips(tmp_path)


def test_a_spectrogram_becomes_sound_again() -> None:
    needs("librosa")
    wanted = spectrogram(voice(TUNE, 10.0))
    again = spectrogram(sound(wanted))
    loud = wanted > 0.4
    assert np.abs(decibels(again) - decibels(wanted))[loud].mean() < 4.0
