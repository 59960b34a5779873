"""Singers who are silent wait, and come back as if they had been heard all the time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.flutter import Flutter
from dsp.levelhold import LevelHold
from dsp.spectrum import ENVELOPE_GRID
from models.singer.file import load_singer
from plugin_bridge.engine.estimators import MAX_PENDING, MIN_PENDING, SILENT, Estimators
from tests.support.doubles import CopySinger

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

FRAMES = 60
RATE = 48000


def drawn() -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    rng = np.random.default_rng(5)
    bands = rng.uniform(-60.0, 0.0, (FRAMES, ENVELOPE_GRID.size)).astype(np.float32)
    lows = 100.0, 0.0, -40.0, 0.0, 0.0, 100.0, 0.0, -8.0
    highs = 700.0, 1.0, -10.0, 0.5, 0.0, 700.0, 1.0, 8.0
    return bands, np.stack([rng.uniform(low, high, FRAMES) for low, high in zip(lows, highs, strict=True)])


@pytest.fixture
def estimators() -> Estimators:
    singers = [load_singer("pjs"), load_singer("nit")]
    return Estimators(singers, [LevelHold(RATE, singer.synthesizer(RATE)) for singer in singers])


@pytest.mark.parametrize("offline", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_controls_do_not_depend_on_who_was_heard_before(
    estimators: Estimators, seed: int, offline: bool
) -> None:
    bands, facts = drawn()
    estimators.offline = offline
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


def test_offline_singers_wait_until_they_are_heard_and_ten_minutes_at_most(
    estimators: Estimators, monkeypatch: pytest.MonkeyPatch
) -> None:
    bands, facts = drawn()
    monkeypatch.setattr("plugin_bridge.engine.estimators.MAX_WAITING", 3 * FRAMES)
    estimators.offline = True
    waits = []
    for _ in range(4):
        estimators.process(bands, facts, [True, False])
        waits.append(len(estimators._pending[1]))
    assert waits == [1, 2, 0, 1]


def test_the_frame_before_the_first_is_the_first(estimators: Estimators) -> None:
    bands, facts = drawn()
    first, second = estimators.process(bands[:1], facts[:, :1], [True, False])[0]
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


class CountingEncoder:
    """Content is the envelope's first three bands plus how many frames came before.

    Args:
        fails_at: the frame from which on it says nothing that is a number, until it is reset.
    """

    def __init__(self, fails_at: float = math.inf) -> None:
        self.frames, self._fails_at = 0, fails_at

    def start(self) -> CountingEncoder:
        return self

    def process(self, envelope: Float32) -> Float32:
        count = np.arange(self.frames, self.frames + len(envelope))[:, None]
        self.frames += len(envelope)
        return np.where(count < self._fails_at, envelope[:, :3] + count, np.nan).astype(np.float32)

    def reset(self) -> None:
        if self.frames > self._fails_at:
            self._fails_at = math.inf
        self.frames = 0


@dataclass(frozen=True)
class ReadingSinger(CopySinger):
    """Gives back what it read."""

    content: CountingEncoder | None = None  # type: ignore[assignment]

    def start(self) -> ReadingSinger:  # type: ignore[override]
        return self

    def process(self, seen: Float32, *facts: NDArray[np.floating]) -> tuple[Float32, Float32]:
        del facts
        return seen.copy(), np.zeros((len(seen), 72), np.float32)

    def reset(self) -> None:
        pass


class NoHold:
    """A level hold that holds nothing."""

    def process(self, harmonic: Float32, noise: Float32, *facts: Float64) -> tuple[Float32, Float32]:
        del facts
        return harmonic, noise

    def reset(self) -> None:
        pass


def still(harmonic: list[Float32]) -> Float32:
    """Return the controls from the first frame on without their flutter."""
    return np.array(harmonic) - Flutter().process(len(harmonic), harmonic[0].size)


def test_singers_of_one_encoder_share_what_it_says() -> None:
    bands, facts = drawn()
    bands *= np.float32(0.25)  # within what controls may be
    facts[1] = 1.0  # of a voice, whose controls are not capped
    shared, other = CountingEncoder(), CountingEncoder()
    singers = [ReadingSinger("a", content=one) for one in (shared, other, None, shared)]
    estimators = Estimators(singers, cast("list[LevelHold]", [NoHold() for _ in singers]))
    first = estimators.process(bands[:5], facts[:, :5], [True] * 4)
    later = estimators.process(bands[5:8], facts[:, 5:8], [True] * 4)
    assert shared.frames == other.frames == 8
    for singer in (0, 1, 3):
        found = still([controls[0] for controls in (*first[singer][1:], *later[singer][1:])])
        np.testing.assert_allclose(found, bands[:8, :3] + np.arange(8.0)[:, None], atol=1e-6)
    found = still([controls[0] for controls in (*first[2][1:], *later[2][1:])])
    np.testing.assert_allclose(found, bands[:8], atol=1e-6)
    estimators.reset()
    assert shared.frames == 0


@pytest.mark.parametrize("sizes", [[8], [1] * 8, [3, 5]])
def test_content_that_is_no_number_is_nothing_and_the_encoder_starts_anew(sizes: list[int]) -> None:
    bands, facts = drawn()
    bands *= np.float32(0.25)  # within what controls may be
    facts[1] = 1.0  # of a voice, whose controls are not capped
    singers = [ReadingSinger("a", content=CountingEncoder(fails_at=2))]
    estimators = Estimators(singers, cast("list[LevelHold]", [NoHold()]))
    found, start = [], 0
    for size in sizes:
        here = slice(start, start + size)
        found += [controls[0] for controls in estimators.process(bands[here], facts[:, here], [True])[0][1:]]
        start += size
    wanted = (
        bands[:8, :3].astype(np.float64) + np.array([0.0, 1.0, math.nan, 0.0, 1.0, 2.0, 3.0, 4.0])[:, None]
    )
    wanted[2] = 0.0
    np.testing.assert_allclose(still(found), wanted, atol=1e-6)
