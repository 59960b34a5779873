"""The ends of the engine and the panel in a segment: functions of a built plug-in, which knows the layout."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

VALUE, MIDI = 1, 2
"""Kinds of messages."""
HISTORY = 1 << 19
"""Samples of the input that a segment keeps."""
MESSAGES = 1 << 14
"""Messages that it keeps."""
SLACK = 1 << 15
"""Of the input kept, what the host may overwrite while the engine reads: four of its largest blocks."""


WAITS, TAKEN, REFUSED = 0, 1, 2
"""Answers of a host to a move."""
_METERS = 8


class Stream(ctypes.Structure):
    """The facts of a stream: from an activation of the plug-in to the next."""

    _fields_ = (
        *((name, ctypes.c_uint64) for name in ("epoch", "base", "first", "taken", "sent", "made", "ack")),
        ("rate", ctypes.c_double),
        *((name, ctypes.c_uint32) for name in ("channels", "hop", "delay", "block", "exact", "drains")),
        ("heard", ctypes.c_float),
        ("alive", ctypes.c_uint32),
        ("process", ctypes.c_uint32),
    )
    epoch: int
    """Its number."""
    base: int
    """Position of its first sample."""
    first: int
    """Number of its first message."""
    taken: int
    """Position behind the newest input."""
    sent: int
    """Number behind the newest message."""
    made: int
    """Position behind the newest output."""
    ack: int
    """Number of the stream that the output belongs to."""
    rate: float
    """Hertz."""
    channels: int
    hop: int
    """Samples."""
    delay: int
    """Samples between an input and the moment its output is fetched, without the engine's own latency."""
    block: int
    """The host's, samples at most."""
    exact: int
    """Whether the host waits."""
    drains: int
    """Whether the stream before is to be sung to its end."""
    heard: float
    """Median pitch of the source found by a stream before, hertz; 0 for none."""
    alive: int
    """Whether the instance is there."""
    process: int
    """Number of the process that serves it, or served it last."""


class Message(ctypes.Structure):
    """A parameter's value or a MIDI message, at a sample."""

    _fields_ = (
        ("position", ctypes.c_uint64),
        ("kind", ctypes.c_uint32),
        ("id", ctypes.c_uint32),
        ("value", ctypes.c_float),
        ("data", ctypes.c_uint8 * 4),
        ("unused", ctypes.c_uint64),
    )
    position: int
    kind: int
    id: int
    """Number of the parameter, or bytes of the MIDI message."""
    value: float
    data: ctypes.Array[ctypes.c_uint8]


class Library:
    """The functions of a built plug-in.

    Args:
        path: of the library, of any of the three formats.

    Raises:
        OSError: it cannot be loaded.
    """

    def __init__(self, path: Path) -> None:
        self.functions = ctypes.CDLL(str(path))
        pointer, number, long = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64
        for name, result, arguments in (
            ("open", pointer, [ctypes.c_char_p, ctypes.c_int]),
            ("latency", number, [ctypes.c_double, number]),
            ("status", number, [pointer]),
            ("close", None, [pointer]),
            ("hold", pointer, [ctypes.c_char_p]),
            ("release", None, [pointer]),
            ("is_free", ctypes.c_int, [ctypes.c_char_p]),
            ("map", ctypes.c_char_p, [pointer]),
            ("singer", ctypes.c_char_p, [pointer, number]),
            ("hash", ctypes.c_char_p, [pointer, number]),
            ("sung", None, [pointer, number, ctypes.c_char_p, ctypes.c_char_p]),
            ("stream", ctypes.c_int, [pointer, ctypes.POINTER(Stream)]),
            ("begin", None, [pointer, long, long, long]),
            ("read", None, [pointer, long, pointer, number, number]),
            ("write", None, [pointer, long, pointer, number, number]),
            ("messages", None, [pointer, long, pointer, number]),
            ("report", None, [pointer, number, ctypes.c_float]),
            ("beat", None, [pointer]),
            ("bell", number, [pointer]),
            ("wait", None, [pointer, number, number]),
            ("measure", None, [pointer, pointer]),
            ("format", ctypes.c_char_p, [pointer]),
            ("takes_moves", number, [pointer]),
            ("pressed", number, [pointer]),
            ("show", None, [pointer, number]),
            ("port", number, [pointer]),
            ("values", None, [pointer, pointer, number]),
            ("meters", None, [pointer, pointer]),
            ("ask", long, [pointer, number, ctypes.c_float]),
            ("answer", number, [pointer, long]),
        ):
            function = getattr(self.functions, f"plugin_bridge_{name}")
            function.restype, function.argtypes = result, arguments

    def hold(self, path: Path) -> int | None:
        """Lock a file, made where it is not there; None where another process holds it."""
        return self.functions.plugin_bridge_hold(bytes(path)) or None

    def release(self, held: int) -> None:
        """Close a file that `hold` locked; the lock stays with a process that this one was forked from."""
        self.functions.plugin_bridge_release(held)

    def is_free(self, path: Path) -> bool:
        """Return whether the file is there and nobody holds its lock."""
        return bool(self.functions.plugin_bridge_is_free(bytes(path)))

    def claim(self, path: Path) -> Segment | None:
        """Return a segment to serve; None where another engine has it, or it is none of this layout."""
        return self._opened(path, claims=True)

    def look_at(self, path: Path) -> Segment | None:
        """Return a segment that is only looked at; None where it is none of this layout."""
        return self._opened(path, claims=False)

    def latency(self, rate: float, block: int) -> int:
        """Return the samples of latency at a sample rate, for the largest block of a host."""
        return int(self.functions.plugin_bridge_latency(rate, block))

    def _opened(self, path: Path, *, claims: bool) -> Segment | None:
        handle = self.functions.plugin_bridge_open(bytes(path), claims)
        return Segment(self.functions, handle) if handle else None


