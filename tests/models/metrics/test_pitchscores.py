"""The measures of the melody table against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.metrics.pitch import PitchTrack, busiest, compare_pitch


def track(hertz: list[float]) -> PitchTrack:
    """Return a track; 0 is unvoiced."""
    f0 = np.array(hertz)
    return PitchTrack(np.where(f0 > 0.0, f0, 100.0), f0 > 0.0)


def test_f0rmse_is_of_the_natural_logarithm() -> None:
    wanted = track([200.0, 200.0, 200.0, 200.0])
    assert compare_pitch(wanted, track([400.0, 200.0, 200.0, 200.0])).rmse == pytest.approx(
        math.log(2.0) / 2.0
    )
    assert compare_pitch(wanted, track([200.0 * math.e] * 4)).rmse == pytest.approx(1.0)
    assert compare_pitch(wanted, wanted).rmse == 0.0


def test_f0rmse_counts_only_frames_voiced_in_both() -> None:
    scores = compare_pitch(track([200.0, 0.0, 300.0]), track([100.0, 700.0, 0.0]))
    assert scores.rmse == pytest.approx(math.log(2.0))


def test_f0corr_is_that_of_the_logarithms() -> None:
    wanted, found = [100.0, 200.0, 400.0, 800.0], [110.0, 190.0, 500.0, 400.0]
    a, b = np.log(wanted), np.log(found)
    by_hand = ((a - a.mean()) * (b - b.mean())).mean() / (a.std() * b.std())
    assert compare_pitch(track(wanted), track(found)).correlation == pytest.approx(by_hand)
    assert compare_pitch(track(wanted), track(wanted[::-1])).correlation == pytest.approx(-1.0)


def test_octave_errors_are_whole_octaves_within_a_semitone() -> None:
    """Two octaves up, one down less 99 cents; 101 cents too far, a fifth, right and a semitone are none."""
    cents = [2400.0, -1200.0 + 99.0, 1200.0 + 101.0, 702.0, 0.0, 100.0]
    found = track([200.0 * 2.0 ** (off / 1200.0) for off in cents])
    scores = compare_pitch(track([200.0] * 6), found)
    assert scores.octave == pytest.approx(2.0 / 6.0)
    assert scores.gross == pytest.approx(5.0 / 6.0)
    assert scores.cents == pytest.approx((702.0 + 1101.0) / 2.0)


def test_accuracy_wants_voicing_and_pitch_right() -> None:
    wanted = track([200.0, 200.0, 200.0, 0.0, 0.0])
    found = track([200.0, 210.0, 0.0, 300.0, 0.0])  # right, 84 cents off, missed, false alarm, right
    scores = compare_pitch(wanted, found)
    assert scores.accuracy == pytest.approx(2.0 / 5.0)
    assert scores.gross == pytest.approx(1.0 / 2.0)
    assert scores.voicing_f1 == pytest.approx(2.0 / 3.0)  # two of three found, two of three right


def test_frames_without_score_count_for_nothing() -> None:
    wanted, found = track([200.0, 200.0, 0.0, 200.0]), track([200.0, 400.0, 300.0, 0.0])
    scored = np.array([True, False, False, False])
    scores = compare_pitch(wanted, found, scored)
    assert (scores.rmse, scores.voicing_f1, scores.accuracy, scores.octave) == (0.0, 1.0, 1.0, 0.0)
    none = compare_pitch(wanted, found, np.zeros(4, bool))
    assert math.isnan(none.accuracy)
    assert math.isnan(none.rmse)


def test_silence_that_is_heard_as_silence_is_right() -> None:
    scores = compare_pitch(track([0.0, 0.0]), track([0.0, 0.0]))
    assert scores.accuracy == 1.0
    assert math.isnan(scores.rmse)
    assert compare_pitch(track([0.0, 0.0]), track([0.0, 200.0])).accuracy == 0.5


def test_the_busiest_stretch_has_the_most_voiced_frames() -> None:
    voiced = np.zeros(300, bool)
    voiced[[10, 20, *range(120, 180)]] = True
    part = busiest(voiced, 1.0)
    assert part.stop - part.start == 100
    assert voiced[part].sum() == 60
    for first, seconds in ((0, 1.0), (37, 0.5), (250, 0.5), (299, 0.01)):
        only = np.zeros(300, bool)
        only[first : first + round(100 * seconds)] = True
        assert busiest(only, seconds) == slice(first, first + round(100 * seconds))
    later = np.ones(300, bool)
    later[:120] = [False, True] * 60  # half as busy, and first
    assert busiest(later, 1.0) == slice(119, 219)
    assert busiest(later, 2.99) == slice(1, 300)
    assert busiest(later, 3.0) == slice(0, 300)
    assert busiest(voiced, 0.0) == busiest(voiced, 5.0) == slice(0, 300)
