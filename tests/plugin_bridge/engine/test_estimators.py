"""Singers who are silent wait, and come back as if they had been heard all the time."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.levelhold import LevelHold
from dsp.spectrum import ENVELOPE_GRID
from models.singer.file import load_singer
from plugin_bridge.engine.estimators import MAX_PENDING, MIN_PENDING, SILENT, Estimators

FRAMES = 60
RATE = 48000


def drawn() -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    rng = np.random.default_rng(5)
    bands = rng.uniform(-60.0, 0.0, (FRAMES, ENVELOPE_GRID.size)).astype(np.float32)
    lows, highs = (100.0, 0.0, -40.0, 0.0, 0.0, -8.0), (700.0, 1.0, -10.0, 0.5, 1.0, 8.0)
    return bands, np.stack([rng.uniform(low, high, FRAMES) for low, high in zip(lows, highs, strict=True)])


@pytest.fixture
def estimators() -> Estimators:
    singers = [load_singer("pjs"), load_singer("alys")]
    return Estimators(singers, [LevelHold(RATE, singer.synthesizer(RATE)) for singer in singers])


@pytest.mark.parametrize("seed", range(4))
def test_controls_do_not_depend_on_who_was_heard_before(estimators: Estimators, seed: int) -> None:
    bands, facts = drawn()
    wanted = estimators.process(bands, facts, [True, True])
    estimators.reset()
    rng = np.random.default_rng(seed)
    start, heard = 0, [0, 0]
    while start < FRAMES:
        stop = min(FRAMES, start + int(rng.integers(1, MAX_PENDING + 3)))
        flags = [bool(flag) for flag in rng.random(2) < 0.4]
        found = estimators.process(bands[start:stop], facts[:, start:stop], flags)
        for singer, flag in enumerate(flags):
            expected = wanted[singer][start : stop + 1] if flag else [SILENT] * (stop - start + 1)
            heard[singer] += flag
            for got, want in zip(found[singer], expected, strict=True):
                np.testing.assert_array_equal(got[0], want[0])
                np.testing.assert_array_equal(got[1], want[1])
        start = stop
        if rng.random() < 0.5:
            estimators.use_pause()
    assert min(heard) > 0


def test_pauses_are_used_by_one_singer_at_a_time_once_enough_frames_wait(estimators: Estimators) -> None:
    bands, facts = drawn()
    estimators.process(bands[: MIN_PENDING - 1], facts[:, : MIN_PENDING - 1], [False, False])
    assert not estimators.use_pause()
    estimators.process(bands[:1], facts[:, :1], [False, False])
    assert [estimators.use_pause() for _ in range(3)] == [True, True, False]


def test_nobody_waits_for_a_pause_for_ever(estimators: Estimators) -> None:
    bands, facts = drawn()
    for frame in range(MAX_PENDING):
        estimators.process(bands[frame : frame + 1], facts[:, frame : frame + 1], [True, False])
    assert not estimators.use_pause()


def test_the_frame_before_the_first_is_the_first(estimators: Estimators) -> None:
    bands, facts = drawn()
    first, second = estimators.process(bands[:1], facts[:, :1], [True, False])[0]
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
