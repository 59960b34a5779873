"""Notes and their words to a MIDI file and back, karaoke files, and which part is sung."""

from __future__ import annotations

from pathlib import Path

import mido
import pytest

from models.notes import Note
from plugin_bridge.errors import OutputError, ScoreError
from plugin_bridge.midi.notesfile import read_notes, write_notes

MELODY = [
    Note(0.0, 0.5, 60, 80, "さ"),
    Note(0.5, 0.25, 62, 1, "く"),
    Note(0.75, 0.013, 127, 127, "ら"),
    Note(2.0, 60.0, 0, 64, "-"),
    Note(90.0, 1.0, 64, 100, ""),
]


def saved(path: Path, *tracks: list[mido.Message | mido.MetaMessage], charset: str = "latin1") -> Path:
    file = mido.MidiFile(type=1, ticks_per_beat=480, charset=charset)
    file.tracks.extend(mido.MidiTrack(track) for track in tracks)
    file.save(path)
    return path


def sung(*pitches: int, channel: int = 0) -> list[mido.Message | mido.MetaMessage]:
    """Notes of a beat each."""
    found: list[mido.Message | mido.MetaMessage] = []
    for pitch in pitches:
        found.append(mido.Message("note_on", note=pitch, channel=channel))
        found.append(mido.Message("note_off", note=pitch, channel=channel, time=480))
    return found


def worded(kind: str, *texts: str) -> list[mido.Message | mido.MetaMessage]:
    """Words a beat apart, from the start."""
    return [mido.MetaMessage(kind, text=text, time=480 * (i > 0)) for i, text in enumerate(texts)]


@pytest.mark.parametrize("tempo", [120.0, 77.7, 10.0, 400.0])
def test_a_melody_comes_back_as_it_was(tmp_path: Path, tempo: float) -> None:
    write_notes(tmp_path / "a.mid", MELODY, tempo=tempo)
    found = read_notes(tmp_path / "a.mid")
    assert [note[2:] for note in found] == [note[2:] for note in MELODY]
    half_tick = 0.5 * 60.0 / tempo / 960
    for note, meant in zip(found, MELODY, strict=True):
        assert note.start == pytest.approx(meant.start, abs=half_tick + 1e-4)
        assert note.stop == pytest.approx(meant.stop, abs=half_tick + 1e-4)


def test_other_programs_read_it(tmp_path: Path) -> None:
    write_notes(tmp_path / "a.mid", MELODY, tempo=100.0, name="guide")
    file = mido.MidiFile(tmp_path / "a.mid", charset="utf-8")
    assert [message.tempo for message in file.tracks[0] if message.type == "set_tempo"] == [600_000]
    assert file.tracks[1].name == "guide"
    assert [m.text for m in file.tracks[1] if m.type == "lyrics"] == ["さ", "く", "ら", "-"]
    assert file.length == pytest.approx(91.0, abs=0.01)


def test_no_notes_make_an_empty_melody(tmp_path: Path) -> None:
    write_notes(tmp_path / "a.mid", [])
    assert read_notes(tmp_path / "a.mid") == []


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        write_notes(tmp_path / "a.mid", MELODY)
    assert (tmp_path / "a.mid").read_bytes() == b"mine"
    write_notes(tmp_path / "a.mid", MELODY, force=True)
    assert len(read_notes(tmp_path / "a.mid")) == len(MELODY)


@pytest.mark.parametrize("tempo", [0.0, 9.0, 1001.0, float("nan")])
def test_an_impossible_tempo_is_refused_and_nothing_written(tmp_path: Path, tempo: float) -> None:
    with pytest.raises(ValueError, match="out of range; give 10 to 1000 beats a minute"):
        write_notes(tmp_path / "a.mid", MELODY, tempo=tempo)
    assert list(tmp_path.iterdir()) == []


def test_tempo_changes_move_notes(tmp_path: Path) -> None:
    tempos = [
        mido.MetaMessage("set_tempo", tempo=500_000),
        mido.MetaMessage("set_tempo", tempo=250_000, time=480),
    ]
    found = read_notes(saved(tmp_path / "a.mid", tempos, sung(60, 62, 64)))
    assert [(note.start, note.seconds) for note in found] == [(0.0, 0.5), (0.5, 0.25), (0.75, 0.25)]


def test_a_karaoke_file_is_read_with_its_words(tmp_path: Path) -> None:
    title = [mido.MetaMessage("text", text=text) for text in ("@KMIDI KARAOKE FILE", "@TSong")]
    words = worded("text", "\\Twin", "kle ", "/twin", "kle")
    path = saved(tmp_path / "a.kar", [*title, *words], sung(*range(30, 50), channel=3), sung(60, 60, 67, 67))
    said: list[str] = []
    found = read_notes(path, said.append)
    assert [(note.pitch, note.lyric) for note in found] == [
        (60, "Twin"),
        (60, "kle"),
        (67, "twin"),
        (67, "kle"),
    ]
    assert "track 3 channel 1 is sung, which leaves out 20 notes of track 2 channel 4" in said[0]


@pytest.mark.parametrize("charset", ["utf-8", "cp932"])
def test_words_are_read_in_the_encodings_of_karaoke(tmp_path: Path, charset: str) -> None:
    path = saved(tmp_path / "a.mid", worded("lyrics", "さ", "く", "ら"), sung(60, 62, 64), charset=charset)
    assert [note.lyric for note in read_notes(path)] == ["さ", "く", "ら"]


def test_words_of_europe_stay_what_they_are(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.mid", worded("lyrics", "é", "tü"), sung(60, 62))
    assert [note.lyric for note in read_notes(path)] == ["é", "tü"]


def test_comments_are_no_words(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.mid", worded("text", "Exported by a program", "verse"), sung(60, 62))
    assert [note.lyric for note in read_notes(path)] == ["", ""]


def test_words_without_a_note_are_told(tmp_path: Path) -> None:
    said: list[str] = []
    path = saved(tmp_path / "a.mid", worded("lyrics", "la", "la", "la"), sung(60, 62))
    assert [note.lyric for note in read_notes(path, said.append)] == ["la", "la"]
    assert said == [f"{path}: 1 syllable begins where no note does, left out"]


def test_drums_are_never_sung(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.mid", sung(*range(35, 60), channel=9), sung(60))
    assert [note.pitch for note in read_notes(path, channel=None)] == [60]


def test_a_note_struck_again_and_one_that_never_ends(tmp_path: Path) -> None:
    on = mido.Message("note_on", note=60, velocity=90)
    path = saved(
        tmp_path / "a.mid", [on, on.copy(time=480), mido.Message("control_change", control=7, time=960)]
    )
    assert read_notes(path) == [Note(0.0, 0.5, 60, 90), Note(0.5, 1.0, 60, 90)]


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("none.mid", None, "does not exist; check the path of the melody"),
        ("a.mid", b"RIFF", "is not a MIDI file or is damaged"),
    ],
)
def test_what_is_no_melody_is_refused(tmp_path: Path, name: str, data: bytes | None, sentence: str) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(ScoreError, match=sentence):
        read_notes(tmp_path / name)


def test_a_part_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.mid", sung(60))
    with pytest.raises(ScoreError, match="holds nothing on channel 5; choose among track 1 channel 1"):
        read_notes(path, channel=5)
