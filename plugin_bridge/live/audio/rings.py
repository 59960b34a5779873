"""Ring buffers between a device's callback and the engine's thread: bounded age, constant latency."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from plugin_bridge.control.form import Form
from plugin_bridge.live.drivers.driver import MidiIn

Float32 = NDArray[np.float32]

OLDEST_SECONDS = 0.05
"""The oldest input worth catching up with; the engine does so at many times real time, without a gap."""
_MAX_MIDI = 4096
_MAX_MISSES = 4096


class Doorbell:
    """Wakes one waiting thread; ringing it costs one uncontended lock, and never waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def ring(self) -> None:
        """Wake the thread that waits, or the next that will."""
        if self._lock.locked():
            try:
                self._lock.release()
            except RuntimeError:  # somebody else has rung in between
                return

    def wait(self, timeout: float) -> bool:
        """Return when it rings, or False after a timeout in seconds."""
        return self._lock.acquire(timeout=timeout)


class Taken(NamedTuple):
    """A block of input for the engine."""

    position: int
    """Stream position of its first sample."""
    skipped: int
    """Samples of input left out before it."""
    waiting: int
    """Blocks that wait behind it."""
    time: float
    """When the device gave it, `time.monotonic` seconds."""


class Rings:
    """The engine's side of a device: an `Exchange`.

    Input is heard `latency` samples later, always: output that is not ready in time is replaced by silence,
    and never played late.

    Args:
        form: of the device.
        inner: latency of the engine, samples.
        blocks: between input and output, >= 1: the time the engine has for a block.
        origin: stream position of the first sample.
        doorbell: rung when a block is there.
    """

    def __init__(self, form: Form, inner: int, blocks: int, origin: int, doorbell: Doorbell) -> None:
        self.form = form
        self.latency = inner + blocks * form.block
        """See `Exchange.latency`."""
        self.missed = 0
        """Blocks that were not ready when the device asked for them."""
        self.misses: deque[int] = deque(maxlen=_MAX_MISSES)
        """Their stream positions; whoever reads them takes them out."""
        self.overruns = 0
        """Xruns that the device reports."""
        self._blocks, self._origin, self._doorbell = blocks, origin, doorbell
        self._oldest = max(blocks + 1, math.ceil(OLDEST_SECONDS * form.sample_rate / form.block))
        self._size = self._oldest + blocks + 2
        self._sources, self._outputs = np.zeros((2, self._size, form.channels, form.block), np.float32)
        self._ready = [-1] * self._size
        self._times = [0.0] * self._size
        self._midi: deque[tuple[int, bytes]] = deque(maxlen=_MAX_MIDI)
        self._given = self._taken = self._done = 0  # numbers of blocks, that only grow
        self._settled = Doorbell()

    def cycle(self, source: Float32, output: Float32, midi: MidiIn = ()) -> None:
        """See `Exchange.cycle`."""
        number = self._given
        slot = number % self._size
        self._sources[slot] = source
        self._times[slot] = time.monotonic()
        for offset, message in midi:
            self._midi.append((self._position(number) + offset, message))
        self._given = number + 1
        due = number - self._blocks
        slot = due % self._size
        if self._ready[slot] == due:
            output[:] = self._outputs[slot]
        else:
            output.fill(0.0)
            if due >= 0:
                self.missed += 1
                self.misses.append(self._position(due))
        self._doorbell.ring()

    def overrun(self) -> None:
        """See `Exchange.overrun`."""
        self.overruns += 1

    def settled(self, timeout: float) -> bool:
        """See `Exchange.settled`."""
        end = time.monotonic() + timeout
        while self._done < self._given:
            if not self._settled.wait(max(0.0, end - time.monotonic())):
                return self._done >= self._given
        return True

    def take(self, block: Float32) -> Taken | None:
        """Copy the next block of input, for the engine's thread; None while there is none.

        Where the queue is older than `OLDEST_SECONDS`, all but its newest block is left out.

        Args:
            block: (channels, block), filled.
        """
        while True:
            number = self._taken
            waiting = self._given - number
            if waiting == 0:
                return None
            skipped = waiting - 1 if waiting > self._oldest else 0
            number += skipped
            slot = number % self._size
            block[:] = self._sources[slot]
            when = self._times[slot]
            if self._given - number < self._size:  # else the device came round while it was copied
                break
        self._taken = number + 1
        position = self._position(number)
        return Taken(position, skipped * self.form.block, self._given - number - 1, when)

    def midi_before(self, position: int) -> Iterator[tuple[int, bytes]]:
        """Take out the MIDI messages before a stream position; those of blocks left out are among them."""
        while self._midi and self._midi[0][0] < position:
            yield self._midi.popleft()

    def give(self, output: Float32) -> None:
        """Hand over the output of the block taken last, for the engine's thread.

        Args:
            output: (channels, block).
        """
        number = self._taken - 1
        slot = number % self._size
        self._outputs[slot] = output
        self._ready[slot] = number
        self._done = self._taken
        self._settled.ring()

    @property
    def given(self) -> int:
        """Stream position behind the newest sample that the device gave."""
        return self._position(self._given)

    def _position(self, number: int) -> int:
        return self._origin + number * self.form.block
