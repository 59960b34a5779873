"""Vowels begin on their notes, whatever the notes are; consonants, closures and breaths find room."""

from __future__ import annotations

import itertools

import pytest

from models.notes import Note
from models.pronunciation.phones import SungPhone, check
from plugin_bridge.singing.timing import sung_phones
from tests.plugin_bridge.singing.melodies import line, sung, wild


def named(phones: list[SungPhone]) -> str:
    return " ".join(phone.name for phone in phones)


def starts(phones: list[SungPhone], name: str) -> list[float]:
    return [round(phone.start, 6) for phone in phones if phone.name == name]


def test_vowels_begin_on_their_notes_and_consonants_before() -> None:
    phones = sung_phones(sung(line(60, 62, 64), "さくら"))
    assert named(phones) == "br s a k u r a"
    assert [phone.start for phone in phones if phone.name in "aiueo"] == [1.0, 1.5, 2.0]
    s, k, r = (phone for phone in phones if phone.name in "skr")
    assert (s.stop, k.stop, r.stop) == (1.0, 1.5, 2.0)
    assert s.stop - s.start == pytest.approx(0.118)  # medians of pjs
    assert k.stop - k.start == pytest.approx(0.085)
    assert r.stop - r.start == pytest.approx(0.041)
    assert phones[-1].stop == 2.5


def test_consonants_give_way_to_a_short_note_before() -> None:
    phones = sung_phones(sung(line(60, 62, seconds=0.1), "a sa"))
    vowel = next(phone for phone in phones if phone.name == "a")
    assert vowel.stop - vowel.start == pytest.approx(0.045)
    assert starts(phones, "a") == [1.0, 1.1]


def test_at_the_very_start_the_vowel_begins_late_by_no_more_than_half_a_consonant() -> None:
    phones = sung_phones(sung(line(60, start=0.0), "sa"))
    assert named(phones) == "s a"
    assert phones[0].start == 0.0
    assert phones[1].start == pytest.approx(0.4 * 0.118)


def test_codas_close_their_notes() -> None:
    phones = sung_phones(sung(line(60, 62, 64), "がっこう hey love"))
    assert named(sung_phones(sung(line(60, 62), "がっこ"))) == "br g a cl k o"
    phones = sung_phones(sung(line(60, 62), "hey love"))
    assert named(phones) == "br h e i r a b"
    assert phones[-1].stop == 2.0
    glide = phones[3]
    assert glide.stop == phones[4].start
    assert glide.stop - glide.start == pytest.approx(0.11)


def test_held_notes_are_one_vowel() -> None:
    phones = sung_phones(sung(line(60, 62, 64, 65), "love - - la"))
    assert named(phones) == "br r a b r a"
    vowel = phones[2]
    assert vowel.start == 1.0
    assert vowel.stop == pytest.approx(2.5 - 0.041 - 0.057)


def test_a_hold_after_a_rest_sings_the_vowel_again() -> None:
    notes = [Note(1.0, 0.5, 60), Note(2.0, 0.5, 60)]
    assert named(sung_phones(sung(notes, "ku -"))) == "br k u br u"
    assert named(sung_phones(sung(notes, "- -"))) == "br a br a"


def test_small_gaps_are_sung_through_and_rests_are_silent() -> None:
    phones = sung_phones(sung([Note(0.5, 0.45, 60), Note(1.0, 0.4, 60), Note(1.5, 0.5, 60)], "a i u"))
    assert [(phone.name, phone.start, phone.stop) for phone in phones][-3:] == [
        ("a", 0.5, 1.0),
        ("i", 1.0, 1.4),
        ("u", 1.5, 2.0),
    ]


@pytest.mark.parametrize(("rest", "breath"), [(0.19, 0.0), (0.3, 0.21), (0.5, 0.35), (5.0, 0.45)])
def test_a_breath_is_taken_where_a_rest_has_room(rest: float, breath: float) -> None:
    phones = sung_phones(sung([Note(0.0, 0.5, 60), Note(0.5 + rest, 0.5, 62)], "a"))
    breaths = [phone for phone in phones if phone.name == "br"]
    assert sum(phone.stop - phone.start for phone in breaths) == pytest.approx(breath)
    for phone in breaths:
        assert phone.start > 0.5
        assert 0.0 < 0.5 + rest - phone.stop <= 0.08 + 1e-9


@pytest.mark.parametrize("seed", range(30))
def test_any_melody_gives_phones_in_order_with_a_vowel_for_each_syllable(seed: int) -> None:
    notes = wild(seed)
    phones = sung_phones(notes)
    check(phones)
    begun = [phone.start for phone in phones if phone.name in "aiueoN"]
    for one, following in itertools.pairwise(notes):
        if one.syllable.nucleus != "-" and following.syllable.nucleus != "-":
            late = min(abs(start - one.note.start) for start in begun)
            assert late <= 0.3 * one.note.seconds + 0.15 * (one.note.start < 0.3) + 1e-9


def test_two_thousand_notes_and_one_of_a_minute() -> None:
    check(sung_phones(sung(line(*[60, 64] * 1000, seconds=0.1), "sa ku ra")))
    (_, _, vowel) = sung_phones(sung(line(60, seconds=60.0), "la"))
    assert vowel.stop - vowel.start == 60.0
