"""One voice of any notes, and their words."""

from __future__ import annotations

import pytest

from models.notes import Note
from plugin_bridge.singing.lyrics import syllables
from plugin_bridge.singing.melody import MAX_SECONDS, USUAL, checked, one_voice, phrases, with_words
from tests.plugin_bridge.singing.melodies import line, sung


def texts(notes: list[Note], words: str = "") -> list[str]:
    return [one.syllable.text for one in sung(notes, words)]


def test_a_note_ends_where_the_next_begins() -> None:
    found = one_voice([Note(0.5, 1.0, 62), Note(0.0, 1.0, 60), Note(1.5, 1.0, 64)])
    assert [(note.start, note.seconds, note.pitch) for note in found] == [
        (0.0, 0.5, 60),
        (0.5, 1.0, 62),
        (1.5, 1.0, 64),
    ]


def test_the_top_of_a_chord_is_sung_from_its_first_note_on_and_the_others_are_told() -> None:
    said: list[str] = []
    found = one_voice([Note(0.0, 1.0, 60, 80, "la"), Note(0.01, 1.0, 67), Note(0.02, 1.0, 64)], said.append)
    assert found == [Note(0.0, 1.01, 67, 80, "la")]
    assert said[0].startswith("2 of 3 notes begin together with a higher one, which alone is sung")


def test_notes_of_ten_milliseconds_are_no_chord() -> None:
    quick = [Note(0.01 * i, 0.01, 60 + i) for i in range(5)]
    assert [note.pitch for note in one_voice(quick)] == [60, 61, 62, 63, 64]


def test_words_begin_again_and_too_many_are_told() -> None:
    said: list[str] = []
    notes = line(60, 62, 64, 65, 67)
    assert texts(notes, "さく ら") == ["さ", "く", "ら", "さ", "く"]
    with_words(notes, syllables("a i u e o ka ki"), said.append)
    assert said == ["the lyrics have 7 syllables for 5 notes; the last 2 are left out"]


def test_the_own_words_of_notes_are_sung_where_none_are_given() -> None:
    notes = [
        note._replace(lyric=text)
        for note, text in zip(line(60, 62, 64, 65), ["sa", "", "kura", "san"], strict=True)
    ]
    found = sung(notes)
    assert [(one.note.start, one.syllable.text, one.syllable.coda) for one in found] == [
        (1.0, "sa", ()),
        (1.5, "-", ()),
        (2.0, "ku", ()),
        (2.25, "ra", ()),
        (2.5, "san", ("N",)),
    ]


def test_notes_without_any_words_are_sung_on_la() -> None:
    assert [one.syllable for one in sung(line(60, 62))] == [USUAL, USUAL]


@pytest.mark.parametrize(
    ("note", "sentence"),
    [
        (Note(-0.1, 1.0, 60), "the note at -0.1 s of 1 s cannot be sung"),
        (Note(0.0, 0.0, 60), "of 0 s cannot be sung; give a start from 0, a length above 0"),
        (Note(float("nan"), 1.0, 60), "cannot be sung"),
        (Note(0.0, float("inf"), 60), "cannot be sung"),
        (Note(0.0, MAX_SECONDS + 1, 60), "cannot be sung"),
        (Note(0.0, 1.0, 128), "has pitch 128 and velocity 80; give 0 to 127 and 1 to 127"),
        (Note(0.0, 1.0, 60, 0), "has pitch 60 and velocity 0"),
    ],
)
def test_numbers_out_of_range_are_refused(note: Note, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        checked([note])


def test_rests_part_phrases_but_small_gaps_do_not() -> None:
    notes = [Note(0.0, 0.5, 60), Note(0.55, 0.5, 60), Note(1.2, 0.5, 60)]
    assert [len(phrase) for phrase in phrases(sung(notes))] == [2, 1]
