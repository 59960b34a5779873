"""Turn MIDI messages into events by a map; the same for live input and for MIDI files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import mido

from plugin_bridge.events import WIDEST_BEND, AllNotesOff, AnyEvent, Event, NoteOff, NoteOn, PitchBend
from plugin_bridge.midimap import Control, MidiMap

_BANK, _BANK_LOW, _DATA, _DATA_LOW = 0, 32, 6, 38
_NRPN = (98, 99)
_RPN_LOW, _RPN_HIGH = 100, 101
_RESET = 121
_NOTES_OFF = (120, 123, 124, 125, 126, 127)
_NO_RPN = 0x3FFF


@dataclass
class _Channel:
    bank: int = 0
    rpn: int = _NO_RPN
    bend: int = 0
    bend_semitones: int = 0
    bend_cents: int = 0
    range_set: bool = False
    high: dict[int, int] = field(default_factory=dict)
    low: dict[int, int] = field(default_factory=dict)


class MidiDecoder:
    """Messages in, events out; the banks, pairs and bend ranges of the 16 channels are its state.

    Args:
        midi_map: programs, controls and the bend range.
        report: called with a sentence when a program has no singer.
    """

    def __init__(self, midi_map: MidiMap, report: Callable[[str], None]) -> None:
        self._map = midi_map
        self._report = report
        self._singers = {(row.bank, row.program): row.singer for row in midi_map.program}
        self._controls = {row.number: row for row in midi_map.control}
        self.reset()

    def reset(self) -> None:
        """Forget banks, pairs and bend ranges."""
        self._channels = [_Channel() for _ in range(16)]

    def process(self, message: mido.Message, position: int) -> list[AnyEvent]:
        """Return the events of one message.

        Args:
            message: any channel message; others give nothing.
            position: sample position for the events.
        """
        if message.type == "note_on" and message.velocity > 0:
            return [NoteOn(position, float(message.note))]
        if message.type in {"note_on", "note_off"}:
            return [NoteOff(position, float(message.note))]
        if message.type == "pitchwheel":
            state = self._channels[message.channel]
            state.bend = message.pitch
            return [self._bend(state, position)]
        if message.type == "program_change":
            return self._program(message.channel, message.program, position)
        if message.type == "control_change":
            return self._control(self._channels[message.channel], message.control, message.value, position)
        return []

    def _program(self, channel: int, program: int, position: int) -> list[AnyEvent]:
        bank = self._channels[channel].bank
        singer = self._singers.get((bank, program))
        if singer is None:
            self._report(
                f"no singer for program {program} of bank {bank}; the singer stays (see the MIDI map)"
            )
            return []
        return [Event(position, "singer", singer)]

    def _control(self, state: _Channel, number: int, value: int, position: int) -> list[AnyEvent]:
        if number in _NOTES_OFF:
            return [AllNotesOff(position)]
        if number == _RESET:
            state.bend = 0
            return [self._bend(state, position)]
        if number in {_BANK, _BANK_LOW}:
            state.bank = value << 7 | state.bank & 127 if number == _BANK else state.bank & 0x3F80 | value
            return []
        if number in {_DATA, _DATA_LOW, _RPN_LOW, _RPN_HIGH, *_NRPN}:
            return self._registered(state, number, value, position)
        return self._mapped(state, number, value, position)

    def _registered(self, state: _Channel, number: int, value: int, position: int) -> list[AnyEvent]:
        """Registered parameter 0 is the range of the pitch wheel: semitones, then cents."""
        if number in _NRPN:
            state.rpn = _NO_RPN
        elif number == _RPN_LOW:
            state.rpn = state.rpn & 0x3F80 | value
        elif number == _RPN_HIGH:
            state.rpn = value << 7 | state.rpn & 127
        elif state.rpn == 0:
            state.range_set = True
            if number == _DATA:
                state.bend_semitones, state.bend_cents = value, 0
            else:
                state.bend_cents = value
            return [self._bend(state, position)] if state.bend else []
        return []

    def _bend(self, state: _Channel, position: int) -> AnyEvent:
        width = state.bend_semitones + state.bend_cents / 100.0 if state.range_set else self._map.bend_range
        semitones = unit(state.bend + 8192, 14) * 2.0 - 1.0
        return PitchBend(position, min(WIDEST_BEND, max(-WIDEST_BEND, width * semitones)))

    def _mapped(self, state: _Channel, number: int, value: int, position: int) -> list[AnyEvent]:
        control: Control | None = self._controls.get(number)
        if control is None and 32 <= number < 64:
            control = self._controls.get(number - 32)
            state.low[number - 32] = value
            number -= 32
        else:
            state.high[number] = value
            if number in state.low:
                state.low[number] = 0  # a new high half clears the low one
        if control is None:
            return []
        if number in state.low:
            at = unit(state.high.get(number, 0) << 7 | state.low[number], 14)
        else:
            at = unit(value, 7)
        return [Event(position, control.parameter, control.value(at))]


def unit(value: int, bits: int) -> float:
    """Map a MIDI value to 0..1 so that its middle, 64 or 8192, is exactly 0.5."""
    middle = 1 << (bits - 1)
    if value <= middle:
        return value / (2 * middle)
    return 0.5 + (value - middle) / (2 * (middle - 1))
