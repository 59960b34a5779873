"""Turns: each sender's packets in order, nobody waits behind a flood, and memory is left for newcomers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from plugin_bridge.osc.wire.senders import Sender
from plugin_bridge.osc.wire.turns import MAX_BYTES, MAX_SENDERS, PACKET_COST, STEPS, Turns
from tests.plugin_bridge.osc.test_subscriptions import Ear


def still() -> float:
    """A clock that stands."""
    return 0.0


class Log:
    """Notes each step of each packet; a packet of n bytes takes n steps."""

    def __init__(self) -> None:
        self.steps: list[object] = []

    def handle(self, data: bytes, sender: Sender) -> Iterator[None]:
        for _ in data:
            self.steps.append(sender.key)
            yield


def test_a_newcomer_is_served_next_but_one_however_many_flood() -> None:
    log = Log()
    turns = Turns(log.handle, still)
    for flooder in range(1000):
        assert turns.add(b"x" * 5000, Ear(flooder)) == 0
    for _ in range(2500):
        turns.take()
    before = len(log.steps)
    assert turns.add(b"p", Ear("calm")) == 0
    for _ in range(2):
        turns.take()
    assert "calm" in log.steps[before:]
    assert len(log.steps) - before <= STEPS + 1


def test_senders_take_turns_and_each_keeps_its_order() -> None:
    done: list[tuple[object, int]] = []

    def handle(data: bytes, sender: Sender) -> Iterator[None]:
        for _ in range(STEPS):
            yield
        done.append((sender.key, data[0]))

    turns = Turns(handle, still)
    for name in "abc":
        for k in range(40):
            turns.add(bytes([k]), Ear(name))
    while turns:
        turns.take()
        counts = [sum(key == name for key, _ in done) for name in "abc"]
        assert max(counts) - min(counts) <= 3
    for name in "abc":
        assert [k for key, k in done if key == name] == list(range(40))


def test_who_had_a_turn_is_not_starved_by_newcomers() -> None:
    log = Log()
    turns = Turns(log.handle, still)
    turns.add(b"x" * 10 * STEPS, Ear("old"))
    turns.take()
    for k in range(9 * 2):
        turns.add(b"x", Ear(k))
        turns.take()
    assert log.steps.count("old") == 10 * STEPS


def test_where_memory_ends_the_sender_with_most_waiting_loses_its_newest() -> None:
    log = Log()
    turns = Turns(log.handle, still)
    packet = bytes(65_536 - PACKET_COST)
    room = MAX_BYTES // 65_536
    assert [turns.add(packet, Ear("first")) for _ in range(room)] == [0] * room
    assert turns.add(packet, Ear("first")) == 1
    assert turns.add(packet, Ear("second")) == room // 2
    assert turns.add(b"/panic\0\0,\0\0\0", Ear("calm")) == 0
    lost = sum(turns.add(packet, Ear(k % 60)) for k in range(60 * room))
    assert lost >= 60 * room - room
    assert turns.add(b"/panic\0\0,\0\0\0", Ear("calmer")) <= 2  # of another
    for _ in range(2 * 64):
        turns.take()
    assert {"calm", "calmer"} <= set(log.steps)


def test_the_number_of_senders_that_wait_is_bounded() -> None:
    turns = Turns(Log().handle, still)
    lost = [turns.add(b"x", Ear(k)) for k in range(MAX_SENDERS + 1)]
    assert lost == [0] * MAX_SENDERS + [1]
    turns.take()
    assert turns.add(b"x", Ear("calm")) == 0


def test_a_packet_whose_handling_fails_is_over_and_the_rest_goes_on() -> None:
    done: list[bytes] = []

    def handle(data: bytes, sender: Sender) -> Iterator[None]:
        del sender
        yield
        if data == b"bad":
            raise RuntimeError(data)
        done.append(data)

    turns = Turns(handle, still)
    for data in (b"bad", b"good"):
        turns.add(data, Ear("a"))
    with pytest.raises(RuntimeError):
        turns.take()
    while turns:
        turns.take()
    assert done == [b"good"]


def test_a_turn_ends_when_it_has_taken_long() -> None:
    now = 0.0

    def slow(data: bytes, sender: Sender) -> Iterator[None]:
        del data, sender
        nonlocal now
        while True:
            now += 0.0003
            yield

    turns = Turns(slow, lambda: now)
    turns.add(b"x", Ear("a"))
    turns.take()
    assert now == pytest.approx(0.0006)


def test_what_was_served_makes_room_again() -> None:
    log = Log()
    turns = Turns(log.handle, still)
    for _ in range(3 * MAX_BYTES // (2 * PACKET_COST)):
        assert turns.add(b"x", Ear("steady")) == 0
        turns.take()
    assert not turns
    assert len(log.steps) == 3 * MAX_BYTES // (2 * PACKET_COST)
