"""Streams through a processor: latency taken off, events in their blocks, tails cut where they end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from plugin_bridge.control.events import AnyEvent, Event
from plugin_bridge.engine.rendering import MAX_TAIL_SECONDS, reblocked, rendered, taken, until_quiet

Float32 = NDArray[np.float32]
RATE = 1000


class Delay:
    """A known latency, and a log of which events came with which block."""

    faults = 0
    beyond = voiced = 0

    def __init__(self, latency: int) -> None:
        self.latency = latency
        self.position = 0
        self.log: list[tuple[int, int, int]] = []
        self._line = np.zeros((1, latency), np.float32)

    def process(self, block: Float32, events: Iterable[AnyEvent] = ()) -> Float32:
        stop = self.position + block.shape[1]
        self.log += [(self.position, event.position, stop) for event in events]
        self.position = stop
        joined = np.concatenate([self._line, block], axis=1)
        self._line = joined[:, block.shape[1] :]
        return joined[:, : block.shape[1]].copy()


def ramp(n: int) -> Float32:
    return np.arange(1, n + 1, dtype=np.float32)[None]


def pieces(x: Float32, size: int) -> Iterator[Float32]:
    return (x[:, i : i + size] for i in range(0, x.shape[1], size))


def joined(chunks: Iterable[Float32]) -> Float32:
    return np.concatenate(list(chunks), axis=1)


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
@pytest.mark.parametrize("cut", [1, 30, 5000])
def test_reblocking_keeps_every_sample(size: int, cut: int) -> None:
    out = list(reblocked(pieces(ramp(200), cut), size))
    assert np.array_equal(joined(out), ramp(200))
    assert all(x.shape[1] == size for x in out[:-1])


@pytest.mark.parametrize("latency", [0, 1, 63, 64, 65, 40000])
@pytest.mark.parametrize("block", [1, 64, 20000])
def test_the_latency_is_taken_off_exactly(latency: int, block: int) -> None:
    n = 300
    out = joined(taken(rendered(pieces(ramp(n), 100), 1, Delay(latency), [], block), n + 50))
    assert np.array_equal(out[:, :n], ramp(n))
    assert not out[:, n:].any()


@pytest.mark.parametrize(("latency", "block"), [(0, 64), (7, 64), (7, 20000), (200, 64), (64, 1)])
def test_no_more_silence_is_processed_than_pushes_out_what_is_wanted(latency: int, block: int) -> None:
    delay = Delay(latency)
    joined(taken(rendered(pieces(ramp(300), 100), 1, delay, [], block), 300))
    assert delay.position == 300 + latency


@pytest.mark.parametrize("block", [1, 3, 64])
def test_each_event_comes_once_in_the_block_that_holds_it(block: int) -> None:
    events = [Event(position, "morph", 0.5) for position in (0, 0, 2, 3, 63, 64, 65, 200)]
    delay = Delay(5)
    joined(taken(rendered(pieces(ramp(300), 100), 1, delay, events, block), 300))
    assert [at for _, at, _ in delay.log] == [event.position for event in events]
    assert all(start <= at < stop for start, at, stop in delay.log)


def tail(loud: list[int], cut: int, frames: int = 100) -> int:
    """The length found for a sound that has single loud samples after silence."""
    x = np.zeros((2, 100_000), np.float32)
    x[1, loud] = 0.01
    return int(joined(until_quiet(pieces(x, cut), frames, RATE)).shape[1])


@pytest.mark.parametrize("cut", [64, 999, 16384])
def test_a_tail_ends_with_its_last_sound_before_two_seconds_of_silence(cut: int) -> None:
    assert tail([], cut) == 100
    assert tail([5, 99], cut) == 100
    assert tail([100], cut) == 101
    assert tail([150, 2150], cut) == 2151
    assert tail([150, 2151], cut) == 2152  # exactly 2 s between
    assert tail([150, 2152], cut) == 151
    assert tail([2100], cut) == 2101
    assert tail([2101], cut) == 100
    assert tail(list(range(0, 90_000, 7)), cut) <= 100 + MAX_TAIL_SECONDS * RATE
    assert tail(list(range(90_000)), cut) == 100 + MAX_TAIL_SECONDS * RATE
    assert tail(list(range(0, 50_000, 1500)), cut) == 49501


def test_taking_none_ends_at_once() -> None:
    assert joined(taken(pieces(ramp(10), 3), 0)).shape == (1, 0)
