"""Messages waiting for the audio process: events are batched, and a full pipe loses none."""

from __future__ import annotations

import asyncio
from collections import deque

from plugin_bridge.live.link import EVENTS_PER_MESSAGE, Link, Message, packed

MAX_MESSAGES = 256
"""Messages that may wait, of up to 64 events each."""
_RETRY_SECONDS = 0.005


class Outbox:
    """Sends messages in order, once in a turn of the running event loop.

    Each costs the engine's thread two system calls and JSON, so the events of one turn share messages.

    Args:
        link: to the audio process.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Message] = deque()
        self._due: asyncio.Handle | None = None

    def has_room(self, count: int) -> bool:
        """Return whether so many messages may be put now."""
        return len(self._waiting) + count <= MAX_MESSAGES

    def put(self, message: Message, *, urgent: bool = False) -> bool:
        """Send a message soon; return False where too many wait.

        Args:
            message: it.
            urgent: twice as many may wait before it.

        Raises:
            TypeError, ValueError: it cannot be sent; see `link.packed`.
        """
        packed(message)  # raises here, in its sender's call; later it would hold up all messages behind it
        last = self._waiting[-1] if self._waiting else {}
        if _fits(last, message):
            last["events"] += message["events"]
            last["number"] = message["number"]
        elif len(self._waiting) >= MAX_MESSAGES * (1 + urgent):
            return False
        else:
            self._waiting.append(message)
        if self._due is None:
            self._due = self._loop.call_soon(self._send)
        return True

    def close(self) -> None:
        """Send no more."""
        self._waiting.clear()
        if self._due is not None:
            self._due.cancel()

    def _send(self) -> None:
        self._due = None
        while self._waiting and self._link.send(self._waiting[0]):
            self._waiting.popleft()
        if self._waiting:  # the pipe is full, or its other end is gone, which its reader will notice
            self._due = self._loop.call_later(_RETRY_SECONDS, self._send)


def _fits(last: Message, message: Message) -> bool:
    """Return whether two messages of events may go as one."""
    return (
        "events" in last
        and "events" in message
        and last["now"] == message["now"]
        and len(last["events"]) + len(message["events"]) <= EVENTS_PER_MESSAGE
    )
