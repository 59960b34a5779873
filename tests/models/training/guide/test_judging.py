"""Melodies are judged by what is known of them, and chance and other songs score worse than what fits."""

from __future__ import annotations

import numpy as np
import pytest

from models.guide.chords import Chord, Key
from models.guide.ground import Ground
from models.guide.listening import Heard
from models.guide.steps import PER_BAR, GridNote
from models.notes import Note
from models.training.guide.judging import divergence, histograms, on_grid, score, windows
from models.training.guide.scoring import Backing, table

CHORDS = (Chord(0), Chord(7), Chord(9, "m"), Chord(5))


def song(name: str, shift: int = 0, turn: int = 0, lead: list[Note] | None = None) -> Backing:
    """Return 16 bars of C, G, Am, F, or the same turned, at 120 beats a minute, an onset on every eighth."""
    chords = tuple(chord.moved(shift) for chord in 4 * (CHORDS[turn:] + CHORDS[:turn]) for _ in range(4))
    steps = 16 * PER_BAR
    times = np.arange(steps + 1) / 8.0
    bass, chroma = np.zeros((steps, 12), np.float32), np.zeros((steps, 12), np.float32)
    for beat, chord in enumerate(chords):
        bass[4 * beat : 4 * beat + 4, chord.root] = 1.0
        chroma[4 * beat : 4 * beat + 4, list(chord.tones)] = 1.0
    onset = np.tile(np.array([1.0, 0.0], np.float32), steps // 2)
    heard = Heard(times, chroma, bass, onset, np.ones((steps, 4), np.float32), 32.0, 0.0, 120.0, True)
    ground = Ground(chords, Key(0).moved(shift), np.ones(16), onset.astype(float), 120.0)
    return Backing(name, heard, ground, lead)


def quarters(pitches: list[int]) -> list[GridNote]:
    return [GridNote(4 * place, 4, pitch) for place, pitch in enumerate(pitches)]


ROOTS = [60] * 4 + [67] * 4 + [69] * 4 + [65] * 4
BACKING = song("a")


def scores(pitches: list[int]) -> dict[str, float]:
    (window,) = windows(quarters(pitches), BACKING.heard, BACKING.ground)
    return score(window).values


def test_roots_fit_wholly() -> None:
    found = scores(ROOTS)
    assert (found["chord tones"], found["in key"], found["bass"]) == (1.0, 1.0, 1.0)
    assert found["repeats"] == pytest.approx(12 / 15)
    assert found["notes/bar"] == 2.0  # four bars of a window of eight
    assert found["voiced"] == 0.5
    assert found["phrase"] == 4.0
    assert found["range"] == 9.0


def test_tones_a_semitone_above_do_not() -> None:
    found = scores([pitch + 1 for pitch in ROOTS])
    assert found["chord tones"] == 0.0
    assert found["bass"] == 0.0
    assert found["in key"] < 0.1


def test_onsets_on_eighths_agree_and_those_between_do_not() -> None:
    # All 16 quarters meet one of the 64 eighths: precision 1, recall 1/4.
    assert scores(ROOTS)["onsets"] == pytest.approx(0.4)
    late = [note._replace(step=note.step + 1) for note in quarters(ROOTS)]
    (window,) = windows(late, BACKING.heard, BACKING.ground)
    assert score(window).values["onsets"] == 0.0


def test_a_rest_of_a_beat_ends_a_phrase() -> None:
    line = [note for note in quarters(ROOTS) if note.step // 4 not in {7, 8}]
    (window,) = windows(line, BACKING.heard, BACKING.ground)
    found = score(window).values
    assert found["phrase"] == pytest.approx((7 + 7) / 2 / 4)
    assert found["repeats"] == pytest.approx(10 / 12)


def test_histograms_count_intervals_and_lengths() -> None:
    intervals, durations = histograms([[GridNote(0, 2, 60), GridNote(2, 20, 64), GridNote(40, 1, 30)]])
    assert intervals[12 + 4] == 1
    assert intervals.sum() == 1  # a rest lies before the last note
    assert (durations[1], durations[15], durations[0]) == (1, 1, 1)


def test_the_divergence_is_0_of_equals_and_1_of_strangers() -> None:
    one, other = np.array([1.0, 3.0, 0.0]), np.array([0.0, 0.0, 2.0])
    assert divergence(one, 5.0 * one) == pytest.approx(0.0)
    assert divergence(one, other) == pytest.approx(1.0)


def test_notes_in_seconds_come_to_the_nearest_steps() -> None:
    assert on_grid([Note(0.51, 0.24, 60)], BACKING.heard) == [GridNote(4, 2, 60)]


def test_the_table_tells_rules_from_chance_and_from_another_song() -> None:
    lead = [Note(0.125 * note.step, 0.5, note.pitch) for note in quarters(ROOTS)]
    lines = table(
        [song("a", lead=lead), song("b_x", 3, 2)], [quarters(ROOTS)], None, "pop", composers=("rules",)
    )
    rows = {line.split(" | ")[0]: line.split(" | ")[1:] for line in lines}
    chords = {name: float(cells[0].split()[0]) for name, cells in rows.items() if name and len(cells) > 2}
    assert chords["real leads"] == 1.0
    assert chords["rules"] > chords["random scale"] + 0.1
    assert chords["rules"] > chords["rules, shuffled"] + 0.05
