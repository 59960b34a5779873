"""Turn MIDI messages into events as a map says, the same for live input and for MIDI files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import mido

from plugin_bridge.control.events import WIDEST_BEND, AllNotesOff, AnyEvent, Event, NoteOff, NoteOn, PitchBend
from plugin_bridge.engine.notes import MAX_NOTES
from plugin_bridge.midi.channel import REGISTERED, PairedControls, Pedal, Wheel
from plugin_bridge.midi.map import MidiMap

DRUMS = 9
"""The channel of drums, counted from 0, whose notes are never sung."""
_BANK, _BANK_LOW, _HOLD, _RESET = 0, 32, 64, 121
_NOTES_OFF = (120, 123, 124, 125, 126, 127)


@dataclass
class _Channel:
    wheel: Wheel
    bank: int = 0
    pedal: Pedal = field(default_factory=Pedal)
    pairs: PairedControls = field(default_factory=PairedControls)


class MidiDecoder:
    """Messages in, events out; its state is what the 16 channels remember and which notes are held.

    Each wheel bends the notes of its own channel: the bend is that of the channel whose note is sung.

    Args:
        midi_map: programs, controls and the bend range.
        report: called with a sentence when a program has no singer, and once about notes of drums.
    """

    def __init__(self, midi_map: MidiMap, report: Callable[[str], None]) -> None:
        self._report = report
        self.use(midi_map)
        self.reset()

    def use(self, midi_map: MidiMap) -> None:
        """Switch to another map; banks, pairs, pedals and bend ranges stay."""
        self._map = midi_map
        self._singers = {(row.bank, row.program): row.singer for row in midi_map.program}
        self._controls = {row.number: row for row in midi_map.control}

    def reset(self) -> None:
        """Forget banks, pairs, pedals, wheels and notes."""
        self._channels = [_Channel(Wheel(self._map.bend_range)) for _ in range(16)]
        self._held: list[tuple[int, float]] = []
        self._sung: int | None = None  # channel of the newest note, held or not
        self._bent = 0.0
        self._told_of_drums = False

    def forget_notes(self) -> None:
        """Hold no notes any more, by key or by pedal; the pedals stay where they are."""
        for channel in self._channels:
            channel.pedal.forget()
        self._held.clear()
        self._bent = 0.0  # as all-notes-off leaves the engine

    def process(self, message: mido.Message, position: int) -> list[AnyEvent]:
        """Return the events of one message.

        Args:
            message: any message; those that belong to no channel give nothing.
            position: sample position for the events.
        """
        if message.type in {"note_on", "note_off"}:
            return self._note(message, position)
        if message.type == "pitchwheel":
            self._channels[message.channel].wheel.pitch = message.pitch
            return self._wheel(message.channel, position)
        if message.type == "program_change":
            return self._program(message.channel, message.program, position)
        if message.type == "control_change":
            return self._control(message.channel, message.control, message.value, position)
        return []

    def _note(self, message: mido.Message, position: int) -> list[AnyEvent]:
        channel, note = message.channel, message.note
        begins = message.type == "note_on" and message.velocity > 0
        if channel == DRUMS:
            if begins and not self._told_of_drums:
                self._told_of_drums = True
                self._report("the notes of channel 10 are drums, which are not sung; use another channel")
            return []
        pedal = self._channels[channel].pedal
        if not begins:
            return self._ended(channel, [note], position) if pedal.end(note) else []
        again = self._ended(channel, [note], position) if pedal.begin(note) else []
        self._held = [*self._held, (channel, note)][-MAX_NOTES:]
        return [*again, NoteOn(position, float(note)), *self._rebent(position)]

    def _ended(self, channel: int, notes: Iterable[int], position: int) -> list[AnyEvent]:
        """End notes of a channel; an older note may be sung again, on a channel with another bend."""
        events: list[AnyEvent] = []
        for note in notes:
            if (channel, note) in self._held:
                del self._held[-1 - self._held[::-1].index((channel, note))]
            events.append(NoteOff(position, float(note)))
        return [*events, *self._rebent(position)]

    def _rebent(self, position: int) -> list[AnyEvent]:
        """Follow the newest note to its channel; return the bend of that channel if it differs."""
        if self._held:
            self._sung = self._held[-1][0]
        if self._sung is None or self._bend(self._sung) == self._bent:
            return []
        return self._wheel(self._sung, position)

    def _wheel(self, channel: int, position: int) -> list[AnyEvent]:
        """Return the bend of a channel if it is the one that is sung."""
        if channel == DRUMS or self._sung not in {None, channel}:
            return []
        self._bent = self._bend(channel)
        return [PitchBend(position, self._bent)]

    def _bend(self, channel: int) -> float:
        return min(WIDEST_BEND, max(-WIDEST_BEND, self._channels[channel].wheel.bend()))

    def _program(self, channel: int, program: int, position: int) -> list[AnyEvent]:
        bank = self._channels[channel].bank
        singer = self._singers.get((bank, program))
        if singer is None:
            self._report(
                f"no singer for program {program} of bank {bank}; the singer stays (see the MIDI map)"
            )
            return []
        return [Event(position, "singer", singer)]

    def _control(self, channel: int, number: int, value: int, position: int) -> list[AnyEvent]:
        state = self._channels[channel]
        if number in _NOTES_OFF:
            self.forget_notes()
            return [AllNotesOff(position)]
        if number == _RESET:
            lifted = self._pedal(channel, position, down=False)
            state.wheel.pitch = 0
            return [*lifted, *self._wheel(channel, position)]
        if number in {_BANK, _BANK_LOW}:
            state.bank = value << 7 | state.bank & 127 if number == _BANK else state.bank & 0x3F80 | value
            return []
        if number in REGISTERED:
            bent = state.wheel.registered(number, value) and state.wheel.pitch != 0
            return self._wheel(channel, position) if bent else []
        if number == _HOLD and number not in self._controls:
            return self._pedal(channel, position, down=value >= 64)
        # If a row took over the pedal while it was down, its release would never be heard.
        lifted = self._pedal(channel, position, down=False) if number == _HOLD else []
        return [*lifted, *self._mapped(state.pairs, number, value, position)]

    def _pedal(self, channel: int, position: int, *, down: bool) -> list[AnyEvent]:
        return self._ended(channel, self._channels[channel].pedal.move(down=down), position)

    def _mapped(self, pairs: PairedControls, number: int, value: int, position: int) -> list[AnyEvent]:
        at: float | None
        if number not in self._controls and 32 <= number < 64:
            number -= 32
            at = pairs.low(number, value)
        else:
            at = pairs.high(number, value)
        control = self._controls.get(number)
        if control is None or at is None:
            return []
        return [Event(position, control.parameter, control.value(at))]
