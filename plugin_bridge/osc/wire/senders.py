"""The sender of a request as the rest of the server sees it: a key, a host, and a way to answer."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

from plugin_bridge.osc.wire.packets import Arguments


class Sender(Protocol):
    """The other end: an address and port of UDP, or a connection of TCP."""

    @property
    def key(self) -> Hashable:
        """The same for all that it sends."""

    @property
    def host(self) -> str:
        """Its address without a port."""

    @property
    def longest(self) -> int:
        """Bytes of the longest packet that reaches it."""

    @property
    def validated(self) -> bool:
        """Whether it has shown that it receives what is sent to it, or need not."""

    def validate(self, token: int) -> bool:
        """Take back a token that was sent to it; return whether it is the right one."""

    def at(self, port: int) -> Sender:
        """Return another port of the same host.

        Raises:
            ValueError: it has none.
        """

    def send(self, packet: bytes) -> None:
        """Send it a packet; what cannot go is dropped, nothing waits."""


class Connected:
    """The part of a `Sender` that every connection has: its address is proven, and no other port answers."""

    medium: str
    """For messages."""
    longest = 1 << 19
    """See `Sender`."""

    @property
    def key(self) -> Hashable:
        """The connection itself."""
        return self

    @property
    def validated(self) -> bool:
        """See `Sender`."""
        return True

    def validate(self, token: int) -> bool:
        """See `Sender`; it needs none."""
        del token
        return True

    def at(self, port: int) -> Sender:
        """See `Sender`."""
        raise ValueError(
            f"port {port} cannot be reached by {self.medium}; leave it out, or subscribe over UDP"
        )


@dataclass(frozen=True, slots=True)
class Call:
    """A command that is asked for."""

    sender: Sender
    arguments: Arguments
    """Without the request's id."""
    position: int | None = None
    """Input sample it is scheduled to; None for at once."""
