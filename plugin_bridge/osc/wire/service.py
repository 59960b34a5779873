"""What every transport hands its packets to, and what it may take of the server's time."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Protocol

from plugin_bridge.osc.wire.limits import Limiter
from plugin_bridge.osc.wire.packets import PacketError
from plugin_bridge.osc.wire.senders import Sender

WORK_SECONDS = 0.0005
"""Of all connections together, until others have a turn."""
MAX_UNREAD_BYTES = 1 << 20
"""Answers that a client leaves unread before it is hung up on."""

Handle = Callable[[bytes, Sender], Iterator[None]]
"""Carries out a packet in steps; raises PacketError if it is malformed."""
Refuse = Callable[[Sender, PacketError], None]
Answered = Callable[[Hashable, Callable[[], None]], None]
"""Calls back once all that a sender asked is answered."""


class Connection(Sender, Protocol):
    """A client of TCP or of a WebSocket."""

    spoke: float
    """When its last packet came, by `time.monotonic`; 0 for none yet."""

    def hang_up(self) -> None:
        """Close it, whatever it has still to say or to hear."""


@dataclass(frozen=True, slots=True)
class Service:
    """What a server does for each of its connections."""

    handle: Handle
    refuse: Refuse
    answered: Answered
    limiter: Limiter
    share: Callable[[], float]
    """Returns the seconds that one may work before others have a turn."""
    opened: Callable[[Connection], None]
    """Called once one is there."""
    closed: Callable[[Connection], None]
    """Called when one is gone."""
