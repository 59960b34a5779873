"""Timed events that move the engine: the same live, from scores and from MIDI files."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from plugin_bridge.control.parameters import Value, is_number, parameter, shown, within


@dataclass(frozen=True, slots=True)
class Event:
    """A parameter changes."""

    position: int
    """Input sample since the start, from 0; heard in the output sample that belongs to it."""
    parameter: str
    """Its id."""
    value: Value
    """In the parameter's unit."""


@dataclass(frozen=True, slots=True)
class NoteOn:
    """A note begins; the newest of the notes held is sung."""

    position: int
    note: float
    """MIDI note number, 0..127, fractions allowed; 69 is 440 Hz."""


@dataclass(frozen=True, slots=True)
class NoteOff:
    """A note ends; the newest of those still held is sung."""

    position: int
    note: float
    """The number it was begun with."""


@dataclass(frozen=True, slots=True)
class PitchBend:
    """All notes are bent, until the next bend."""

    position: int
    semitones: float
    """-48..48."""


@dataclass(frozen=True, slots=True)
class AllNotesOff:
    """Every note ends and the bend returns to 0."""

    position: int


AnyEvent = Event | NoteOn | NoteOff | PitchBend | AllNotesOff

LAST_POSITION = 2**53
"""Every JSON reader holds it exactly; three thousand years at 96 kHz."""
MAX_NOTE = 127.0
WIDEST_BEND = 48.0


def check_event(event: AnyEvent) -> AnyEvent:
    """Return the event with its position and value in canonical types.

    Raises:
        TypeError: not an event, or a value or position of the wrong type.
        ValueError: unknown parameter, or a value or position out of range.
    """
    if not isinstance(event, AnyEvent):
        raise TypeError(
            f"{shown(event)} is not an event; give Event, NoteOn, NoteOff, PitchBend or AllNotesOff"
        )
    position = event.position
    if isinstance(position, bool) or not hasattr(position, "__index__"):
        raise TypeError(f"event position {shown(position)} is not whole; give a sample number")
    position = int(position)
    if position < 0:
        raise ValueError(
            f"event position {shown(position)} lies before the start; give a sample number from 0"
        )
    if position > LAST_POSITION:
        raise ValueError(f"event position {shown(position)} is out of range; give at most 2^53")
    if isinstance(event, Event):
        row = parameter(event.parameter)
        value = row.check(event.value)
        if row.id == "singer" and not value:  # where morph_singer may name none
            raise ValueError(f"singer {shown(value)} names nobody; {row.rule()}")
        return Event(position, row.id, value)
    if isinstance(event, NoteOn | NoteOff):
        return replace(event, position=position, note=_within(event.note, 0.0, MAX_NOTE, "note"))
    if isinstance(event, PitchBend):
        semitones = _within(event.semitones, -WIDEST_BEND, WIDEST_BEND, "pitch bend")
        return PitchBend(position, semitones)
    return AllNotesOff(position)


def _within(value: object, low: float, high: float, what: str) -> float:
    if not is_number(value):
        raise TypeError(f"{what} {shown(value)} is not a number; give {low:g} to {high:g}")
    number = within(value, low, high)
    if number is None:
        raise ValueError(f"{what} {shown(value)} is out of range; give {low:g} to {high:g}")
    return number


def at_start(values: Mapping[str, Value], events: Iterable[AnyEvent]) -> dict[str, Value]:
    """Return initial values, updated by the events at position 0."""
    return {**values, **{e.parameter: e.value for e in events if isinstance(e, Event) and e.position == 0}}


def in_force(events: Iterable[AnyEvent]) -> list[AnyEvent]:
    """Return events of one sample without those whose parameter a later one sets again."""
    kept: dict[object, AnyEvent] = {}
    for number, event in enumerate(events):
        key = event.parameter if isinstance(event, Event) else number
        kept.pop(key, None)
        kept[key] = event
    return list(kept.values())


class EventQueue:
    """Pending events by position, and by arrival within one position."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, AnyEvent]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, events: Iterable[AnyEvent]) -> None:
        """Queue checked events."""
        for event in events:
            heapq.heappush(self._heap, (event.position, self._count, event))
            self._count += 1

    def until(self, position: int) -> Iterator[AnyEvent]:
        """Remove and yield the events up to a position, in order."""
        heap = self._heap
        while heap and heap[0][0] <= position:
            yield heapq.heappop(heap)[2]

    def clear(self) -> None:
        """Forget all events."""
        self._heap.clear()
        self._count = 0
