"""The MIDI byte stream: any cut, any bytes, running status, and messages that other bytes interrupt."""

from __future__ import annotations

import mido
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.midi.stream import MidiStream

WHOLE = st.one_of(
    st.tuples(
        st.sampled_from([s | c for s in (0x80, 0x90, 0xA0, 0xB0, 0xE0) for c in (0, 7, 15)]),
        st.integers(0, 127),
        st.integers(0, 127),
    ),
    st.tuples(st.sampled_from([0xC0, 0xC5, 0xDF]), st.integers(0, 127)),
).map(bytes)
SYSTEM = st.one_of(
    st.binary(max_size=20).map(lambda data: b"\xf0" + bytes(b & 127 for b in data) + b"\xf7"),
    st.sampled_from([b"\xf1\x05", b"\xf2\x01\x02", b"\xf3\x07", b"\xf4", b"\xf5", b"\xf6", b"\xf7"]),
)
REALTIME = st.sampled_from([bytes([b]) for b in range(0xF8, 0x100)])


def cut(data: bytes, places: list[int]) -> list[bytes]:
    at = sorted({place % (len(data) + 1) for place in places})
    return [data[a:b] for a, b in zip([0, *at], [*at, len(data)], strict=True)]


def fed(pieces: list[bytes]) -> list[bytes]:
    stream = MidiStream()
    return [message for piece in pieces for message in stream.process(piece)]


@given(st.lists(st.one_of(WHOLE, SYSTEM, REALTIME)), st.lists(st.integers(0, 1000)))
def test_whole_messages_come_out_as_they_went_in_however_they_are_cut(
    messages: list[bytes], places: list[int]
) -> None:
    channel = [message for message in messages if message[0] < 0xF0]
    assert fed(cut(b"".join(messages), places)) == channel


@given(st.lists(WHOLE), st.lists(st.integers(0, 1000)), st.lists(REALTIME, min_size=1))
def test_running_status_and_clocks_between_bytes(
    messages: list[bytes], places: list[int], clocks: list[bytes]
) -> None:
    running, status = bytearray(), 0
    for message in messages:
        running += message if message[0] != status else message[1:]
        status = message[0]
    pieces = cut(bytes(running), places)
    assert fed(pieces) == messages
    ticking = [part for k, piece in enumerate(pieces) for part in (piece, clocks[k % len(clocks)])]
    assert fed([b"".join(ticking)]) == messages


@given(st.lists(st.binary(max_size=30)))
def test_any_bytes_in_any_pieces_give_the_same_well_formed_messages(pieces: list[bytes]) -> None:
    found = fed(pieces)
    assert found == fed([b"".join(pieces)])
    for message in found:
        assert mido.Message.from_bytes(message).bytes() == list(message)


@given(st.binary(max_size=40), WHOLE)
def test_after_any_bytes_the_next_whole_message_is_understood(noise: bytes, message: bytes) -> None:
    assert fed([noise, message])[-1] == message


def test_a_message_that_breaks_off_is_dropped_and_a_system_message_ends_the_running_status() -> None:
    assert fed([b"\x90\x40", b"\xb0\x01\x02"]) == [b"\xb0\x01\x02"]
    assert fed([b"\x90\x40\x41\xf6\x42\x43\xb0\x01\x02"]) == [b"\x90\x40\x41", b"\xb0\x01\x02"]
    assert fed([b"\xf0" + bytes(1_000_000), bytes(5), b"\xf7\xc0\x05"]) == [b"\xc0\x05"]


def test_reset_forgets_the_status_and_what_was_begun() -> None:
    stream = MidiStream()
    stream.process(b"\x90\x40\x41\x42")
    stream.reset()
    assert stream.process(b"\x43\x44\x45") == []
