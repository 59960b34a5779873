"""Events waiting for the engine: those that act at once, those for a later sample, and MIDI."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from plugin_bridge.control.events import AnyEvent, EventQueue, in_force
from plugin_bridge.live.audio.gauges import Gauges
from plugin_bridge.live.link import EVENTS_PER_MESSAGE

MAX_EVENTS = 10_000
"""Events of each kind that may wait."""
MAX_MESSAGES = 1_000
"""MIDI messages of the control process that may wait."""
_DEVICE = "\0"
"""The port of the device itself, which has no name in the system."""


class Midi(Protocol):
    """Makes events of MIDI messages; `MidiInput` is one."""

    def process(self, data: bytes, position: int, port: str) -> Sequence[AnyEvent]:
        """Return the events of one message of a port, at a position; the engine can take them all."""

    def learn(self, parameter: str | None) -> None:
        """Let the next control change move a parameter; None gives up waiting."""


class EventScheduler:
    """Belongs to the engine's thread; all positions are those of the stream.

    None is checked here: events of the control process were before they were sent, MIDI gives none that does
    not fit, and the engine checks all that it takes.

    Args:
        midi: decodes messages.
        gauges: whose `late` and `refused` it counts.
    """

    def __init__(self, midi: Midi, gauges: Gauges) -> None:
        self.upto = 0
        """Number of the newest message of the control process whose events were taken."""
        self._midi, self._gauges = midi, gauges
        self._queue = EventQueue()
        self._now: list[AnyEvent] = []
        self._messages: list[tuple[bytes, str]] = []
        self._given = 0

    @property
    def has_room(self) -> bool:
        """Return whether any message of events that act at once can be taken as a whole."""
        return len(self._now) + EVENTS_PER_MESSAGE <= MAX_EVENTS

    def at_once(self, events: Iterable[AnyEvent], number: int) -> None:
        """Take the events of a message of the control process; they act on the next sample."""
        for event in events:
            if len(self._now) < MAX_EVENTS:
                self._now.append(event)
            else:
                self._gauges.refused += 1
        self._given = number

    def at_their_time(self, events: Iterable[AnyEvent]) -> None:
        """Take events that act on the sample of their position."""
        for event in events:
            if len(self._queue) < MAX_EVENTS:
                self._queue.add([event])
            else:
                self._gauges.refused += 1

    def message(self, data: bytes, port: str) -> None:
        """Take a MIDI message of a port of the control process; it acts on the next sample."""
        if len(self._messages) < MAX_MESSAGES:
            self._messages.append((data, port))
        else:
            self._gauges.refused += 1

    def learn(self, parameter: str | None) -> None:
        """Let the next control change move a parameter; None gives up waiting."""
        self._midi.learn(parameter)

    def forget(self) -> None:
        """Drop the events to come; those that act at once were confirmed already, and are kept."""
        self._queue.clear()
        self._messages.clear()

    def decode_midi(self, device: Iterable[tuple[int, bytes]], position: int) -> None:
        """Decode the MIDI messages that wait, at a position, and those of a device, at theirs.

        Args:
            device: messages with their positions, those of input left out among them.
            position: of the block that begins.
        """
        for data, port in self._messages:
            self._decode(data, position, port)
        self._messages.clear()
        for when, data in device:
            self._decode(data, max(when, position), _DEVICE)
            self._gauges.late += when < position

    def due(self, start: int, stop: int) -> tuple[list[AnyEvent], list[AnyEvent]]:
        """Return what acts in a block: the events that act at once, as far as in force, and the others.

        Args:
            start: position of the block's first sample; what was to act before acts there and is counted.
            stop: position behind its last.
        """
        own = [replace(event, position=start) for event in in_force(self._now)]
        self._now.clear()
        others = []
        for event in self._queue.until(stop - 1):
            late = event.position < start
            self._gauges.late += late
            others.append(replace(event, position=start) if late else event)
        return own, others

    def acknowledged(self) -> bool:
        """Return whether messages were taken since the last time, and bring `upto` up to date."""
        before, self.upto = self.upto, self._given
        return self.upto != before

    def _decode(self, data: bytes, position: int, port: str) -> None:
        self.at_their_time(self._midi.process(data, position, port))
