"""JSON messages and shared figures between the control and the audio process."""

from __future__ import annotations

import json
import select
from collections.abc import Iterable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from typing import Any, NamedTuple

import numpy as np

from plugin_bridge.control.events import AllNotesOff, AnyEvent, Event, NoteOff, NoteOn, PitchBend

Message = dict[str, Any]
"""A JSON object; one of its keys tells its kind."""

SPAWN: SpawnContext = get_context("spawn")
"""Never a fork: that would take the control process's sockets and threads' locks into the audio process."""
EVENTS_PER_MESSAGE = 64
_MAX_BYTES = 1 << 16
_KINDS: dict[str, type[AnyEvent]] = {
    kind.__name__: kind for kind in (Event, NoteOn, NoteOff, PitchBend, AllNotesOff)
}


class Link:
    """One end of the pipe. Neither end ever waits for the other: a message that finds it full is refused.

    Args:
        connection: of a duplex `Pipe`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._writable, self._readable = select.poll(), select.poll()
        self._writable.register(connection.fileno(), select.POLLOUT)
        self._readable.register(connection.fileno(), select.POLLIN)

    def fileno(self) -> int:
        """Return what to watch for messages."""
        return self._connection.fileno()

    def send(self, message: Message) -> bool:
        """Send a message, or return False where the pipe is full or its other end gone.

        Raises:
            TypeError, ValueError: see `packed`.
        """
        data = packed(message)
        # A socket is writable while most of its buffer is free, so a short message fits as a whole.
        if not self._writable.poll(0):
            return False
        try:
            self._connection.send_bytes(data)
        except OSError:
            return False
        return True

    def receive(self, timeout: float = 0.0) -> Message | None:
        """Return the next message, None if there is none within a timeout in seconds.

        Raises:
            EOFError: the other process is gone.
        """
        if not self._readable.poll(timeout * 1000.0):
            return None
        try:
            message: Message = json.loads(self._connection.recv_bytes(_MAX_BYTES))
        except OSError as error:
            raise EOFError from error
        return message

    def close(self) -> None:
        """Close this end."""
        self._connection.close()


def packed(message: Message) -> bytes:
    """Return a message as it is sent.

    Raises:
        TypeError: it cannot be written as JSON.
        ValueError: it is longer than the other end reads.
    """
    data = json.dumps(message).encode()
    if len(data) > _MAX_BYTES:
        raise ValueError(f"message of {len(data)} bytes is too long; send at most {_MAX_BYTES}, in several")
    return data


def row_of(event: AnyEvent) -> list[object]:
    """Return an event as a JSON row."""
    return [type(event).__name__, *(getattr(event, name) for name in event.__dataclass_fields__)]


def event_of(row: list[Any]) -> AnyEvent:
    """Return the event of a row."""
    return _KINDS[row[0]](*row[1:])


def rows_of(events: Iterable[AnyEvent]) -> list[list[object]]:
    """Return events as JSON rows."""
    return [row_of(event) for event in events]


class Figures(NamedTuple):
    """Measurements of the audio process, updated after every block.

    Zero before the first, except for `clock`, `position` and `rate`, which continue those of the process
    before.
    """

    running: float = 0.0
    """1 while a device runs."""
    clock: float = 0.0
    """`time.monotonic` when the sample at `position` was captured, seconds."""
    position: float = 0.0
    """Input samples since the start."""
    rate: float = 0.0
    """Samples per second, as measured."""
    load: float = 0.0
    worst: float = 0.0
    """Longest time of a block, seconds."""
    age: float = 0.0
    """Age of the oldest waiting audio, seconds."""
    missed: float = 0.0
    """Blocks the device asked for that were not ready."""
    overruns: float = 0.0
    """Xruns that the device reports."""
    dropped: float = 0.0
    late: float = 0.0
    refused: float = 0.0
    faults: float = 0.0
    input_db: float = -120.0
    output_db: float = -120.0
    f0: float = 0.0
    voicing: float = 0.0
    f0_out: float = 0.0


NO_FIGURES = Figures()

BIN_SECONDS = 20e-6
BINS = 2500
"""Bins of the histogram of block times; the last holds everything from 50 ms."""
_FIGURES = len(Figures._fields)
_TRIES = 1000  # a writer killed in the middle leaves the turn odd for ever


class SharedFigures:
    """Figures in shared memory: one thread of the audio process writes, any other reads.

    Args:
        store: from the `store` of the page in the other process; None makes a new one.
    """

    def __init__(self, store: Any = None) -> None:  # noqa: ANN401 - a ctypes array
        self.store = SPAWN.RawArray("d", 1 + _FIGURES + BINS) if store is None else store
        """To be handed to the other process."""
        cells = np.frombuffer(self.store, np.float64)
        self._turn, self._figures, self._times = cells[:1], cells[1 : 1 + _FIGURES], cells[1 + _FIGURES :]

    def write(self, figures: Figures) -> None:
        """Replace the figures."""
        self._turn[0] += 1.0  # odd while they change: a reader that comes in between tries again
        self._figures[:] = figures
        self._turn[0] += 1.0

    def read(self) -> Figures:
        """Return the figures of one moment."""
        for _ in range(_TRIES):
            turn = self._turn[0]
            figures = Figures(*self._figures.tolist())
            if turn % 2.0 == 0.0 and turn == self._turn[0]:
                break
        return figures

    def count(self, seconds: float) -> None:
        """Count the time a block took."""
        self._times[min(BINS - 1, int(seconds / BIN_SECONDS))] += 1.0

    def times(self) -> list[float]:
        """Return how many blocks took how long, in bins of `BIN_SECONDS`."""
        return [float(count) for count in self._times]
