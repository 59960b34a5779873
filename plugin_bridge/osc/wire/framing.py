"""Packets in a byte stream: SLIP as OSC 1.1 says, or a length before each as OSC 1.0 says."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Protocol

from plugin_bridge.osc.wire.packets import MAX_PACKET_BYTES, PACKET_STARTS, PacketError

_END, _ESC, _ESC_END, _ESC_ESC = b"\xc0", b"\xdb", b"\xdc", b"\xdd"
_MAX_FRAME_BYTES = 2 * MAX_PACKET_BYTES
"""Of SLIP, in which every byte may be escaped."""


class Framing(Protocol):
    """One way to cut a stream into packets. What is not OSC is seen at its first byte and ends the stream."""

    @property
    def pending(self) -> bool:
        """Whether a packet has begun and not ended."""

    def feed(self, data: bytes) -> None:
        """Take bytes as they come."""

    def packets(self) -> Iterator[bytes]:
        """Yield whole packets; the caller may stop between two.

        Raises:
            PacketError: what follows is not OSC; the stream must not be read any further.
        """

    def framed(self, packet: bytes) -> bytes:
        """Return a packet as it is sent."""


def framing_of(first: bytes) -> Framing:
    """Return the framing a stream uses, by its first byte.

    A length below 16 MB begins with 0; SLIP begins with its end mark or with a packet's '/' or '#'. Nothing
    that a web browser can be made to send begins like that: not HTTP, not TLS.

    Raises:
        PacketError: it is neither.
    """
    if first[:1] == b"\0":
        return Lengths()
    if first[:1] in (_END, b"/", b"#"):
        return Slip()
    raise _no_osc()


def _check_start(packet: bytes | bytearray) -> None:
    """Refuse what cannot become a packet, as soon as it is seen."""
    if not any(packet[: len(start)] == start[: len(packet)] for start in PACKET_STARTS):
        raise _no_osc()


def _no_osc() -> PacketError:
    return PacketError("stream is not OSC; begin each packet with '/' or '#bundle', nothing more is read")


class _Buffered:
    """What has come and is no whole packet yet."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def pending(self) -> bool:
        """See `Framing`."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> None:
        """See `Framing`."""
        self._buffer += data


class Slip(_Buffered):
    """RFC 1055 with an end mark before and after each packet."""

    def packets(self) -> Iterator[bytes]:
        """See `Framing`."""
        while (end := self._buffer.find(_END)) >= 0:
            frame = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            if frame:
                _check_start(frame)
                yield _unescaped(frame)
        _check_start(self._buffer)
        if len(self._buffer) > _MAX_FRAME_BYTES:
            raise PacketError(f"SLIP frame is longer than {_MAX_FRAME_BYTES} bytes; end each packet by C0")

    def framed(self, packet: bytes) -> bytes:
        """See `Framing`."""
        return _END + packet.replace(_ESC, _ESC + _ESC_ESC).replace(_END, _ESC + _ESC_END) + _END


def _unescaped(frame: bytes) -> bytes:
    first, *rest = frame.split(_ESC)
    found = [first]
    for part in rest:
        if part[:1] not in (_ESC_END, _ESC_ESC):
            raise PacketError("SLIP frame has DB without DC or DD; escape C0 and DB")
        found.append((_END if part[:1] == _ESC_END else _ESC) + part[1:])
    return b"".join(found)


class Lengths(_Buffered):
    """A 32-bit length before each packet."""

    def packets(self) -> Iterator[bytes]:
        """See `Framing`."""
        while len(self._buffer) >= 4:
            (size,) = struct.unpack(">I", self._buffer[:4])
            if size > MAX_PACKET_BYTES:
                raise PacketError(f"length of {size} bytes is too large; send at most {MAX_PACKET_BYTES}")
            if not size or size % 4:
                raise PacketError(f"length of {size} bytes is no packet's; send multiples of 4")
            _check_start(self._buffer[4:12])
            if len(self._buffer) < 4 + size:
                return
            packet = bytes(self._buffer[4 : 4 + size])
            del self._buffer[: 4 + size]
            yield packet

    def framed(self, packet: bytes) -> bytes:
        """See `Framing`."""
        return struct.pack(">I", len(packet)) + packet
