"""The movements of the spectrum: their size, how far they reach, and the same ones however frames come."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.flutter import DEPTH_DB, FRAMES, MAX_CONTROLS, TOGETHER, Flutter


def test_the_movements_have_their_depth_at_every_control_and_no_trend() -> None:
    rows = Flutter().process(FRAMES, MAX_CONTROLS)
    decibels = rows * (20.0 / np.log(10.0))
    assert decibels.std(axis=0) == pytest.approx(np.full(MAX_CONTROLS, DEPTH_DB), rel=0.12)
    assert np.abs(decibels.mean(axis=0)).max() < 0.06
    assert abs(float(np.mean(rows[1:] * rows[:-1]) / np.mean(rows**2))) < 0.05


def test_a_movement_is_as_wide_as_a_formant() -> None:
    rows = Flutter().process(FRAMES, MAX_CONTROLS).astype(np.float64)

    def likeness(apart: int) -> float:
        return float(np.mean(rows[:, apart:] * rows[:, :-apart]) / np.mean(rows**2))

    assert likeness(1) > 0.95
    assert likeness(TOGETHER // 2) == pytest.approx(0.67, abs=0.1)
    assert abs(likeness(2 * TOGETHER + 2)) < 0.05


@pytest.mark.parametrize("sizes", [[1] * 30, [7, 23], [FRAMES - 3, 10]])
def test_frames_have_the_same_bits_however_many_come_at_once(sizes: list[int]) -> None:
    flutter = Flutter()
    found = np.concatenate([flutter.process(size, 142) for size in sizes])
    wanted = Flutter().process(FRAMES, 142)
    assert np.array_equal(found, np.concatenate([wanted, wanted])[: len(found)])
    flutter.reset()
    assert np.array_equal(flutter.process(5, 142), wanted[:5])
