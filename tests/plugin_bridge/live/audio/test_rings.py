"""The rings: constant latency, silence for what is late, nothing stale after a stall."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from plugin_bridge.control.form import Form
from plugin_bridge.live.audio.rings import OLDEST_SECONDS, Doorbell, Rings

Float32 = NDArray[np.float32]

BLOCK = 128
FORM = Form(48000, 2, BLOCK, "a test")
OLDEST = 19  # blocks of 128 samples in 50 ms
SIZE = OLDEST + 2 + 2  # blocks that rings hold, for two between input and output


class Deck:
    """A device whose sample at a position is that position, in the left channel, and its negative."""

    def __init__(self, blocks: int = 2, origin: int = 0) -> None:
        self.rings = Rings(FORM, 1440, blocks, origin, Doorbell())
        self.position = origin
        self._block = np.zeros((2, BLOCK), np.float32)

    def cycle(self, midi: tuple[tuple[int, bytes], ...] = ()) -> Float32:
        """Give the next block and return what the device plays with it."""
        ramp = np.arange(self.position, self.position + BLOCK, dtype=np.float32)
        output = np.full((2, BLOCK), np.nan, np.float32)
        self.rings.cycle(np.stack([ramp, -ramp]), output, midi)
        self.position += BLOCK
        return output

    def engine(self) -> tuple[int, int] | None:
        """Let an engine of no latency repeat a block; return the position and the samples left out."""
        taken = self.rings.take(self._block)
        if taken is None:
            return None
        self.rings.give(self._block)
        return taken.position, taken.skipped


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_the_latency_is_as_declared(blocks: int) -> None:
    deck = Deck(blocks)
    played = []
    for _ in range(40):
        played.append(deck.cycle())
        assert deck.engine() is not None
    heard = np.concatenate(played, axis=1)
    late = deck.rings.latency - 1440
    assert late == blocks * BLOCK
    assert not heard[:, :late].any()
    np.testing.assert_array_equal(heard[0, late:], np.arange(heard.shape[1] - late))
    np.testing.assert_array_equal(heard[1], -heard[0])
    assert deck.rings.missed == 0


def test_what_is_late_is_silence_and_is_never_played() -> None:
    deck = Deck()
    for _ in range(4):
        deck.cycle()
        deck.engine()
    first = deck.position
    late = [deck.cycle() for _ in range(5)]  # the engine stands still
    assert deck.rings.missed == 3  # two blocks were there
    assert not np.concatenate(late[2:], axis=1).any()
    assert list(deck.rings.misses) == [first, first + BLOCK, first + 2 * BLOCK]
    while deck.engine() is not None:  # it catches up
        pass
    again = deck.cycle()
    np.testing.assert_array_equal(again[0], np.arange(BLOCK) + deck.position - 3 * BLOCK)


def test_a_short_stall_leaves_no_input_out() -> None:
    deck = Deck()
    for _ in range(OLDEST):
        deck.cycle()
    taken = [deck.engine() for _ in range(OLDEST)]
    assert taken == [(number * BLOCK, 0) for number in range(OLDEST)]


def test_after_a_long_stall_the_newest_block_comes_next() -> None:
    deck = Deck(origin=1000)
    for _ in range(500):
        deck.cycle()
    assert deck.engine() == (1000 + 499 * BLOCK, 499 * BLOCK)
    assert deck.engine() is None
    deck.cycle()
    deck.engine()
    played = deck.cycle()
    np.testing.assert_array_equal(played[0], np.arange(BLOCK) + 1000 + 499 * BLOCK)


class Interrupted:
    """A block whose copy stops half way, as for a thread that loses its core, while the device goes on."""

    def __init__(self, between: Callable[[], None]) -> None:
        self.samples = np.zeros((2, BLOCK), np.float32)
        self._between = between

    def __setitem__(self, _: slice, value: Float32) -> None:
        self.samples[0] = value[0]
        self._between()
        self.samples[1] = value[1]


@pytest.mark.parametrize("cycles", [1, OLDEST + 2, OLDEST + 3, OLDEST + 4, 60])
def test_a_block_that_the_device_wrote_over_meanwhile_is_never_taken(cycles: int) -> None:
    deck = Deck()
    deck.cycle()
    deck.cycle()
    left = [cycles]

    def between() -> None:
        while left[0]:
            left[0] -= 1
            deck.cycle()

    block = Interrupted(between)
    taken = deck.rings.take(block)  # type: ignore[arg-type] # all it needs of an array
    assert taken is not None
    found = block.samples
    np.testing.assert_array_equal(found[0], taken.position + np.arange(BLOCK))
    np.testing.assert_array_equal(found[1], -found[0])
    assert taken.skipped == taken.position
    assert taken.waiting == cycles + 1 - taken.position // BLOCK


def test_a_block_that_the_device_is_writing_over_is_never_taken() -> None:
    """The device has come round to the block that is copied, and stands in the middle of its cycle."""
    deck = Deck()
    for _ in range(2):
        deck.cycle()
    written, finish = threading.Event(), threading.Event()

    def midi() -> Iterator[tuple[int, bytes]]:
        written.set()
        finish.wait(10.0)
        yield 0, b""

    def last() -> None:
        ramp = np.arange(deck.position, deck.position + BLOCK, dtype=np.float32)
        deck.rings.cycle(np.stack([ramp, -ramp]), np.zeros((2, BLOCK), np.float32), midi())  # type: ignore[arg-type]

    device = threading.Thread(target=last)

    def between() -> None:
        if not device.ident:
            while deck.rings.given < SIZE * BLOCK:
                deck.cycle()
            device.start()
            assert written.wait(10.0)

    block = Interrupted(between)
    taken = deck.rings.take(block)  # type: ignore[arg-type]
    finish.set()
    device.join()
    assert taken is not None
    np.testing.assert_array_equal(block.samples[0], taken.position + np.arange(BLOCK))
    np.testing.assert_array_equal(block.samples[1], -block.samples[0])


@pytest.mark.parametrize("stall", [1, 18, 19, 20, 21, 60])
def test_the_queue_is_never_older_than_it_may_be(stall: int) -> None:
    deck = Deck()
    for _ in range(stall):
        deck.cycle()
    position, _ = deck.engine() or (0, 0)
    age = (deck.position - position) / FORM.sample_rate
    assert age <= OLDEST_SECONDS + BLOCK / FORM.sample_rate


def test_midi_keeps_its_sample_and_outlives_a_stall() -> None:
    deck = Deck()
    deck.cycle(((5, b"\x90\x45\x40"), (120, b"\x80\x45\x00")))
    deck.cycle(((0, b"\xb0\x7b\x00"),))
    assert list(deck.rings.midi_before(BLOCK)) == [(5, b"\x90\x45\x40"), (120, b"\x80\x45\x00")]
    assert list(deck.rings.midi_before(BLOCK)) == []
    for _ in range(100):
        deck.cycle()
    assert list(deck.rings.midi_before(10 * BLOCK)) == [(BLOCK, b"\xb0\x7b\x00")]


def test_a_simulated_clock_can_wait_for_the_engine() -> None:
    deck = Deck()
    deck.cycle()
    assert not deck.rings.settled(0.001)
    deck.engine()
    assert deck.rings.settled(0.0)


def test_a_doorbell_rung_often_wakes_once() -> None:
    bell = Doorbell()
    for _ in range(3):
        bell.ring()
    assert bell.wait(0.0)
    assert not bell.wait(0.001)
