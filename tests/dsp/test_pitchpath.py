"""The path through pitch candidates: what a leap costs on a held note, at an onset and after a rest."""

from __future__ import annotations

import math

import pytest

from dsp.candidates import Candidates
from dsp.pitchpath import PitchPath

LOW, HIGH = math.log2(220.0), math.log2(440.0)
SURE = 1.0


def offer(low: float, high: float) -> Candidates:
    """Two candidates an octave apart, at these costs."""
    return Candidates([LOW, HIGH], [0.9, 0.9], [0.9, 0.9], [low, high], [1.0, 1.0])


def held(frames: int, voicing: float = SURE) -> PitchPath:
    """A path on the low candidate for so many frames."""
    path = PitchPath(LOW)
    for _ in range(frames):
        assert path.advance(offer(0.1, 0.6), voicing) == 0
        path.settle(voiced=True, leap=False)
    return path


@pytest.mark.parametrize("advantage", [0.2, 0.5, 0.9])
def test_one_frame_does_not_carry_a_held_note_to_the_octave(advantage: float) -> None:
    path = held(50)
    assert path.advance(offer(advantage, 0.0), SURE) == 0
    assert path.advance(offer(0.1, 0.6), SURE) == 0


@pytest.mark.parametrize(
    ("interval", "advantage", "followed"),
    [(math.log2(3.0), 0.9, 0), (2.0, 0.9, 0), (math.log2(2.5), 0.7, 1), (math.log2(2.5), 0.5, 0)],
)
def test_a_leap_to_a_twelfth_or_two_octaves_costs_more_than_one_to_another_interval(
    interval: float, advantage: float, followed: int
) -> None:
    """0.6 for any leap of an octave or more, and 0.4 on top where trackers go wrong."""
    leap = Candidates([LOW, LOW + interval], [0.9, 0.9], [0.9, 0.9], [advantage, 0.0], [1.0, 1.0])
    assert held(50).advance(leap, SURE) == followed


def test_an_octave_that_stays_is_followed() -> None:
    path = held(50)
    chosen = [path.advance(offer(0.35, 0.0), SURE) for _ in range(6)]
    assert chosen == sorted(chosen)
    assert chosen[-1] == 1


def test_at_an_onset_the_better_octave_is_taken_at_once() -> None:
    assert held(1).advance(offer(0.35, 0.1), SURE) == 1
    assert held(50).advance(offer(0.35, 0.1), voicing=0.0) == 1


def test_of_two_equal_octaves_an_onset_takes_the_higher_one() -> None:
    assert PitchPath(LOW).advance(offer(0.2, 0.2), voicing=0.0) == 1


def test_reset_equals_fresh() -> None:
    path = held(50)
    path.reset()
    assert path.advance(offer(0.35, 0.1), SURE) == PitchPath(LOW).advance(offer(0.35, 0.1), SURE) == 1
