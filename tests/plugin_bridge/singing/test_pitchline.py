"""The pitch of a melody: in tune on held notes, and moving between them as voices do."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.notes import Note
from plugin_bridge.singing.pitchline import pitch_line
from tests.plugin_bridge.singing.melodies import line, sung, wild

Float64 = NDArray[np.float64]


def cents(notes: list[Note], words: str = "a", seconds: float = 10.0, seed: int = 0) -> Float64:
    """MIDI notes times 100 of each frame, not a number in rests."""
    hertz = pitch_line(sung(notes, words), int(100 * seconds), seed)
    with np.errstate(divide="ignore"):
        return np.where(hertz > 0.0, 6900.0 + 1200.0 * np.log2(hertz / 440.0), np.nan)


@pytest.mark.parametrize("seed", range(10))
def test_held_notes_are_in_tune(seed: int) -> None:
    notes = wild(seed)
    hertz = pitch_line(notes, int(100 * (notes[-1].note.stop + 1)), seed)
    off = []
    for note, _ in notes:
        if note.seconds > 0.3:
            held = hertz[round(100 * note.start) + 8 : round(100 * note.stop) - 8]
            off.append(np.mean(6900.0 + 1200.0 * np.log2(held / 440.0)) - 100.0 * note.pitch)
    assert np.median(np.abs(off)) < 5.0
    assert np.percentile(np.abs(off), 90) < 15.0


@pytest.mark.parametrize("interval", [-12, -7, -4, -2, -1, 1, 2, 4, 7, 12])
def test_a_glide_lies_before_the_note_lasts_some_100_ms_and_overshoots_a_little(interval: int) -> None:
    share = (cents(line(60, 60 + interval, seconds=0.3)) - 6000.0) / (100.0 * interval)
    at = np.arange(share.size) / 100.0
    near = (at > 1.15) & (at < 1.5)
    come = np.maximum.accumulate(share[near])
    tenth, half, nine = (np.interp(part, come, at[near]) for part in (0.1, 0.5, 0.9))
    assert 0.03 < nine - tenth < 0.16
    assert 1.24 < half < 1.31
    over = (np.nanmax(share[near]) - 1.0) * abs(interval)
    assert -0.05 < over < 0.6
    assert over > 0.03 or abs(interval) == 12


def test_a_glide_lies_in_the_consonant_where_there_is_one() -> None:
    def half(words: str, second: int) -> float:
        share = (cents(line(60, second), words)[130:175] - 6000.0) / (100.0 * (second - 60))
        return float(np.interp(0.5, np.maximum.accumulate(share), 1.3 + np.arange(45) / 100.0))

    for second in (56, 64):
        assert half("a sa", second) < half("a i", second) - 0.015
    assert half("a sa", 56) < half("a sa", 64) - 0.015  # down earlier than up


def test_singers_rise_more_slowly_than_they_fall() -> None:
    def taken(first: int, second: int) -> float:
        share = (cents(line(first, second))[130:175] - 100.0 * first) / (100.0 * (second - first))
        return float(np.count_nonzero((share > 0.1) & (share < 0.9) & (np.arange(45) < 25)))

    assert taken(60, 65) > taken(65, 60)


def test_vibrato_sets_in_late_at_five_to_six_hertz_and_grows() -> None:
    held = cents(line(60, seconds=3.0), seed=3)[100:380] - 6000.0
    assert np.ptp(held[8:20]) < 30.0
    early, late = np.ptp(held[25:45]), np.ptp(held[80:120])
    assert late > 60.0
    assert early < late
    swing = held[60:] - np.mean(held[60:])
    spectrum = np.abs(np.fft.rfft(swing * np.hanning(swing.size), 4096))
    assert 4.8 < np.argmax(spectrum) / 40.96 < 6.3


def test_short_notes_have_no_vibrato() -> None:
    held = cents(line(60, 64, 60, seconds=0.3))[103:119]
    assert np.ptp(held) < 45.0


def test_a_vibrato_goes_on_through_vowels_but_begins_anew_after_a_consonant() -> None:
    through = cents(line(60, 60, seconds=0.5), "a i")[152:170]
    anew = cents(line(60, 60, seconds=0.5), "a na")[152:165]
    assert np.ptp(through) > 60.0
    assert np.ptp(anew) < 35.0


def test_a_phrase_begins_from_below_and_sinks_at_its_end() -> None:
    found = cents(line(60, seconds=1.0))
    assert -110.0 < found[100] - 6000.0 < -15.0
    assert abs(found[117] - 6000.0) < 25.0
    assert found[199] < 6000.0 - 10.0


def test_rests_have_no_pitch_and_notes_have_it_before_and_after() -> None:
    found = cents([Note(1.0, 0.5, 60), Note(3.0, 0.5, 60)])
    assert np.isnan(found[[0, 70, 165, 270, 365]]).all()
    assert np.isfinite(found[[80, 100, 155, 280, 355]]).all()


def test_another_seed_is_another_take_and_a_longer_song_begins_with_the_shorter() -> None:
    short, long = line(60, 62), line(60, 62) + line(64, start=4.0)
    assert np.array_equal(cents(short), cents(short), equal_nan=True)
    assert not np.array_equal(cents(short), cents(short, seed=1), equal_nan=True)
    assert np.array_equal(cents(short)[:220], cents(long)[:220], equal_nan=True)


@pytest.mark.parametrize(
    "notes", [line(0, 127, 0, seconds=0.01), line(60, start=0.0), line(*[60, 61] * 1000)]
)
def test_any_melody_has_finite_pitch(notes: list[Note]) -> None:
    hertz = pitch_line(sung(notes, "a"), 1000)
    assert hertz.shape == (1000,)
    assert np.isfinite(hertz).all()
    assert (hertz >= 0.0).all()
