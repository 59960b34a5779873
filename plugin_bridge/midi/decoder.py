"""Turn MIDI messages into events by a map; the same for live input and for MIDI files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import mido

from plugin_bridge.control.events import WIDEST_BEND, AllNotesOff, AnyEvent, Event, NoteOff, NoteOn, PitchBend
from plugin_bridge.midi.channel import REGISTERED, Halves, Pedal, Wheel
from plugin_bridge.midi.map import MidiMap

_BANK, _BANK_LOW, _HOLD, _RESET = 0, 32, 64, 121
_NOTES_OFF = (120, 123, 124, 125, 126, 127)


@dataclass
class _Channel:
    wheel: Wheel
    bank: int = 0
    pedal: Pedal = field(default_factory=Pedal)
    halves: Halves = field(default_factory=Halves)


class MidiDecoder:
    """Messages in, events out; the banks, pairs, pedals and bend ranges of the 16 channels are its state.

    Args:
        midi_map: programs, controls and the bend range.
        report: called with a sentence when a program has no singer.
    """

    def __init__(self, midi_map: MidiMap, report: Callable[[str], None]) -> None:
        self._report = report
        self.use(midi_map)
        self.reset()

    def use(self, midi_map: MidiMap) -> None:
        """Go by another map from now on; banks, pairs, pedals and bend ranges stay."""
        self._map = midi_map
        self._singers = {(row.bank, row.program): row.singer for row in midi_map.program}
        self._controls = {row.number: row for row in midi_map.control}

    def reset(self) -> None:
        """Forget banks, pairs, pedals and bend ranges."""
        self._channels = [_Channel(Wheel(self._map.bend_range)) for _ in range(16)]

    def forget_notes(self) -> None:
        """Hold no note by a pedal any longer; the pedals stay where they are."""
        for channel in self._channels:
            channel.pedal.forget()

    def process(self, message: mido.Message, position: int) -> list[AnyEvent]:
        """Return the events of one message.

        Args:
            message: any channel message; others give nothing.
            position: sample position for the events.
        """
        if message.type in {"note_on", "note_off"}:
            begins = message.type == "note_on" and message.velocity > 0
            return self._note(self._channels[message.channel].pedal, message.note, position, begins=begins)
        if message.type == "pitchwheel":
            wheel = self._channels[message.channel].wheel
            wheel.pitch = message.pitch
            return [_bend(wheel, position)]
        if message.type == "program_change":
            return self._program(message.channel, message.program, position)
        if message.type == "control_change":
            return self._control(self._channels[message.channel], message.control, message.value, position)
        return []

    def _note(self, pedal: Pedal, note: int, position: int, *, begins: bool) -> list[AnyEvent]:
        if not begins:
            return [NoteOff(position, float(note))] if pedal.end(note) else []
        again: list[AnyEvent] = [NoteOff(position, float(note))] if pedal.begin(note) else []
        return [*again, NoteOn(position, float(note))]

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
            self.forget_notes()
            return [AllNotesOff(position)]
        if number == _RESET:
            state.wheel.pitch = 0
            return [*_held(state, position, down=False), _bend(state.wheel, position)]
        if number in {_BANK, _BANK_LOW}:
            state.bank = value << 7 | state.bank & 127 if number == _BANK else state.bank & 0x3F80 | value
            return []
        if number in REGISTERED:
            bent = state.wheel.registered(number, value) and state.wheel.pitch != 0
            return [_bend(state.wheel, position)] if bent else []
        if number == _HOLD and number not in self._controls:
            return _held(state, position, down=value >= 64)
        # Of a pedal that was down when a row took it, nobody would hear that it comes up.
        lifted = _held(state, position, down=False) if number == _HOLD else []
        return [*lifted, *self._mapped(state.halves, number, value, position)]

    def _mapped(self, halves: Halves, number: int, value: int, position: int) -> list[AnyEvent]:
        at: float | None
        if number not in self._controls and 32 <= number < 64:
            number -= 32
            at = halves.low(number, value)
        else:
            at = halves.high(number, value)
        control = self._controls.get(number)
        if control is None or at is None:
            return []
        return [Event(position, control.parameter, control.value(at))]


def _bend(wheel: Wheel, position: int) -> AnyEvent:
    return PitchBend(position, min(WIDEST_BEND, max(-WIDEST_BEND, wheel.bend())))


def _held(state: _Channel, position: int, *, down: bool) -> list[AnyEvent]:
    return [NoteOff(position, float(note)) for note in state.pedal.move(down=down)]
