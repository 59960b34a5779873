"""OSC over UDP: drains the socket before it works, so that a burst does not overflow the system's buffer."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from plugin_bridge.osc.wire.counters import Counters
from plugin_bridge.osc.wire.limits import Limiter
from plugin_bridge.osc.wire.packets import MAX_PACKET_BYTES
from plugin_bridge.osc.wire.replies import fail
from plugin_bridge.osc.wire.senders import Sender

_RECEIVE_BYTES = 4 * 2**20
"""Asked of the system, which may give less."""
_MAX_WAITING_BYTES = 8 * 2**20
_DATAGRAM_COST = 256
"""Bytes of memory around the content."""
_MAX_READ = 1024
_WORK_SECONDS = 0.0005
"""Then the socket is drained again: in 1 ms a sender can fill the 200 kB that Linux gives."""

Handle = Callable[[bytes, Sender], None]


@dataclass(frozen=True, slots=True)
class UdpSender:
    """An address and port; see `Sender`."""

    endpoint: UdpEndpoint
    key: tuple[object, ...]

    @property
    def longest(self) -> int:
        """Bytes of the longest datagram."""
        return 65_507

    def send(self, packet: bytes) -> None:
        """See `Sender`."""
        self.endpoint.send(packet, self.key)


class UdpEndpoint:
    """A bound socket, read by the running loop.

    Args:
        sock: bound and not blocking; closed by `close`.
        handle: takes each datagram.
        limiter: of the senders.
        counters: of the server.
    """

    def __init__(self, sock: socket.socket, handle: Handle, limiter: Limiter, counters: Counters) -> None:
        self._socket = sock
        self._handle = handle
        self._limiter = limiter
        self._counters = counters
        self._waiting: deque[tuple[bytes, UdpSender]] = deque()
        self._bytes = 0
        self._loop = asyncio.get_running_loop()
        self._work_due: asyncio.Handle | None = None
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
        self._loop.add_reader(sock, self._drain)

    @property
    def port(self) -> int:
        """The port it is bound to."""
        return int(self._socket.getsockname()[1])

    def send(self, packet: bytes, target: tuple[object, ...]) -> None:
        """Send a datagram, or count that it could not go."""
        try:
            self._socket.sendto(packet, target)
        except OSError:  # the system's buffer is full, or there is no way to that address
            self._counters.unsent += 1

    def stop_reading(self) -> None:
        """Take no more; answers can still go."""
        self._loop.remove_reader(self._socket)
        if self._work_due is not None:
            self._work_due.cancel()
        self._waiting.clear()

    def close(self) -> None:
        """Read and send no more."""
        self.stop_reading()
        self._socket.close()

    def _drain(self) -> None:
        now = time.monotonic()
        for _ in range(_MAX_READ):
            try:
                data, source = self._socket.recvfrom(MAX_PACKET_BYTES)
            except OSError:  # nothing more, or news of a reader that is gone
                break
            self._admit(data, UdpSender(self, source), now)
        if self._waiting and self._work_due is None:
            self._work_due = self._loop.call_soon(self._work)

    def _admit(self, data: bytes, sender: UdpSender, now: float) -> None:
        if not self._limiter.take(sender.key, now):
            self._counters.limited += 1
            if self._limiter.complain(sender.key, now):
                rule = f"more than {self._limiter.rate:g} requests a second; send fewer, the rest is unread"
                sender.send(fail("", rule))
        elif self._bytes + len(data) + _DATAGRAM_COST > _MAX_WAITING_BYTES:
            self._counters.overrun += 1
        else:
            self._bytes += len(data) + _DATAGRAM_COST
            self._waiting.append((data, sender))

    def _work(self) -> None:
        stop = time.perf_counter() + _WORK_SECONDS
        self._work_due = None
        try:
            while self._waiting:
                data, sender = self._waiting.popleft()
                self._bytes -= len(data) + _DATAGRAM_COST
                self._handle(data, sender)
                if time.perf_counter() >= stop:
                    break
        finally:  # whatever happened, the rest is next
            if self._waiting:
                self._work_due = self._loop.call_soon(self._work)
