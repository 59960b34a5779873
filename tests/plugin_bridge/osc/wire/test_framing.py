"""Packets in a stream: both framings, in pieces of any size, and garbage between."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc import slip

from plugin_bridge.osc.wire.framing import Lengths, Slip, framing_of
from plugin_bridge.osc.wire.packets import PacketError

PACKETS = st.lists(
    st.builds(
        lambda start, rest: start + rest[: len(rest) // 4 * 4],
        st.sampled_from([b"/abc", b"#bundle\0"]),
        st.binary(max_size=40),
    ),
    max_size=6,
)


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
        reader.feed(reader.framed(b"/one") + reader.framed(b"/two"))
        assert next(reader.packets()) == b"/one"
        assert list(reader.packets()) == [b"/two"]
        assert not reader.pending
        reader.feed(reader.framed(b"/abc")[:5])
        assert list(reader.packets()) == []
        assert reader.pending


FOREIGN = [
    b"POST / HTTP/1.1\r\nHost: localhost:9000\r\n\r\n\xc0/panic\0\0,\0\0\0\xc0",
    b"GET /panic HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"OPTIONS / HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    b"\r\n\xc0/panic\0\0,\0\0\0\xc0",
    b" /panic",
    b"\xef\xbb\xbf/panic",
    b"\xdb\xdc/panic",
]


@pytest.mark.parametrize("first", FOREIGN)
def test_a_stream_that_is_no_osc_is_refused_at_its_first_byte(first: bytes) -> None:
    for part in (first, first[:1]):
        with pytest.raises(PacketError, match="stream is not OSC"):
            framing_of(part)


@pytest.mark.parametrize(
    ("kind", "wrong", "part"),
    [
        (Slip, b"\xc0POST / HTTP/1.1", "not OSC"),
        (Slip, b"\xc0P", "not OSC"),
        (Slip, b"\xc0#bundlf", "not OSC"),
        (Slip, b"\xc0/a\xdbx\0\xc0", "escape C0 and DB"),
        (Slip, b"/" * 140_000, "longer than 131072"),
        (Lengths, b"\0\1\0\1", "65537 bytes is too large"),
        (Lengths, b"\0\0\0\0", "0 bytes is no packet's"),
        (Lengths, b"\0\0\0\7", "7 bytes is no packet's"),
        (Lengths, b"\0\0\0\x10P", "not OSC"),
        (Lengths, b"\0\1\0\0\x21\x12\xa4\x42", "not OSC"),  # of STUN, which WebRTC sends over TCP
    ],
)
def test_the_first_wrong_byte_ends_a_stream_after_what_came_before(
    kind: type[Slip | Lengths], wrong: bytes, part: str
) -> None:
    reader = kind()
    reader.feed(reader.framed(b"/one") + wrong)
    packets = reader.packets()
    assert next(packets) == b"/one"
    with pytest.raises(PacketError, match=part):
        next(packets)
