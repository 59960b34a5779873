"""How loud: velocity, pitch, and where in a phrase."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.notes import Note
from plugin_bridge.singing.dynamics import SILENT_DB, loudness_line
from tests.plugin_bridge.singing.melodies import line, sung, wild


def loudness(notes: list[Note], words: str, frames: int = 500) -> NDArray[np.float64]:
    """The mean of many takes, without what is irregular."""
    takes = [loudness_line(sung(notes, words), frames, seed) for seed in range(40)]
    return np.asarray(np.mean(takes, axis=0))


def test_a_louder_velocity_is_louder_and_rests_are_silent() -> None:
    notes = [Note(0.5, 0.8, 60, 40), Note(2.0, 0.8, 60, 80), Note(4.0, 0.8, 60, 127)]
    found = loudness(notes, "la")
    soft, usual, loud = (np.median(found[at : at + 40]) for at in (60, 210, 410))
    assert soft < usual - 5.0
    assert loud > usual + 3.0
    assert (found[290:312] == SILENT_DB).all()


def test_higher_notes_are_louder() -> None:
    found = loudness(line(55, 60, 65, seconds=1.0), "la")
    low, middle, high = (np.median(found[at : at + 40]) for at in (130, 230, 330))
    assert low + 1.5 < middle < high - 1.5


def test_a_phrase_fades_at_its_end_and_a_breath_before_it_has_a_level() -> None:
    found = loudness(line(60, seconds=1.0), "la")
    assert found[199] < found[185] - 1.0 < found[165] - 2.0
    assert abs(found[50] - found[110]) < 2.0
    assert found[10] == SILENT_DB


def test_a_vowel_after_a_vowel_begins_anew_but_a_held_one_does_not() -> None:
    again = loudness(line(60, 60), "a a")
    held = loudness(line(60, 60), "a -")
    assert again[150] < held[150] - 2.0
    assert abs(held[150] - held[130]) < 2.0


@pytest.mark.parametrize("seed", range(5))
def test_any_melody_has_a_level_in_every_frame(seed: int) -> None:
    notes = wild(seed)
    found = loudness_line(notes, 12_000, seed)
    assert np.isfinite(found).all()
    assert found.max() < 20.0
    assert np.array_equal(found, loudness_line(notes, 12_000, seed))
