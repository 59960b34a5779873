"""Packets: what python-osc builds is read, and whatever is wrong, cut off or built to hurt is refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from plugin_bridge.osc.wire.packets import Group, Message, Opaque, PacketError, read_packet
from plugin_bridge.osc.wire.replies import bundles, done, fail, message
from tests.plugin_bridge.osc.clients import bundle, tag

GAIN = message("/param/gain", -6.0)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(width=32, allow_nan=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
)


@given(st.lists(SCALARS, max_size=8))
def test_what_is_built_is_read(arguments: list[float | str | bool | None]) -> None:
    data = message("/any/address", *arguments)
    assert read_packet(data) == [Group(None, (Message("/any/address", tuple(arguments)),))]


@given(st.lists(SCALARS, max_size=8))
def test_what_we_build_is_what_python_osc_builds(arguments: list[float | str | bool | None]) -> None:
    builder = OscMessageBuilder("/any/address")
    for argument in arguments:
        far = isinstance(argument, int) and not -(2**31) <= argument < 2**31
        builder.add_arg(argument, "h" if far else None)
    assert message("/any/address", *arguments) == builder.build().dgram


def test_every_type_of_the_specification_is_read() -> None:
    data = (
        b"/a\0\0,ihfdsScTFINbrmt\0\0\0\0" + struct.pack(">iqfd", -1, 2**40, 0.5, -0.25) + b"one\0two\0\0\0\0c"
    )
    opaque = [b"\0\0\0\5hello\0\0\0", b"rgba", b"\0\x90\x3c\x40", b"\x83\xaa\x7e\x80\0\0\0\0"]
    (group,) = read_packet(data + b"".join(opaque))
    plain = (-1, 2**40, 0.5, -0.25, "one", "two", "c", True, False, True, None)
    kept = tuple(Opaque(tag, part) for tag, part in zip("brmt", opaque, strict=True))
    assert group.messages == (Message("/a", plain + kept),)
    assert read_packet(message("/a", *plain, *kept))[0].messages == group.messages


def test_a_bundle_of_python_osc_is_read() -> None:
    inner, outer = OscBundleBuilder(1_700_000_001), OscBundleBuilder(1_700_000_000)
    for builder in (inner, outer):
        message_builder = OscMessageBuilder("/param/gain")
        message_builder.add_arg(-6.0)
        builder.add_content(message_builder.build())
    outer.add_content(inner.build())
    found = read_packet(outer.build().dgram)
    assert [len(group.messages) for group in found] == [1, 1]
    assert [group.time for group in found] == [1_700_000_000.0, 1_700_000_001.0]
    now = OscBundleBuilder(IMMEDIATELY)
    now.add_content(inner.build())
    assert read_packet(now.build().dgram)[0].time == 1_700_000_001.0


def test_at_once_within_a_bundle_is_with_it() -> None:
    assert [group.time for group in read_packet(bundle(tag(1.7e9), GAIN, bundle(1, GAIN)))] == [1.7e9, 1.7e9]


def test_an_address_alone_is_a_message_from_old_senders() -> None:
    assert read_packet(b"/status\0") == [Group(None, (Message("/status"),))]


def nested(depth: int) -> bytes:
    packet = GAIN
    for _ in range(depth):
        packet = bundle(1, packet)
    return packet


WRONG = [
    (b"", "starts with neither"),
    (b"\0", "starts with neither"),
    (b"GET / HTTP/1.1\r\n\r\n", "starts with neither"),
    (b"/param/gain", "address is cut off"),
    (b"/param/g\0ai", "address is cut off"),
    (b"/param/gain\0,f\0\0", "want 20; send it whole"),
    (GAIN[:-1], "want 20; send it whole"),
    (GAIN[:-2] + b"\0", "want 20"),
    (GAIN + b"\0\0\0\0", "has 24 bytes"),
    (b"/a\0\0,s\0\0\xff\xfe\0\0", "not UTF-8"),
    (b"/a\0\0,s\0\0abcd", "cut off"),
    (b"/\xc3\xa9\0,\0\0\0", "printable ASCII"),
    (b"/\xff\0\0,\0\0\0", "printable ASCII"),
    (b"/a b\0\0\0\0", "printable ASCII"),
    (b"/a\0\0xx\0\0", "type tags do not start with ','"),
    (b"/a\0\0,fff", "type tags do not start with ',' or are cut off"),
    (b"/a\0\0,b\0\0\xff\xff\xff\xf8", "want 4294967300"),
    (b"/a\0\0,b\0\0\0\0", "send it whole"),
    (b"/a\0\0,S\0\0abcd", "cut off"),
    (b"/a\0\0,r\0\0abc", "send it whole"),
    (b"/a\0\0,t\0\0abcd", "want 16"),
    (b"/a\0\0,I\0\0abcd", "want 8"),
    (b"/a\0\0,[i]\0\0\0\0\0\0\0\1", "type tag '[' is not read"),
    (b"/a\0\0,\xff\0\0", "is not read"),
    (b"/" + b"a" * 300 + b"\0\0\0,\0\0\0", "longer than 255"),
    (b"/" + b"a" * 70_000, "too large"),
    (b"#bundle\0", "is cut off"),
    (b"#bundle\0\0\0\0\0\0\0\0", "is cut off"),
    (bundle(1) + struct.pack(">i", -4), "element of -4 bytes"),
    (bundle(1) + struct.pack(">i", 0), "element of 0 bytes"),
    (bundle(1) + struct.pack(">i", 2**31 - 1), "element of 2147483647 bytes"),
    (bundle(1) + struct.pack(">i", 6) + b"/a\0\0,\0", "element of 6 bytes"),
    (bundle(1) + b"\0", "element of 0 bytes"),
    (bundle(1, b"none"), "starts with neither"),
    (nested(9), "nested deeper than 8"),
    (nested(3000), "nested deeper than 8"),
    (bundle(tag(2e9), bundle(tag(1e9), GAIN)), "lies before it"),
    (bundle(1, *[b"/a\0\0"] * 1025), "bundle of 1025 messages is too long"),
]


@pytest.mark.parametrize(("data", "part"), WRONG, ids=[part for _, part in WRONG])
def test_a_wrong_packet_is_refused_with_a_sentence(data: bytes, part: str) -> None:
    with pytest.raises(PacketError) as caught:
        read_packet(data)
    assert part in str(caught.value)
    assert ";" in str(caught.value)


def test_what_is_just_allowed_is_read() -> None:
    assert read_packet(nested(8)) == [Group(None, (Message("/param/gain", (-6.0,)),))]
    assert len(read_packet(bundle(1, *[b"/a\0\0"] * 1024))[0].messages) == 1024
    assert read_packet(bundle(1)) == []


@given(
    st.binary(max_size=200)
    | st.binary(max_size=60).map(lambda end: bundle(1) + end)
    | st.builds(
        lambda cut, place, byte: GAIN[:place] + bytes([byte]) + GAIN[place + cut :],
        st.integers(0, 4),
        st.integers(0, 19),
        st.integers(0, 255),
    )
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        groups = read_packet(data)
    except PacketError:
        return
    assert all(one.address.startswith("/") for group in groups for one in group.messages)


def test_a_refusal_names_the_address_where_it_can_be_read() -> None:
    with pytest.raises(PacketError) as caught:
        read_packet(b"/param/gain\0,Q\0\0")
    assert caught.value.address == "/param/gain"


def test_bundles_of_values_stay_small_and_lose_nothing() -> None:
    parts = [message(f"/value/{k}", float(k)) for k in range(300)]
    packets = list(bundles(parts))
    assert all(len(packet) <= 1400 for packet in packets)
    found = [one.address for packet in packets for group in read_packet(packet) for one in group.messages]
    assert found == [f"/value/{k}" for k in range(300)]
    assert list(bundles(parts[:1])) == parts[:1]
    assert list(bundles([])) == []


def test_answers_end_with_the_id_of_their_request() -> None:
    assert read_packet(done("/a", (1.0, True), "#7"))[0].messages[0] == Message(
        "/done", ("/a", 1.0, True, "#7")
    )
    assert read_packet(fail("/a", "no", "#7"))[0].messages[0] == Message("/fail", ("/a", "no", "#7"))


def test_what_is_no_text_or_no_float_is_sent_all_the_same() -> None:
    (group,) = read_packet(message("/a", "\udcff\0", 1e300, float("inf"), 2**40, 2**70))
    assert group.messages[0].arguments == ("??", 1e300, float("inf"), 2**40, float(2**70))
