"""MIDI in the audio process: events on their sample, learning, and nothing that makes it fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.control.events import AllNotesOff, AnyEvent, Event, NoteOff, NoteOn, PitchBend, check_event
from plugin_bridge.engine.engine import Engine
from plugin_bridge.errors import ScoreError
from plugin_bridge.midi.input import MidiInput
from plugin_bridge.midi.map import Learned, load_midi_map
from tests.support.doubles import BRIGHT, DARK, sung

RATE = 24000
MAP = """
[[program]]
program = 0
singer = "dark"
[[program]]
program = 1
singer = "bright"
[[program]]
program = 2
singer = "absent"

[[control]] # a knob
number = 7
parameter = "gain"
low = -40.0
[[control]]
number = 49
parameter = "mix"
"""


class Desk:
    """An input and what it said."""

    def __init__(self, path: Path | None) -> None:
        self.said: list[str] = []
        self.midi = MidiInput(path, self.said.append, ("dark", "bright"))

    def send(self, *data: int, at: int = 0) -> list[AnyEvent]:
        return self.midi.process(bytes(data), at)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "map.toml"
    path.write_text(MAP, encoding="utf-8")
    return path


@pytest.fixture
def desk(path: Path) -> Iterator[Desk]:
    desk = Desk(path)
    yield desk
    desk.midi.close()


def test_bytes_become_events_at_their_position_and_a_message_in_pieces_at_its_end(desk: Desk) -> None:
    assert desk.send(0x90, 69, 1, 71, at=5) == [NoteOn(5, 69.0)]
    assert desk.send(1, 69, 0, at=9) == [NoteOn(9, 71.0), NoteOff(9, 69.0)]
    assert desk.send(0xE0, 0x7F, 0x7F, 0xB3, 123, 0, at=11) == [PitchBend(11, 2.0), AllNotesOff(11)]


def test_ports_share_neither_pedals_nor_banks_nor_running_status(desk: Desk) -> None:
    def keys(*data: int) -> list[AnyEvent]:
        return desk.midi.process(bytes(data), 0, "keys")

    def pads(*data: int) -> list[AnyEvent]:
        return desk.midi.process(bytes(data), 0, "pads")

    keys(0xB0, 64, 127)
    pads(0xB0, 32, 9)
    assert pads(0x90, 60, 1, 0x80, 60, 0) == [NoteOn(0, 60.0), NoteOff(0, 60.0)]
    assert keys(0x90, 62, 1, 0x80, 62, 0) == [NoteOn(0, 62.0)]
    assert keys(0xC0, 1) == [Event(0, "singer", "bright")]
    assert pads(1) == []  # velocity of a note that was not begun there
    assert pads(0xB0, 123, 0) == [AllNotesOff(0)]
    assert keys(0xB0, 64, 0) == []  # ended already
    desk.midi.learn("morph")
    assert keys(0xB0, 21, 64) == pads(0xB3, 21, 64) == [Event(0, "morph", 0.5)]


def test_an_unknown_program_and_an_absent_singer_change_nothing_and_are_said_once(desk: Desk) -> None:
    assert desk.send(0xC0, 1, at=7) == [Event(7, "singer", "bright")]
    for at in range(0, 20_000, 1000):
        assert desk.send(0xC0, 2, 99, at=at) == []
    assert desk.said == [
        "singer 'absent' is not in the set, so the singer stays; add it with --singer besides dark, bright",
        "no singer for program 99 of bank 0; the singer stays (see the MIDI map)",
    ]
    desk.send(0xC0, 99, at=100_000)
    assert len(desk.said) == 3


def test_a_stuck_keyboard_floods_nobody(desk: Desk) -> None:
    for at in range(48_000 * 3):
        if at % 40 == 0:
            desk.send(0xB0, 0, at % 128, 0xC0, at // 40 % 128, at=at)
    assert len(desk.said) == 3 * 8  # eight a second at 48 kHz


def test_the_next_control_is_learned_saved_and_acts_at_once(desk: Desk, path: Path) -> None:
    desk.midi.learn("morph")
    assert desk.send(
        0x90, 60, 9, 0xC0, 1, 0xE0, 0, 64, 0xB0, 0, 3, 123, 0, at=1
    )  # none of these is a control
    assert desk.send(0xB4, 21, 64, at=2) == [Event(2, "morph", 0.5)]
    assert desk.send(0xB0, 22, 64, at=3) == []
    assert desk.said == ["control 21 moves morph now"]
    desk.midi.close()
    assert (21, "morph") in [(row.number, row.parameter) for row in load_midi_map(path).control]
    again = Desk(path)
    assert again.send(0xB0, 21, 127) == [Event(0, "morph", 1.0)]
    again.midi.close()


def test_a_learned_control_is_14_bits_wide(desk: Desk) -> None:
    desk.midi.learn("morph")
    desk.send(0xB0, 21, 64)
    value = desk.send(0xB0, 53, 1, at=10)[0]
    assert isinstance(value, Event)
    assert value.value == pytest.approx(0.5 + 0.5 / 8191)


@pytest.mark.parametrize("apart", [0, 128, 2048])
@pytest.mark.parametrize("numbers", [(17, 49), (49, 17)])
def test_both_halves_of_a_control_are_learned_whichever_comes_first(
    desk: Desk, path: Path, numbers: tuple[int, int], apart: int
) -> None:
    """Also in two blocks of a port, the longest of which has 2048 samples."""
    desk.midi.learn("morph")
    for k, number in enumerate(numbers):
        desk.send(0xB0, number, 64, at=apart * k)
    desk.midi.close()
    rows = {row.number: row.parameter for row in load_midi_map(path).control}
    assert rows == {7: "gain", 17: "morph"}  # 49 is no control of its own any longer
    assert desk.send(0xB0, 17, 64, 49, 0) == [Event(0, "morph", 0.5), Event(0, "morph", 0.5)]


@pytest.mark.parametrize("apart", [(0xB0, 2_049), (0xB0, 500_000), (0xB1, 128)])
def test_another_knob_later_or_of_another_channel_is_no_half(desk: Desk, apart: tuple[int, int]) -> None:
    status, at = apart
    desk.midi.learn("morph")
    desk.send(0xB0, 50, 64)
    desk.send(status, 18, 64, at=at)
    assert desk.send(0xB0, 50, 127, at=at + 1) == [Event(at + 1, "morph", 1.0)]


def test_learning_again_moves_the_parameter_to_the_other_control_with_its_range(desk: Desk) -> None:
    desk.midi.learn("gain")
    assert desk.send(0xB0, 70, 0) == [Event(0, "gain", -40.0)]
    assert desk.send(0xB0, 7, 0) == []


def test_learning_can_be_given_up_and_refuses_what_no_control_moves(desk: Desk) -> None:
    desk.midi.learn("morph")
    desk.midi.learn(None)
    assert desk.send(0xB0, 21, 64) == []
    with pytest.raises(ValueError, match="parameter 'moprh' is unknown"):
        desk.midi.learn("moprh")
    with pytest.raises(ValueError, match="a control cannot pick a singer; map a program"):
        desk.midi.learn("singer")
    assert desk.send(0xB0, 21, 64) == []


def test_what_was_learned_before_is_known_and_not_saved_again(path: Path) -> None:
    kept: list[Learned] = []
    first = MidiInput(None, lambda _: None, keep=kept.append)
    first.learn("morph")
    first.process(b"\xb0\x15\x40\xb0\x35\x00", 0)
    assert kept == [Learned(21, "morph", False), Learned(21, "morph", True)]
    again = MidiInput(path, lambda _: None, learned=kept)
    assert again.process(b"\xb0\x15\x40", 0) == [Event(0, "morph", 0.5)]
    again.close()
    assert path.read_text(encoding="utf-8") == MAP


def test_without_a_map_of_its_own_it_learns_until_the_end_and_says_so() -> None:
    desk = Desk(None)
    desk.midi.learn("morph")
    assert desk.send(0xB0, 21, 127) == [Event(0, "morph", 1.0)]
    assert desk.said == [
        "control 21 moves morph now until the end; to keep it, name a map of your own with --midi-map"
    ]
    desk.midi.close()


def test_what_cannot_be_saved_is_said_and_still_works(desk: Desk, path: Path) -> None:
    path.unlink()
    desk.midi.learn("morph")
    desk.send(0xB0, 21, 64)
    desk.midi.close()
    assert desk.said[1].startswith(f"control 21 moves morph but could not be saved: {path} does not exist")
    assert desk.send(0xB0, 21, 64) == [Event(0, "morph", 0.5)]


def test_a_wrong_map_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ScoreError, match="does not exist"):
        MidiInput(tmp_path / "none.toml", print)


def test_reset_lets_go_of_pedals_and_unfinished_messages(desk: Desk) -> None:
    desk.send(0xB0, 64, 127, 0x90, 60)
    desk.midi.reset()
    assert desk.send(5, 0x80, 60, 0) == [NoteOff(0, 60.0)]


@given(st.lists(st.tuples(st.binary(max_size=12), st.booleans()), max_size=40))
def test_any_bytes_give_events_that_the_engine_takes(pieces: list[tuple[bytes, bool]]) -> None:
    midi = MidiInput(None, lambda _: None)
    for k, (data, learn) in enumerate(pieces):
        if learn:
            midi.learn("formant")
        for event in midi.process(data, k):
            assert check_event(event).position == k


def test_played_live_in_blocks_it_is_what_a_list_of_events_gives(desk: Desk) -> None:
    """Singer, controls, notes, glide and bend: by bytes in blocks of 128, and as events in one piece."""
    x = sung(RATE, 1.0, 220)
    played: list[tuple[int, bytes]] = [
        (0, b"\xb0\x07\x7f"),
        (2_005, b"\xc0\x01"),
        (4_801, b"\x90\x3c\x40"),
        (7_333, b"\x90\x43\x40"),
        (9_000, b"\xe0\x00\x60"),
        (12_345, b"\x80\x43\x40"),
        (15_000, b"\xb0\x7b\x00"),
    ]
    meant: list[AnyEvent] = [
        Event(0, "gain", 24.0),
        Event(2_005, "singer", "bright"),
        NoteOn(4_801, 60.0),
        NoteOn(7_333, 67.0),
        PitchBend(9_000, 2.0 * ((96 * 128 - 8192) / 8191)),
        NoteOff(12_345, 67.0),
        AllNotesOff(15_000),
    ]
    engine = Engine(RATE, 1, [DARK, BRIGHT], parameters={"transpose": 0.0, "melody": True, "glide": 100.0})
    offline = engine.process(x, meant)
    engine.reset()
    parts = []
    for start in range(0, x.shape[1], 128):
        due = [(at, data) for at, data in played if start <= at < start + 128]
        events = [event for at, data in due for event in desk.midi.process(data, at)]
        parts.append(engine.process(x[:, start : start + 128], events))
    assert np.array_equal(np.concatenate(parts, axis=1), offline)
    assert engine.late == 0
    assert not desk.said
