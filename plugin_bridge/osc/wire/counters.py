"""What the server counts, told by `/status`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """All since the start."""

    packets: int = 0
    """Datagrams and frames read."""
    malformed: int = 0
    """Those that are not OSC, cut off or out of bounds."""
    requests: int = 0
    """Messages, patterns counted once."""
    failed: int = 0
    """Answers that say `/fail`."""
    limited: int = 0
    """Datagrams left unread because their sender sends too much."""
    overrun: int = 0
    """Datagrams left unread because the server did not keep up."""
    late: int = 0
    """Bundles that came after their time and ran at once."""
    unsent: int = 0
    """Packets that did not reach their reader."""
