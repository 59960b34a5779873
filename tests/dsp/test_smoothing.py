"""Ramps: on the sample, in the stated time, and the same whatever the segments."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsp.smoothing import Ramp, Ramps

MOVES = st.lists(
    st.tuples(st.integers(1, 900), st.floats(-10, 10, allow_subnormal=False), st.integers(1, 300)),
    max_size=6,
    unique_by=lambda m: m[0],
).map(sorted)


def samples(ramp: Ramp, sizes: list[int]) -> NDArray[np.float64]:
    position, parts = 0, []
    for n in sizes:
        parts.append(np.broadcast_to(ramp.segment(position, n), n))
        position += n
    return np.concatenate(parts)


def test_a_move_begins_on_its_sample_and_arrives_when_stated() -> None:
    ramp = Ramp(1.0, 50)
    ramp.move(3.0, 100)
    got = samples(ramp, [300])
    assert np.all(got[:100] == 1.0)
    assert got[100] > 1.0
    assert got[148] < 3.0
    assert np.all(got[149:] == 3.0)
    assert np.allclose(np.diff(got[99:150]), 2.0 / 50)


@given(MOVES, st.lists(st.integers(1, 400), min_size=1, max_size=8))
def test_segments_do_not_change_the_values(moves: list[tuple[int, float, int]], sizes: list[int]) -> None:
    one, many = Ramp(0.5), Ramp(0.5)
    total = sum(sizes)
    for position, target, length in moves:
        one.move(target, position, length)
    whole = samples(one, [total])
    cut, start = [], 0
    for n in sizes:
        # As the engine does: the moves of a segment are made when it is rendered, the last one by look-ahead.
        for position, target, length in moves:
            if (start < position or start == 0) and position <= start + n:
                many.move(target, position, length)
        cut.append(np.broadcast_to(many.segment(start, n), n))
        start += n
    assert np.allclose(whole, np.concatenate(cut), atol=1e-12)


@given(MOVES)
def test_value_and_segment_agree(moves: list[tuple[int, float, int]]) -> None:
    ramp = Ramp(0.0)
    for position, target, length in moves:
        ramp.move(target, position, length)
    values = np.array([ramp.value(p) for p in range(1300)])
    assert np.allclose(values, samples(ramp, [1300]), atol=1e-12)


def test_a_move_during_a_ramp_starts_where_the_value_stands() -> None:
    ramp = Ramp(0.0, 100)
    ramp.move(1.0, 10)
    ramp.move(-1.0, 60)
    got = samples(ramp, [300])
    assert np.abs(np.diff(got)).max() <= 1.5 / 100 + 1e-12
    assert got[59] == pytest.approx(0.5)
    assert got[159] == -1.0


def test_nothing_glides_before_the_start() -> None:
    ramp = Ramp(0.0, 100)
    ramp.move(5.0, 0)
    assert ramp.segment(0, 10) == 5.0


def test_at_rest_it_is_a_number_and_holds_no_past() -> None:
    ramp = Ramp(0.0, 10)
    for k in range(1000):
        ramp.move(float(k % 7), 20 * k + 1)
        ramp.segment(20 * k, 20)
    assert isinstance(ramp.segment(20_000, 20), float)
    assert len(ramp._positions) == 1


def test_several_are_read_as_one_by_one() -> None:
    ramps = [Ramp(0.0, 30), Ramp(2.0, 50)]
    together = Ramps(ramps)
    for start in range(0, 400, 20):
        if start == 100:
            ramps[1].move(5.0, 111)
        found = together.segments(start, 20)
        for ramp, values in zip(ramps, found, strict=True):
            assert np.array_equal(values, ramp.segment(start, 20))


def test_several_at_rest_are_known_by_their_values() -> None:
    ramp = Ramp(1.0, 30)
    together = Ramps([ramp, Ramp(2.0)])
    still = together.still()
    assert still == (1.0, 2.0)
    assert together.segments(0, 10) is still
    ramp.move(3.0, 15)
    assert together.still() is None
    together.segments(100, 10)
    assert together.still() == (3.0, 2.0)
    ramp.move(4.0, 0)  # at once
    assert together.still() == (4.0, 2.0)


def test_corners_are_where_it_bends() -> None:
    ramp = Ramp(0.0, 100)
    assert not ramp.corners(0, 1000)
    ramp.move(1.0, 50)
    assert list(ramp.corners(1, 1000)) == [49, 149]
    assert list(ramp.corners(50, 149)) == []


def test_a_ramp_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="0 samples cannot arrive; give a length of 1"):
        Ramp(0.0, 0)
