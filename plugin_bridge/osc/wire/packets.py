"""Read OSC packets into flat groups of messages; refuse malformed and oversized ones in a sentence."""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from pythonosc.parsing import ntp, osc_types


@dataclass(frozen=True, slots=True)
class Opaque:
    """An argument of a type that no address takes; `/sync` sends it back as it came."""

    tag: str
    """b, r, m or t; or c with a code that is no Unicode character."""
    data: bytes
    """As on the wire."""

    def __repr__(self) -> str:
        """Return how a sentence names it."""
        return f"<{_OPAQUE[self.tag]}>"


Argument = float | int | str | bool | Opaque | None
"""What an OSC argument holds here: S and c are words too, I is True."""

Arguments = tuple[Argument, ...]

MAX_PACKET_BYTES = 65_536
MAX_MESSAGES = 1024
MAX_DEPTH = 8
MAX_ADDRESS_LENGTH = 255
PACKET_STARTS = (b"/", b"#bundle\0")
_OPAQUE = {"b": "blob", "r": "colour", "m": "MIDI message", "t": "time tag", "c": "character"}
_NUMBERS = {"i": ">i", "h": ">q", "f": ">f", "d": ">d"}
_CONSTANTS: dict[str, bool | None] = {"T": True, "F": False, "I": True, "N": None}
_SIZES = dict.fromkeys("ifcrm", 4) | dict.fromkeys("hdt", 8) | dict.fromkeys(_CONSTANTS, 0)
_TAGS = "ihfdsSc" + "TFIN" + "brmt"
_BUNDLE = PACKET_STARTS[1]
_HEAD = len(_BUNDLE) + 8


class PacketError(ValueError):
    """A packet that is not taken: one sentence, and the address as far as it can be read."""

    def __init__(self, sentence: str, address: str = "") -> None:
        super().__init__(sentence)
        self.address = address


