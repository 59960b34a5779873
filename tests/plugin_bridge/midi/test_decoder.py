"""The decoder live: the hold pedal, a map that changes, and any message on any channel."""

from __future__ import annotations

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.control.events import AllNotesOff, AnyEvent, Event, NoteOff, NoteOn, PitchBend, check_event
from plugin_bridge.midi.decoder import MidiDecoder
from plugin_bridge.midi.map import MidiMap, load_midi_map

MAP = load_midi_map()
PEDAL_MAPPED = MAP.learned(64, "bypass")


def decoded(*messages: tuple[int, ...], midi_map: MidiMap = MAP) -> list[AnyEvent]:
    """Decode raw messages, the position of each being its index."""
    decoder = MidiDecoder(midi_map, pytest.fail)
    return [
        event
        for k, message in enumerate(messages)
        for event in decoder.process(mido.Message.from_bytes(message), k)
    ]


def test_the_hold_pedal_keeps_notes_until_it_comes_up() -> None:
    down, up = (0xB0, 64, 127), (0xB0, 64, 0)
    assert decoded((0x90, 60, 9), down, (0x80, 60, 0), (0x90, 62, 9), (0x90, 62, 0), up, (0x80, 60, 0)) == [
        NoteOn(0, 60.0),
        NoteOn(3, 62.0),
        NoteOff(5, 60.0),
        NoteOff(5, 62.0),
        NoteOff(6, 60.0),
    ]


def test_a_note_struck_again_under_the_pedal_ends_first() -> None:
    again = decoded(
        (0xB0, 64, 64), (0x90, 60, 9), (0x80, 60, 0), (0x90, 60, 9), (0xB0, 64, 63), (0x80, 60, 0)
    )
    assert again == [NoteOn(1, 60.0), NoteOff(3, 60.0), NoteOn(3, 60.0), NoteOff(5, 60.0)]


@pytest.mark.parametrize("ends", [(0xB0, 121, 0), (0xB0, 64, 0)])
def test_the_pedal_is_of_its_channel_and_comes_up_with_a_reset(ends: tuple[int, ...]) -> None:
    events = decoded((0xB0, 64, 127), (0x91, 60, 9), (0x81, 60, 0), (0x90, 64, 9), (0x80, 64, 0), ends)
    assert [event for event in events if not isinstance(event, PitchBend)] == [
        NoteOn(1, 60.0),
        NoteOff(2, 60.0),
        NoteOn(3, 64.0),
        NoteOff(5, 64.0),
    ]


def test_all_notes_off_empties_the_pedal() -> None:
    events = decoded((0xB0, 64, 127), (0x90, 60, 9), (0x80, 60, 0), (0xB5, 123, 0), (0xB0, 64, 0))
    assert events == [NoteOn(1, 60.0), AllNotesOff(3)]


def test_a_row_of_the_map_takes_the_pedal() -> None:
    events = decoded((0xB0, 64, 127), (0x90, 60, 9), (0x80, 60, 0), midi_map=PEDAL_MAPPED)
    assert events == [Event(0, "bypass", True), NoteOn(1, 60.0), NoteOff(2, 60.0)]


@pytest.mark.parametrize("value", [0, 127])
def test_a_row_that_takes_the_pedal_while_it_is_down_lifts_it(value: int) -> None:
    decoder = MidiDecoder(MAP, pytest.fail)
    for k, message in enumerate([(0xB0, 64, 127), (0x90, 60, 9), (0x80, 60, 0)]):
        decoder.process(mido.Message.from_bytes(message), k)
    decoder.use(PEDAL_MAPPED)
    moved = decoder.process(mido.Message.from_bytes((0xB0, 64, value)), 3)
    assert moved == [NoteOff(3, 60.0), Event(3, "bypass", value == 127)]
    assert decoder.process(mido.Message.from_bytes((0x80, 62, 0)), 4) == [NoteOff(4, 62.0)]


def test_a_low_half_waits_for_its_high_half() -> None:
    assert decoded((0xB0, 48, 127)) == []
    late = decoded((0xB0, 48, 127), (0xB0, 16, 64), (0xB0, 48, 1))
    assert [event.position for event in late] == [1, 2]
    first, second = (event.value for event in late if isinstance(event, Event))
    assert first == 0.5
    assert second == pytest.approx(0.5 + 0.5 / 8191)


def test_a_high_half_clears_the_low_one() -> None:
    values = [
        event.value
        for event in decoded((0xB0, 16, 64), (0xB0, 48, 127), (0xB0, 16, 64))
        if isinstance(event, Event)
    ]
    assert values == [0.5, pytest.approx(0.5 + 127 / 16382), 0.5]


def bends(*messages: tuple[int, ...], midi_map: MidiMap = MAP) -> list[float]:
    return [
        event.semitones for event in decoded(*messages, midi_map=midi_map) if isinstance(event, PitchBend)
    ]


