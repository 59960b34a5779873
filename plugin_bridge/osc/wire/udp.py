"""OSC over UDP: drains the socket before it works, so that a burst does not overflow the system's buffer."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from plugin_bridge.osc.wire.counters import Counters
from plugin_bridge.osc.wire.limits import Limiter
from plugin_bridge.osc.wire.packets import MAX_PACKET_BYTES, PacketError
from plugin_bridge.osc.wire.replies import fail, message
from plugin_bridge.osc.wire.senders import Sender
from plugin_bridge.osc.wire.service import Handle, Refuse
from plugin_bridge.osc.wire.turns import Turns
from plugin_bridge.osc.wire.validation import TOKEN, AddressValidation

_RECEIVE_BYTES = 4 * 2**20
"""Asked of the system, which may give less."""
_MAX_READ = 1024
_WORK_SECONDS = 0.0005
"""Then the socket is drained again: in 1 ms a sender can fill the 200 kB that Linux gives."""


@dataclass(frozen=True, slots=True)
class UdpSender:
    """An address and port; see `Sender`."""

    endpoint: UdpEndpoint
    key: tuple[object, ...]

    @property
    def host(self) -> str:
        """See `Sender`."""
        return str(self.key[0])

    @property
    def longest(self) -> int:
        """Bytes of the longest datagram."""
        return 65_507

    @property
    def validated(self) -> bool:
        """See `Sender`."""
        return self.endpoint.validation.validated(self.host)

    def validate(self, token: int) -> bool:
        """See `Sender`."""
        return self.endpoint.validation.take(self.host, token)

    def at(self, port: int) -> UdpSender:
        """See `Sender`."""
        return UdpSender(self.endpoint, (self.key[0], port, *self.key[2:]))

    def send(self, packet: bytes) -> None:
        """See `Sender`; a host that is not validated gets its token instead of an answer that is too long."""
        self.endpoint.send(packet, self)


class UdpEndpoint:
    """A bound socket, read by the running loop.

    Args:
        sock: bound and not blocking; closed by `close`.
        handle: takes each datagram.
        refuse: answers a malformed one.
        limiter: of the senders.
        counters: of the server.
        validation: of their hosts.
    """

    def __init__(
        self,
        sock: socket.socket,
        handle: Handle,
        refuse: Refuse,
        limiter: Limiter,
        counters: Counters,
        validation: AddressValidation,
    ) -> None:
        self._socket = sock
        self._handle = handle
        self._refuse = refuse
        self._limiter = limiter
        self._counters = counters
        self.validation = validation
        """Of the hosts that send."""
        self._turns = Turns(self._steps)
        self._loop = asyncio.get_running_loop()
        self._work_due: asyncio.Handle | None = None
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
        self._loop.add_reader(sock, self._drain)

    @property
    def host(self) -> str:
        """The address it is bound to."""
        return str(self._socket.getsockname()[0])

    @property
    def port(self) -> int:
        """The port it is bound to."""
        return int(self._socket.getsockname()[1])

    def send(self, packet: bytes, target: UdpSender) -> None:
        """Send a datagram, or count that it could not go."""
        host = target.host
        if not self.validation.allows(host, len(packet)):
            self._counters.unsent += 1
            packet = message(TOKEN, self.validation.token(host))
            if not self.validation.allows(host, len(packet)):
                return
        try:
            self._socket.sendto(packet, target.key)
        except OSError:  # the system's buffer is full, or there is no way to that address
            self._counters.unsent += 1

    def stop_reading(self) -> None:
        """Take no more; answers can still go."""
        self._loop.remove_reader(self._socket)
        if self._work_due is not None:
            self._work_due.cancel()
        self._turns.clear()

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
        if self._turns and self._work_due is None:
            self._work_due = self._loop.call_soon(self._work)

    def _admit(self, data: bytes, sender: UdpSender, now: float) -> None:
        self.validation.received(sender.host, len(data))
        if not self._limiter.take(sender.key, now):
            self._counters.limited += 1
            if self._limiter.complain(sender.key, now):
                sender.send(fail("", f"{self._limiter.rule}, the rest is unread"))
        else:
            self._counters.overrun += self._turns.add(data, sender)

    def _steps(self, data: bytes, sender: Sender) -> Iterator[None]:
        try:
            yield from self._handle(data, sender)
        except PacketError as error:
            self._refuse(sender, error)

    def _work(self) -> None:
        stop = time.perf_counter() + _WORK_SECONDS
        self._work_due = None
        try:
            while self._turns:
                self._turns.take()
                if time.perf_counter() >= stop:
                    break
        finally:  # whatever happened, the rest is next
            if self._turns:
                self._work_due = self._loop.call_soon(self._work)
