"""A queue of packets for each sender, served in turn, so that a flood delays only those who send it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field

from plugin_bridge.osc.wire.senders import Sender

STEPS = 16
"""The most of one turn; reading a message or answering an address is a step of 10 to 50 microseconds."""
_TURN_SECONDS = 0.0005
"""A turn also ends with the step that makes it this long."""
MAX_BYTES = 8 * 2**20
MAX_SENDERS = 1024
"""The most that may have packets waiting."""
PACKET_COST = 256
"""Bytes of memory around the content of a packet."""
_OVER = True


@dataclass
class _Queue:
    sender: Sender
    packets: deque[bytes] = field(default_factory=deque)
    size: int = 0
    steps: Iterator[None] | None = None
    """What is left to do of the packet begun last."""


class Turns:
    """The packets of all senders; a turn is up to 16 steps of one sender's, or half a millisecond.

    Turns alternate between senders that have just begun to send and those that have had a turn already, so
    that an occasional sender waits for little more than one turn, however many others flood.

    Args:
        handle: begins a packet and returns its steps.
        clock: seconds, only growing.
    """

    def __init__(
        self,
        handle: Callable[[bytes, Sender], Iterator[None]],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._handle = handle
        self._clock = clock
        self._queues: dict[Hashable, _Queue] = {}
        self._new: deque[_Queue] = deque()
        self._old: deque[_Queue] = deque()
        self._old_next = False
        self._size = 0

    def __bool__(self) -> bool:
        """Return whether anything is left to do."""
        return bool(self._queues)

    def add(self, data: bytes, sender: Sender) -> int:
        """Queue a packet.

        Returns:
            The number of packets dropped for lack of room: this one, or the newer half of the packets of the
            sender with the most waiting, so that a newcomer finds room however many flood.
        """
        queue = self._queues.get(sender.key)
        size = len(data) + PACKET_COST
        dropped = 0
        while self._size + size > MAX_BYTES:
            largest = max(self._queues.values(), key=lambda queue: queue.size)
            if largest is queue:
                return dropped + 1
            dropped += self._halve(largest)
        if queue is None:
            if len(self._queues) >= MAX_SENDERS:
                return dropped + 1
            queue = self._queues[sender.key] = _Queue(sender)
            self._new.append(queue)
        queue.packets.append(data)
        self._resize(queue, size)
        return dropped

    def _halve(self, queue: _Queue) -> int:
        count = (len(queue.packets) + 1) // 2
        for _ in range(count):
            self._resize(queue, -len(queue.packets.pop()) - PACKET_COST)
        return count

    def _resize(self, queue: _Queue, size: int) -> None:
        queue.size += size
        self._size += size

    def take(self) -> None:
        """Let the sender whose turn it is go on; there must be one."""
        first, then = (self._old, self._new) if self._old_next else (self._new, self._old)
        self._old_next = not self._old_next
        queue = (first or then).popleft()
        try:
            self._go_on(queue)
        except BaseException:
            queue.steps = None  # a packet whose handling failed is over
            raise
        finally:
            if queue.packets or queue.steps is not None:
                self._old.append(queue)
            else:
                del self._queues[queue.sender.key]

    def clear(self) -> None:
        """Forget all."""
        self._queues.clear()
        self._new.clear()
        self._old.clear()
        self._size = 0

    def _go_on(self, queue: _Queue) -> None:
        stop = self._clock() + _TURN_SECONDS
        for _ in range(STEPS):
            if queue.steps is None:
                if not queue.packets:
                    return
                data = queue.packets.popleft()
                self._resize(queue, -len(data) - PACKET_COST)
                queue.steps = self._handle(data, queue.sender)
            if next(queue.steps, _OVER):
                queue.steps = None
            if self._clock() >= stop:
                return