TO_THE_RANGE, UP = ((0xB0, 101, 0), (0xB0, 100, 0)), (0xE0, 127, 127)


def test_the_cents_of_a_bend_range_leave_its_semitones_and_new_semitones_clear_the_cents() -> None:
    assert bends(*TO_THE_RANGE, (0xB0, 38, 50), UP) == [2.5]
    assert bends(*TO_THE_RANGE, (0xB0, 6, 12), (0xB0, 38, 25), UP) == [12.25]
    assert bends(*TO_THE_RANGE, (0xB0, 6, 12), (0xB0, 38, 25), (0xB0, 6, 7), UP) == [7.0]
    wide = MidiMap.model_validate({"bend_range": 3.5})
    assert bends(UP, midi_map=wide) == [3.5]
    assert bends(*TO_THE_RANGE, (0xB0, 38, 0), UP, midi_map=wide) == [3.0]


def test_a_wheel_bends_the_notes_of_its_own_channel() -> None:
    up, down = (0xE1, 127, 127), (0xE0, 0, 0)
    assert bends((0x90, 60, 9), up) == []  # channel 2 plays nothing
    assert bends((0x90, 60, 9), up, down) == [-2.0]
    assert bends((0x90, 60, 9), (0x80, 60, 0), up) == []  # the note still fades
    # Channel 2 takes over with its own bend, and the note below comes back with that of channel 1.
    over = decoded(down, (0x90, 60, 9), up, (0x91, 64, 9), (0x81, 64, 0), (0x80, 60, 0))
    assert over == [
        PitchBend(0, -2.0),
        NoteOn(1, 60.0),
        NoteOn(3, 64.0),
        PitchBend(3, 2.0),
        NoteOff(4, 64.0),
        PitchBend(4, -2.0),
        NoteOff(5, 60.0),
    ]


def test_of_a_note_struck_twice_the_newest_ends() -> None:
    twice = (0xE1, 127, 127), (0x90, 60, 9), (0x91, 64, 9), (0x90, 60, 9), (0x80, 60, 0)
    assert bends(*twice) == [2.0, 0.0, 2.0, 0.0, 2.0]


def test_a_note_after_all_notes_off_is_bent_as_its_wheel_stands() -> None:
    assert bends(UP, (0x90, 60, 9), (0xB0, 123, 0), (0x90, 62, 9), (0x91, 64, 9)) == [2.0, 2.0, 0.0]


def test_drums_are_never_sung_and_that_is_said_once() -> None:
    said: list[str] = []
    decoder = MidiDecoder(MAP, said.append)
    drums = [(0x99, 36, 100), (0xE9, 0, 0), (0x89, 36, 0), (0x99, 38, 100), (0x99, 38, 0)]
    assert not [event for message in drums for event in decoder.process(mido.Message.from_bytes(message), 0)]
    assert said == ["the notes of channel 10 are drums, which are not sung; use another channel"]
    knob = mido.Message.from_bytes((0xB9, 1, 127))
    assert decoder.process(knob, 0) == [Event(0, "vibrato", 2.0)]


@given(st.integers(0, 0x3FFF), st.integers(0, 0x3FFF))
def test_a_greater_14_bit_value_is_never_a_smaller_parameter(a: int, b: int) -> None:
    def value(number: int) -> float:
        events = decoded((0xB0, 48, 0), (0xB0, 16, number >> 7), (0xB0, 48, number & 127))
        last = events[-1]
        assert isinstance(last, Event)
        return float(last.value)

    assert (value(a) < value(b)) == (a < b)
    assert (value(0), value(0x2000), value(0x3FFF)) == (0.0, 0.5, 1.0)


def test_another_map_leaves_bank_and_wheel_as_they_are() -> None:
    decoder = MidiDecoder(MidiMap.model_validate({"bend_range": 12.0}), pytest.fail)
    decoder.process(mido.Message("control_change", control=0, value=1), 0)
    decoder.use(MidiMap.model_validate({"program": ({"bank": 128, "program": 3, "singer": "nit"},)}))
    assert decoder.process(mido.Message("program_change", program=3), 1) == [Event(1, "singer", "nit")]
    assert decoder.process(mido.Message("pitchwheel", pitch=8191), 2) == [PitchBend(2, 12.0)]


def test_whatever_comes_the_engine_can_take_what_goes_out() -> None:
    rng = np.random.default_rng(3)
    decoder = MidiDecoder(MAP, lambda _: None)
    data = rng.integers(0, 128, (20_000, 2))
    status = rng.integers(0x80, 0xF0, 20_000)
    kinds: set[type] = set()
    for k, (first, (one, two)) in enumerate(zip(status.tolist(), data.tolist(), strict=True)):
        size = 1 if 0xC0 <= first < 0xE0 else 2
        for event in decoder.process(mido.Message.from_bytes([first, one, two][: 1 + size]), k):
            assert check_event(event) == event
            kinds.add(type(event))
    assert kinds == {Event, NoteOn, NoteOff, PitchBend, AllNotesOff}
