"""OSC over TCP: SLIP or lengths, told apart by a connection's first byte; a sender that is too fast waits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator

from plugin_bridge.osc.wire.framing import Framing, framing_of
from plugin_bridge.osc.wire.packets import PacketError
from plugin_bridge.osc.wire.senders import Connected
from plugin_bridge.osc.wire.service import MAX_UNREAD_BYTES, Service

_PATIENCE_SECONDS = 10.0
"""Until the first packet is whole, and until one that has begun is."""


class TcpConnection(Connected, asyncio.Protocol):
    """A client; see `Sender`. What it sent before it closed is still done, and answered where it listens.

    The connection is closed at the first byte that is not OSC, and nothing from there on is carried out: a
    web page can make a browser send anything here, except the first bytes.

    Args:
        service: takes its packets.
    """

    medium = "TCP"

    def __init__(self, service: Service) -> None:
        self._service = service
        self._framing: Framing | None = None
        self._transport: asyncio.Transport | None = None
        self._steps: Iterator[bool] | None = None
        self._again: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._complete = False  # nothing more will come
        self._hung_up = False
        self.host = ""
        """See `Sender`."""
        self.spoke = 0.0
        """See `Connection`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.host = str(transport.get_extra_info("peername", ("",))[0])
        self._wait_for_packet()
        self._service.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        del exc
        unread = self._unread()
        self._transport = None
        if self._framing is not None and unread:
            self._framing.feed(unread)
            if self._again is None:
                self._work()
        elif self._again is None:
            self._leave()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._complete or self._hung_up:
            return
        try:
            framing = self._framing or framing_of(data)
        except PacketError as error:
            self._service.refuse(self, error)  # which counts it; there is no framing to answer in
            self.hang_up()
            return
        self._framing = framing
        framing.feed(data)
        if self._again is None:
            self._work()

    def eof_received(self) -> bool:
        """See `asyncio.Protocol`; the client may still listen."""
        self._complete = True
        if self._again is None:
            self._finish()
        return True

    def send(self, packet: bytes) -> None:
        """See `Sender`; a client that does not read is hung up on."""
        if self._transport is None or self._framing is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            self.hang_up()
            return
        self._transport.write(self._framing.framed(packet))

    def hang_up(self) -> None:
        """See `Connection`."""
        self._hung_up, self._framing, self._steps = True, None, None
        if self._again is not None:
            self._again.cancel()
            self._again = None
        self._stop_waiting()
        if self._transport is None:
            self._leave()
        else:
            self._transport.abort()

    def _work(self) -> None:
        """Take packets while the sender's share and a slice of time last, and go on later with the rest."""
        self._again = None
        if self._framing is None:
            return
        stop = time.perf_counter() + self._service.share()
        self._steps = self._steps or self._all_packets(self._framing)
        try:
            for whole in self._steps:
                if self._hung_up:
                    return
                wait = self._service.limiter.wait(self.key, time.monotonic()) if whole else 0.0
                if wait or time.perf_counter() >= stop:
                    self._pause(wait)
                    return
        except PacketError as error:
            self._service.refuse(self, error)
            self._complete = True
            if self._transport is not None:
                self._transport.pause_reading()
        self._steps = None
        if self._hung_up:
            return
        if self._complete or self._transport is None:
            self._finish()
        else:
            self._transport.resume_reading()

    def _all_packets(self, framing: Framing) -> Iterator[bool]:
        """Carry out packets in steps; yield whether one is finished."""
        for packet in framing.packets():
            self.spoke = time.monotonic()
            self._stop_waiting()
            self._service.limiter.charge(self.key, 1, self.spoke)
            for _ in self._service.handle(packet, self):
                yield False
            yield True
        if framing.pending:
            self._wait_for_packet()

    def _wait_for_packet(self) -> None:
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self.hang_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _pause(self, seconds: float) -> None:
        if self._transport is not None and not self._complete:
            self._transport.pause_reading()
        self._again = asyncio.get_running_loop().call_later(seconds, self._work)

    def _unread(self) -> bytes:
        """Return what the system still holds of a connection that broke while nothing was read."""
        if self._transport is None or self._framing is None or self._complete:
            return b""
        found = bytearray()
        with contextlib.suppress(OSError):
            handle = self._transport.get_extra_info("socket").fileno()
            while len(found) < MAX_UNREAD_BYTES and (data := os.read(handle, 1 << 16)):
                found += data
        return bytes(found)

    def _finish(self) -> None:
        """All is read: close once it is answered too."""
        if self._transport is None:
            self._leave()
        else:
            self._service.answered(self.key, self._transport.close)

    def _leave(self) -> None:
        self._framing = self._steps = None
        self._stop_waiting()
        self._service.limiter.forget(self.key)
        self._service.closed(self)
