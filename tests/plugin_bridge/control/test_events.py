"""Events: checked at the door, kept in order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.control.events import (
    AllNotesOff,
    AnyEvent,
    Event,
    EventQueue,
    NoteOff,
    NoteOn,
    PitchBend,
    check_event,
    in_force,
)


@pytest.mark.parametrize(
    ("event", "error", "sentence"),
    [
        ((5, "gain", 0), TypeError, "is not an event; give Event, NoteOn"),
        (Event(-1, "gain", 0), ValueError, "position -1 lies before the start"),
        (NoteOn(10**300, 60), ValueError, r"position 10+\.\.\.0+ is out of range; give at most"),
        (Event(1.5, "gain", 0), TypeError, "position 1.5 is not whole"),  # type: ignore[arg-type]
        (Event(True, "gain", 0), TypeError, "position True is not whole"),
        (Event(0, "singer", ""), ValueError, "singer '' names nobody; give the id of a singer"),
        (Event(0, "loud", 0), ValueError, "parameter 'loud' is unknown; use one of singer"),
        (Event(0, "gain", 99), ValueError, "gain 99 is out of range"),
        (NoteOn(0, 128), ValueError, "note 128 is out of range; give 0 to 127"),
        (NoteOff(0, math.nan), ValueError, "note nan is out of range"),
        (NoteOn(0, "C4"), TypeError, "note 'C4' is not a number"),  # type: ignore[arg-type]
        (NoteOn(0, 10**5000), ValueError, "note a number of thousands of digits is out of range"),
        (Event(10**5000, "gain", 0), ValueError, "position a number of thousands of digits is out of range"),
        (PitchBend(0, -49), ValueError, "pitch bend -49 is out of range; give -48 to 48"),
    ],
)
def test_what_does_not_fit_is_refused(event: AnyEvent, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        check_event(event)


def test_values_come_in_canonical_types() -> None:
    assert check_event(Event(np.int64(3), "bypass", 1)) == Event(3, "bypass", True)  # type: ignore[arg-type]
    assert check_event(NoteOn(3, 60)) == NoteOn(3, 60.0)
    assert check_event(AllNotesOff(3)) == AllNotesOff(3)
    assert check_event(NoteOn(3, 127.000008)) == NoteOn(3, 127.0)
    assert check_event(Event(3, "key", "Bb")) == Event(3, "key", "A#")
    at: Any = np.int64(3)
    events = (Event(at, "gain", 0), NoteOn(at, 60), NoteOff(at, 60), PitchBend(at, 1), AllNotesOff(at))
    assert all(type(check_event(event).position) is int for event in events)


@given(st.lists(st.integers(0, 20), max_size=30), st.integers(0, 20))
def test_the_queue_keeps_the_order_of_position_and_of_arrival(positions: list[int], until: int) -> None:
    queue = EventQueue()
    queue.add(Event(position, "gain", float(k)) for k, position in enumerate(positions))
    early = list(queue.until(until))
    later = list(queue.until(100))
    in_order = sorted(
        (Event(p, "gain", float(k)) for k, p in enumerate(positions)), key=lambda event: event.position
    )
    assert early + later == in_order
    assert all(event.position <= until for event in early)
    assert len(queue) == 0


def test_the_queue_forgets() -> None:
    queue = EventQueue()
    queue.add([AllNotesOff(1)])
    queue.clear()
    assert not list(queue.until(5))


def test_of_events_on_one_sample_the_last_of_a_parameter_holds_where_it_stands() -> None:
    """A note begins with what was set before it, and what is set again behind it stays behind it."""
    note, end = NoteOn(7, 60.0), NoteOff(7, 60.0)
    first, again, other = Event(7, "glide", 0.0), Event(7, "glide", 90.0), Event(7, "gain", -3.0)
    assert in_force([first, other, note, again, end]) == [other, note, again, end]
    assert in_force([note, note]) == [note, note]