class Segment:
    """A claimed segment: the claim ends with `close`, or with the process.

    Args:
        functions: of the library.
        handle: of the segment.
    """

    def __init__(self, functions: ctypes.CDLL, handle: int) -> None:
        self._functions, self._handle = functions, handle
        self._stream = Stream()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the claim up."""
        if self._handle:
            self._functions.plugin_bridge_close(self._handle)
            self._handle = 0

    def midi_map(self) -> str:
        """Return the path of the MIDI map, empty for the one that ships."""
        return str(self._functions.plugin_bridge_map(self._handle).decode())

    def singer(self, slot: int) -> tuple[str, str]:
        """Return the id of the singer with a number and the hash of its file, empty where not set."""
        name = self._functions.plugin_bridge_singer(self._handle, slot)
        digits = self._functions.plugin_bridge_hash(self._handle, slot)
        return name.decode(), digits.decode()

    def loaded(self, slot: int, name: str, digits: str) -> None:
        """Tell the file that sings under a number."""
        self._functions.plugin_bridge_sung(self._handle, slot, name.encode(), digits.encode())

    def stream(self) -> Stream | None:
        """Return the facts of now, the same object every time; None while they change."""
        known = self._functions.plugin_bridge_stream(self._handle, ctypes.byref(self._stream))
        return self._stream if known else None

    @property
    def alive(self) -> bool:
        """Whether the instance is there, as of the last `stream`."""
        return bool(self._stream.alive)

    def begin(self, epoch: int, valid_from: int, made: int) -> None:
        """Say which stream is served, from which position its output is good, and up to where it is made."""
        self._functions.plugin_bridge_begin(self._handle, epoch, valid_from, made)

    def read(self, position: int, into: Float32) -> None:
        """Copy input from a position on into an array of shape (channels, n), contiguous."""
        self._functions.plugin_bridge_read(self._handle, position, into.ctypes.data, *into.shape)

    def write(self, position: int, audio: Float32) -> None:
        """Publish output, shape (channels, n), contiguous, at a position."""
        self._functions.plugin_bridge_write(self._handle, position, audio.ctypes.data, *audio.shape)

    def messages(self, start: int, stop: int) -> list[Message]:
        """Return the messages of these numbers; of more than are kept, the newest."""
        start = max(start, stop - MESSAGES)
        found = (Message * (stop - start))()
        self._functions.plugin_bridge_messages(self._handle, start, ctypes.byref(found), stop - start)
        return list(found)

    def report(self, status: int, found: float) -> None:
        """Tell a status of `table.STATUSES`, and the median pitch of the source, hertz, 0 while unknown."""
        self._functions.plugin_bridge_report(self._handle, status, found)

    def status(self) -> int:
        """Return what was told last."""
        return int(self._functions.plugin_bridge_status(self._handle))

    def beat(self) -> None:
        """Show a sign of life."""
        self._functions.plugin_bridge_beat(self._handle)

    def bell(self) -> int:
        """Return how often the host has rung."""
        return int(self._functions.plugin_bridge_bell(self._handle))

    def wait(self, seen: int, milliseconds: int) -> None:
        """Wait until the host rings more often than `seen`, but no longer than so."""
        self._functions.plugin_bridge_wait(self._handle, seen, milliseconds)

    def measure(self, meters: Sequence[float]) -> None:
        """Tell the six figures of `control.rig.Meters`, and of `Status` worst_ms and faults."""
        self._functions.plugin_bridge_measure(self._handle, (ctypes.c_float * _METERS)(*meters))

    def meters(self) -> list[float]:
        """Return what was told last."""
        found = (ctypes.c_float * _METERS)()
        self._functions.plugin_bridge_meters(self._handle, found)
        return list(found)

    def format(self) -> str:
        """Return the plug-in's format: VST3, CLAP or LV2."""
        return str(self._functions.plugin_bridge_format(self._handle).decode())

    def takes_moves(self) -> bool:
        """Return whether the host lets a plug-in move its parameters at all."""
        return bool(self._functions.plugin_bridge_takes_moves(self._handle))

    def values(self, count: int) -> list[float]:
        """Return so many parameters as the host has them, by number."""
        found = (ctypes.c_float * count)()
        self._functions.plugin_bridge_values(self._handle, found, count)
        return list(found)

    def ask(self, number: int, value: float) -> int:
        """Ask the host to move a parameter; return a number for `answer`, 0 where too many moves wait."""
        return int(self._functions.plugin_bridge_ask(self._handle, number, value))

    def answer(self, ask: int) -> int:
        """Return what became of a move: `WAITS`, `TAKEN` or `REFUSED`; known for the 256 newest."""
        return int(self._functions.plugin_bridge_answer(self._handle, ask))

    def pressed(self) -> int:
        """Return how often the button of the panel was pressed."""
        return int(self._functions.plugin_bridge_pressed(self._handle))

    def show(self, port: int) -> None:
        """Tell the port of the panel's page on 127.0.0.1."""
        self._functions.plugin_bridge_show(self._handle, port)

    def port(self) -> int:
        """Return what was told last, 0 for no page."""
        return int(self._functions.plugin_bridge_port(self._handle))
