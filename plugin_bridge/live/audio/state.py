"""The engine's state as events: values, held notes and bend, to bring it back after a reset."""

from __future__ import annotations

from collections.abc import Mapping

from plugin_bridge.control.events import AllNotesOff, AnyEvent, Event, NoteOff, NoteOn, PitchBend
from plugin_bridge.control.parameters import PARAMETERS, Value
from plugin_bridge.engine.notes import MAX_NOTES


class EngineState:
    """Follows the events that an engine takes.

    Args:
        values: what the engine was made with; the others have their defaults.
    """

    def __init__(self, values: Mapping[str, Value]) -> None:
        self.initial = {row.id: row.default for row in PARAMETERS.values()} | dict(values)
        """Every parameter as the engine was made."""
        self.values = dict(self.initial)
        """Every parameter as set last."""
        self._notes: list[float] = []
        self._bend = 0.0

    def follow(self, event: AnyEvent) -> None:
        """Take an event."""
        match event:
            case Event(_, name, value):
                self.values[name] = value
            case NoteOn(_, note):
                self._notes = [*self._notes, note][-MAX_NOTES:]  # as `Melody` does: begun twice, ended twice
            case NoteOff(_, note):
                self._release(note)
            case PitchBend(_, semitones):
                self._bend = semitones
            case AllNotesOff():
                self._notes.clear()
                self._bend = 0.0

    def events(self) -> list[AnyEvent]:
        """Return what brings an engine that was reset to the same state, at position 0."""
        changed = [Event(0, name, v) for name, v in self.values.items() if v != self.initial[name]]
        notes = [NoteOn(0, note) for note in self._notes]
        return [*changed, *notes, *([PitchBend(0, self._bend)] if self._bend else [])]

    def _release(self, note: float) -> None:
        if note in self._notes:
            del self._notes[-1 - self._notes[::-1].index(note)]
