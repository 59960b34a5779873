"""Exact silence of more than a second: nothing is computed in it, and nothing is lost by it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from plugin_bridge.control.events import Event
from plugin_bridge.engine.core import LATENCY_HOPS, REST_HOPS
from plugin_bridge.engine.engine import Engine
from tests.plugin_bridge.engine.test_core import Listener
from tests.support.doubles import CopySinger, sung

Float32 = NDArray[np.float32]

RATE = 16000
HOP = RATE // 100
PHRASE = sung(RATE, 0.5, 220.0)
PAUSE = 3 * RATE
SOURCE = np.concatenate([PHRASE, np.zeros((1, PAUSE), np.float32), PHRASE, PHRASE], axis=1)


def converted(source: Float32, block: int, events: tuple[Event, ...] = (), kind: str = "sawsing") -> Float32:
    singers = [CopySinger("one", kind=kind), CopySinger("two", kind=kind, tilt_db=6.0)]
    engine = Engine(RATE, source.shape[0], singers)
    engine.schedule(events)
    blocks = [engine.process(source[:, i : i + block]) for i in range(0, source.shape[1], block)]
    return np.concatenate(blocks, axis=1)


@pytest.mark.parametrize("kind", ["sawsing", "ddsp-add"])
@pytest.mark.parametrize("channels", [1, 2])
def test_silence_is_the_same_in_any_blocks_and_what_acts_in_it_is_heard_after(
    kind: str, channels: int
) -> None:
    source = np.repeat(SOURCE, channels, axis=0)
    switch = (Event(2 * RATE, "singer", "two"), Event(2 * RATE + 77, "gain", -6.0))
    whole = converted(source, source.shape[1], switch, kind)
    for block in (HOP, 1000, 64 * HOP):
        np.testing.assert_array_equal(converted(source, block, switch, kind), whole)
    silent = slice(PHRASE.shape[1] + (REST_HOPS + 6) * HOP, PHRASE.shape[1] + PAUSE)
    assert not whole[:, silent].any()
    after = whole[:, PHRASE.shape[1] + PAUSE :]
    assert not np.array_equal(after, converted(source, HOP, (), kind)[:, -after.shape[1] :])
    assert np.abs(after).max() > 0.01


def test_no_network_runs_in_long_silence() -> None:
    listener = Listener("listener")
    Engine(RATE, 1, [listener]).process(SOURCE)
    frames = sum(len(pitches) for _, pitches in listener.kept)
    assert frames == SOURCE.shape[1] // HOP - (PAUSE // HOP - REST_HOPS)


def test_the_voice_comes_back_as_after_silence_that_is_not_exact() -> None:
    hum = np.where(SOURCE == 0.0, np.float32(1e-8), SOURCE)
    start = PHRASE.shape[1] + PAUSE + (1 + LATENCY_HOPS) * HOP

    def levels(source: Float32) -> NDArray[np.floating]:
        y = converted(source, 64 * HOP)[0, start:]
        power = np.square(y[: y.size - y.size % 800]).reshape(-1, 800).mean(axis=1)
        return np.asarray(10.0 * np.log10(power + 1e-9))

    difference = levels(SOURCE) - levels(hum)
    assert abs(difference.mean()) < 0.1
    assert np.abs(difference).max() < 1.0
