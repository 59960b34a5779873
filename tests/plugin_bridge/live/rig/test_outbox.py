"""What is sent in one turn goes as one message, in order, and a full pipe loses nothing."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from plugin_bridge.live.link import SPAWN, Link, Message
from plugin_bridge.live.rig.outbox import MAX_MESSAGES, Outbox


def events(number: int, count: int = 1, *, now: bool = True) -> Message:
    return {"events": [["NoteOn", 0, number]] * count, "now": now, "number": number}


def received(link: Link) -> list[Message]:
    found = []
    while (message := link.receive()) is not None:
        found.append(message)
    return found


def test_what_comes_in_one_turn_goes_as_one_and_in_order() -> None:
    async def send() -> None:
        ours, theirs = (Link(end) for end in SPAWN.Pipe())
        outbox = Outbox(ours)
        for message in (events(1), events(2, 62), events(3), events(4), events(5, now=False)):
            assert outbox.put(message)
        assert outbox.put({"learn": "gain"})
        assert outbox.put(events(6, now=False))
        assert received(theirs) == []
        await asyncio.sleep(0)
        first, *others = received(theirs)
        assert [row[2] for row in first["events"]] == [1] + [2] * 62 + [3]
        assert (first["now"], first["number"]) == (True, 3)
        assert others == [events(4), events(5, now=False), {"learn": "gain"}, events(6, now=False)]
        assert outbox.put(events(7))
        await asyncio.sleep(0)
        assert received(theirs) == [events(7)]

    asyncio.run(send())


def test_what_cannot_be_sent_is_refused_and_holds_up_nothing() -> None:
    async def send() -> None:
        ours, theirs = (Link(end) for end in SPAWN.Pipe())
        outbox = Outbox(ours)
        assert outbox.put(events(1))
        with pytest.raises(TypeError, match="int64"):
            outbox.put({"events": [["NoteOn", np.int64(0), 60.0]], "now": True, "number": 2})
        with pytest.raises(ValueError, match="too long"):
            outbox.put({"record": "x" * 70_000})
        assert outbox.put(events(3))
        await asyncio.sleep(0)
        assert received(theirs) == [{**events(3, 2), "events": [["NoteOn", 0, 1], ["NoteOn", 0, 3]]}]

    asyncio.run(send())


def test_a_full_pipe_is_waited_for_up_to_a_bound() -> None:
    async def send() -> None:
        ours, theirs = (Link(end) for end in SPAWN.Pipe())
        outbox = Outbox(ours)
        sent = 0
        for _ in range(10_000):
            if not outbox.put(events(sent, 64)):
                break
            sent += 1
            await asyncio.sleep(0)
        assert MAX_MESSAGES < sent < 10_000
        found: list[Message] = []
        while len(found) < sent:
            found += received(theirs)
            await asyncio.sleep(0.001)
        assert [message["number"] for message in found] == list(range(sent))
        outbox.put(events(0))
        outbox.close()
        for _ in range(3):  # it would be sent in the next turn
            await asyncio.sleep(0)
        assert received(theirs) == []

    asyncio.run(send())