@dataclass(frozen=True, slots=True)
class Message:
    """An address, or a pattern of addresses, and its arguments."""

    address: str
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Messages that act together."""

    time: float | None
    """Seconds since 1970; None for at once."""
    messages: tuple[Message, ...]


def read_packet(data: bytes) -> list[Group]:
    """Return the messages of a packet, each bundle a group, in order; see `reading`."""
    steps = reading(data)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return list(end.value)


def reading(data: bytes) -> Generator[None, None, list[Group]]:
    """Read a packet, a message a step; return its messages, each bundle a group, in order.

    All of it is read here: python-osc's walk of a bundle never ends on an element of a negative size and
    recurses as deep as it is told to, and its messages fill a float that is cut off with zeros.

    Raises:
        PacketError: malformed, cut off, too large, too deep or too many; nothing of it is taken.
    """
    if len(data) > MAX_PACKET_BYTES:
        raise PacketError(f"packet of {len(data)} bytes is too large; send at most {MAX_PACKET_BYTES}")
    if not data.startswith(_BUNDLE):
        return [Group(None, (read_message(data),))]
    groups: list[Group] = []
    count = 0
    for found in _bundle(data, 1, None):
        if found is not None:
            groups.append(found)
        else:
            count += 1
            yield
    if count > MAX_MESSAGES:
        raise PacketError(f"bundle of {count} messages is too long; send at most {MAX_MESSAGES}")
    return groups


def _bundle(data: bytes, depth: int, outer: float | None) -> Iterator[Group | None]:
    """Yield the groups of a bundle, and None for each message before its group."""
    if depth > MAX_DEPTH:
        raise PacketError(f"bundles are nested deeper than {MAX_DEPTH}; send them one after another")
    if len(data) < _HEAD:
        raise PacketError(f"bundle of {len(data)} bytes is cut off; send its whole time tag")
    at_once = data[len(_BUNDLE) : _HEAD] == ntp.IMMEDIATELY
    time = outer if at_once else float(osc_types.get_date(data, len(_BUNDLE))[0])
    if time is not None and outer is not None and time < outer:
        raise PacketError("a bundle within a bundle lies before it; give it the same time tag or a later one")
    messages: list[Message] = []
    for element in _elements(data):
        if not element.startswith(_BUNDLE):
            messages.append(read_message(element))
            yield None
            continue
        if messages:
            yield Group(time, tuple(messages))
            messages = []
        yield from _bundle(element, depth + 1, time)
    if messages:
        yield Group(time, tuple(messages))


def _elements(data: bytes) -> Iterator[bytes]:
    start = _HEAD
    while start < len(data):
        size = int.from_bytes(data[start : start + 4], "big", signed=True)
        start += 4
        if not 0 < size <= len(data) - start or size % 4:
            raise PacketError(f"bundle element of {size} bytes does not fit; send whole elements")
        yield data[start : start + size]
        start += size


def read_message(data: bytes) -> Message:
    """Return one message.

    Raises:
        PacketError: it is no message, is cut off, or has an argument of a type that is not read.
    """
    if not data.startswith(b"/"):
        raise PacketError("packet starts with neither '/' nor '#bundle'; send an OSC message or bundle")
    shown = data[:MAX_ADDRESS_LENGTH].split(b"\0", 1)[0].decode("ascii", "replace")
    tags, length = _tags(data, shown)
    return Message(shown, tuple(_arguments(data, tags, length, shown)))


def _arguments(data: bytes, tags: str, start: int, shown: str) -> Iterator[Argument]:
    """Yield the arguments; they must fill the message to its last byte."""
    places = [start]
    for tag in tags:
        places.append(places[-1] + _size(data, tag, places[-1], shown))
    if places[-1] != len(data):
        raise PacketError(
            f"message has {len(data)} bytes and its types want {places[-1]}; send it whole", shown
        )
    for tag, first, last in zip(tags, places, places[1:], strict=False):
        yield _argument(tag, data[first:last], shown)


def _size(data: bytes, tag: str, start: int, shown: str) -> int:
    """Return the bytes of the argument that begins at `start`."""
    if tag in "sS":
        end = data.find(b"\0", start)
        if end < 0:
            raise PacketError("a word is cut off; end it with zeros up to a multiple of 4 bytes", shown)
        return _padded(end - start)
    if tag == "b":
        size = int.from_bytes(data[start : start + 4], "big")
        return 4 + -(-size // 4) * 4
    return _SIZES[tag]


def _argument(tag: str, data: bytes, shown: str) -> Argument:
    if tag in _CONSTANTS:
        return _CONSTANTS[tag]
    if tag in _NUMBERS:
        number: float = struct.unpack(_NUMBERS[tag], data)[0]
        return number
    if tag in "sS":
        try:
            return data.split(b"\0", 1)[0].decode("utf-8")
        except UnicodeDecodeError as error:
            raise PacketError("a word is not UTF-8; send words as UTF-8", shown) from error
    code = int.from_bytes(data, "big")
    if tag == "c" and code < 0x110000 and not 0xD800 <= code < 0xE000:
        return chr(code)
    return Opaque(tag, data)


def _tags(data: bytes, shown: str) -> tuple[str, int]:
    """Return the type tags and the bytes up to the arguments."""
    end = data.find(b"\0")
    if end > MAX_ADDRESS_LENGTH or (end < 0 and len(data) > MAX_ADDRESS_LENGTH):
        raise PacketError(f"address is longer than {MAX_ADDRESS_LENGTH} characters; shorten it", shown)
    if not shown.isascii() or not shown.isprintable() or " " in shown or "#" in shown:
        raise PacketError("address is not of printable ASCII without space and '#'; correct it", shown)
    start = _padded(end)
    if end < 0 or start > len(data):
        raise PacketError("address is cut off; end it with zeros up to a multiple of 4 bytes", shown)
    if start == len(data):  # from senders older than type tags: no arguments
        return "", start
    stop = data.find(b"\0", start)
    if stop < 0 or data[start] != ord(","):
        raise PacketError("type tags do not start with ',' or are cut off; send them", shown)
    tags = data[start + 1 : stop].decode("ascii", "replace")
    wrong = next((tag for tag in tags if tag not in _TAGS), None)
    if wrong is not None:
        raise PacketError(f"type tag {wrong!r} is not read; send one of {', '.join(_TAGS)}", shown)
    return tags, start + _padded(stop - start)


def _padded(size: int) -> int:
    """Return the bytes of an OSC string of `size` bytes with its zeros."""
    return (size // 4 + 1) * 4
