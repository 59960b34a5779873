"""MIREX's melody scores, on cases that are counted by hand."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import pytest

from models.metrics.mirex import MirexScores, mirex_scores
from models.metrics.pitch import PitchTrack, compare_pitch
from tests.support.extras import needs

needs("mir_eval")
WANTED = PitchTrack(np.full(10, 220.0), np.array([1, 1, 1, 1, 1, 1, 1, 1, 0, 0], bool))


def moved(cents: Sequence[float], voiced: Sequence[int]) -> PitchTrack:
    return PitchTrack(220.0 * 2.0 ** (np.array(cents, float) / 1200.0), np.array(voiced, bool))


def test_a_case_counted_by_hand() -> None:
    #                 right, 40 off, 60 off, octave, right but called unvoiced, ...; false alarm, right
    measured = moved([0, 40, 60, 1200, 0, 0, -2400, 700, 0, 0], [1, 1, 1, 1, 0, 1, 1, 0, 1, 0])
    assert dataclasses.astuple(mirex_scores(WANTED, measured)) == pytest.approx(
        (4 / 8, 6 / 8, (3 + 1) / 10, 6 / 8, 1 / 2)
    )


def test_only_the_frames_that_count_are_scored_and_longer_tracks_are_cut() -> None:
    measured = moved([0] * 8 + [0] * 5, [0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1])
    scored = np.array([0, 1, 1, 1, 1, 0, 0, 0, 1, 1], bool)
    assert dataclasses.astuple(mirex_scores(WANTED, measured, scored)) == pytest.approx(
        (1, 1, 4 / 6, 3 / 4, 1 / 2)
    )


def test_the_overall_accuracy_is_that_of_our_own_table() -> None:
    rng = np.random.default_rng(0)
    voiced = rng.uniform(size=1000) < 0.7
    wanted = PitchTrack(rng.uniform(100, 400, 1000), voiced)
    measured = PitchTrack(
        wanted.f0 * 2 ** (rng.normal(0, 60, 1000) / 1200), voiced ^ (rng.uniform(size=1000) < 0.1)
    )
    ours, theirs = compare_pitch(wanted, measured), mirex_scores(wanted, measured)
    assert theirs.overall == pytest.approx(ours.accuracy, abs=0.002)


def test_what_cannot_be_told_is_not_a_number() -> None:
    silent = PitchTrack(WANTED.f0, np.zeros(10, bool))
    found = mirex_scores(silent, WANTED)
    assert [math.isnan(value) for value in dataclasses.astuple(found)] == [True, True, False, True, False]
    assert (found.overall, found.voicing_false_alarm) == (0.2, 0.8)
    nothing = mirex_scores(WANTED, WANTED, np.zeros(10, bool))
    assert all(math.isnan(value) for value in dataclasses.astuple(nothing))
    assert dataclasses.astuple(mirex_scores(WANTED, WANTED)) == (1.0, 1.0, 1.0, 1.0, 0.0)
    assert isinstance(nothing, MirexScores)
