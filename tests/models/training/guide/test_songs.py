"""Made-up songs: tunes are read on the grid, and get chords that fit and a sound that holds them."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest

from models.errors import TrainingError
from models.guide.chords import Chord, Key, key_of
from models.guide.steps import BEATS_PER_BAR, PER_BAR, GridNote
from models.training.guide.instruments import RATE, TAIL_SECONDS, accompaniment
from models.training.guide.songs import Song, arranged, harmony
from models.training.guide.styles import STYLES, Style
from models.training.guide.tunes import Tune, read_tune

SCALE = [60, 64, 67, 72, 71, 67, 62, 67, 69, 65, 60, 65, 64, 60, 67, 60]
"""Four bars of quarters: C, G, F, C."""
TUNE = Tune("scale", 100.0, Key(0), tuple(GridNote(4 * i, 4, pitch) for i, pitch in enumerate(SCALE)))


def midi_file(path: Path, *, key: str | None = "Eb", notes: int = 8, off: int = 0) -> Path:
    """Write eighths from E flat up, at 90 beats a minute, from the second bar on."""
    song = mido.MidiFile(ticks_per_beat=480)
    track = song.add_track()
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(90)))
    if key:
        track.append(mido.MetaMessage("key_signature", key=key))
    for number in range(notes):
        start = 4 * 480 + off if number == 0 else 0
        track.append(mido.Message("note_on", note=63 + number, velocity=90, time=start))
        track.append(mido.Message("note_on", note=63 + number, velocity=0, time=240))
    song.save(path)
    return path


@pytest.mark.parametrize("off", [0, 7, -9])
def test_a_tune_is_read_on_the_grid(tmp_path: Path, off: int) -> None:
    tune = read_tune(midi_file(tmp_path / "tune.mid", off=off))
    assert (tune.name, tune.key, tune.bars) == ("tune", Key(3), 2)
    assert tune.bpm == pytest.approx(90.0, abs=0.01)
    assert tune.notes == tuple(GridNote(PER_BAR + 2 * n, 2, 63 + n) for n in range(8))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: midi_file(path, key=None), "names no key; write a key signature"),
        (lambda path: midi_file(path, notes=3), "holds 3 notes and a tune 8 or more"),
        (lambda path: path.write_bytes(b"MThd nothing"), "cannot be read as MIDI"),
    ],
)
def test_what_is_no_tune_is_refused_in_a_sentence(tmp_path: Path, make: object, sentence: str) -> None:
    assert callable(make)
    make(tmp_path / "odd.mid")
    with pytest.raises(TrainingError, match=sentence):
        read_tune(tmp_path / "odd.mid")


def test_the_chords_fit_the_melody() -> None:
    style = STYLES[0]._replace(surprise=1e-6, sevenths=0.0, suspended=0.0)
    found = harmony(TUNE.notes, TUNE.key, TUNE.bars, style, np.random.default_rng(3))
    assert len(found) == TUNE.bars * BEATS_PER_BAR
    assert [chord.name for chord in found[::4]] == ["C", "G", "F", "C"]


def test_a_song_keeps_the_tune_in_another_key_and_tempo() -> None:
    song = arranged(TUNE, np.random.default_rng(5))
    shift = song.notes[0].pitch - TUNE.notes[0].pitch
    assert shift != 0
    assert song.bpm != TUNE.bpm
    assert [note.pitch - shift for note in song.notes] == SCALE
    assert set(song.key.scale) == set(Key(0).moved(shift).scale)
    assert song.sung()[4].start == pytest.approx(song.start + 4 * 60.0 / song.bpm)
    assert arranged(TUNE, np.random.default_rng(5)) == song


def test_a_song_that_is_not_moved_lies_beside_its_recording() -> None:
    song = arranged(TUNE, np.random.default_rng(5), moved=False)
    assert (song.notes, song.bpm, song.start) == (TUNE.notes, TUNE.bpm, 0.0)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_the_sound_holds_the_chord(style: Style) -> None:
    song = Song("", 110.0, 0.5, Key(2), style, (Chord(2),) * 8, ())
    x = accompaniment(song, np.random.default_rng(1))
    assert x.dtype == np.float32
    assert x.size == round((song.seconds + TAIL_SECONDS) * RATE)
    power = np.square(np.abs(np.fft.rfft(x[RATE // 2 :])))
    hertz = np.fft.rfftfreq(x.size - RATE // 2, 1.0 / RATE)
    near = (hertz > 155.0) & (hertz < 320.0)  # the octave of the chords
    classes = np.round(12.0 * np.log2(hertz[near] / 440.0) + 9.0).astype(int) % 12
    chroma = np.bincount(classes, power[near], 12)
    assert set(np.argsort(chroma)[-3:]) == {2, 6, 9}


def test_keys_are_read_as_people_write_them() -> None:
    assert key_of("Eb") == Key(3)
    assert key_of("c# minor") == Key(1, "minor")
    assert key_of("Bbm") == Key(10, "minor")
    assert key_of("F♯ major").name == "F# major"
    with pytest.raises(ValueError, match="'H' names no key; give one such as"):
        key_of("H")
