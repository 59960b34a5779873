"""Packets in a stream: both framings, in pieces of any size, and garbage between."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc import slip

from plugin_bridge.osc.wire.framing import Lengths, Slip, framing_of
from plugin_bridge.osc.wire.packets import PacketError

PACKETS = st.lists(st.binary(min_size=1, max_size=40), max_size=6)


@pytest.mark.parametrize("kind", [Slip, Lengths])
@given(packets=PACKETS, size=st.integers(1, 17))
def test_what_is_framed_comes_out_however_it_is_cut(
    kind: type[Slip | Lengths], packets: list[bytes], size: int
) -> None:
    stream = b"".join(kind().framed(packet) for packet in packets)
    reader, found = kind(), []
    for start in range(0, len(stream), size):
        reader.feed(stream[start : start + size])
        found += list(reader.packets())
    assert found == packets


@given(st.binary(min_size=1, max_size=60))
def test_slip_is_that_of_python_osc(packet: bytes) -> None:
    assert Slip().framed(packet) == slip.encode(packet)


def test_the_first_byte_tells_the_framing() -> None:
    assert isinstance(framing_of(Lengths().framed(b"/a\0\0")), Lengths)
    assert isinstance(framing_of(Slip().framed(b"/a\0\0")), Slip)
    assert isinstance(framing_of(b"/a\0\0\xc0"), Slip)
    assert isinstance(framing_of(b"#bundle"), Slip)


def test_a_reader_may_stop_between_two_packets() -> None:
    for kind in (Slip, Lengths):
        reader = kind()
        reader.feed(reader.framed(b"one") + reader.framed(b"two"))
        assert next(reader.packets()) == b"one"
        assert list(reader.packets()) == [b"two"]


def test_slip_goes_on_after_a_wrong_escape_and_after_a_frame_too_long() -> None:
    reader = Slip()
    reader.feed(b"\xc0\xdbx\xc0" + reader.framed(b"good"))
    wrong, good = reader.packets()
    assert isinstance(wrong, PacketError)
    assert good == b"good"
    told = []
    for _ in range(8):
        reader.feed(b"x" * 40_000)
        told += list(reader.packets())
    assert len(told) == 1
    reader.feed(b"\xc0" + reader.framed(b"good"))
    assert list(reader.packets()) == [b"good"]


def test_a_length_too_large_ends_the_stream() -> None:
    reader = Lengths()
    reader.feed(reader.framed(b"good") + b"\0\1\0\1")
    packets = reader.packets()
    assert next(packets) == b"good"
    with pytest.raises(PacketError, match="65537 bytes is too large"):
        next(packets)
