"""Move samples and MIDI between JACK's buffers and ours without releasing the interpreter's lock.

JACK-Client's own calls release it. In a process callback each release lets the engine's thread in, and then
the callback waits for as long as `sys.getswitchinterval` to go on; a block needs half a dozen calls.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, ClassVar

import jack
import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_SAMPLE_BYTES = 4


class _MidiEvent(ctypes.Structure):
    """`jack_midi_event_t`."""

    _fields_: ClassVar = [("time", ctypes.c_uint32), ("size", ctypes.c_size_t), ("buffer", ctypes.c_void_p)]


class Buffers:
    """The ports of a client, for its process callback only.

    Args:
        inputs: audio input ports.
        outputs: audio output ports, as many.
        midi: a MIDI input port.
        block: samples of a cycle.
    """

    def __init__(
        self,
        inputs: Sequence[jack.OwnPort],
        outputs: Sequence[jack.OwnPort],
        midi: jack.OwnMidiPort,
        block: int,
    ) -> None:
        library = ctypes.PyDLL(jack._libname)  # noqa: SLF001 - a PyDLL keeps the lock
        self._buffer = _declared(library.jack_port_get_buffer, "p", "pn")
        self._count = _declared(library.jack_midi_get_event_count, "n", "p")
        self._event = _declared(library.jack_midi_event_get, "i", "ppn")
        self._move = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)(
            ctypes.cast(ctypes.memmove, ctypes.c_void_p).value or 0
        )
        self.source, self.output = np.zeros((2, len(inputs), block), np.float32)
        """What came and what goes, shape (channels, block)."""
        self._block = block
        self._in = [(pointer(port), row.ctypes.data) for port, row in zip(inputs, self.source, strict=True)]
        self._out = [(pointer(port), row.ctypes.data) for port, row in zip(outputs, self.output, strict=True)]
        self._midi = pointer(midi)
        self._note = _MidiEvent()

    def read(self) -> list[tuple[int, bytes]]:
        """Fill `source`; return the MIDI messages with their offsets."""
        for port, row in self._in:
            self._move(row, self._buffer(port, self._block), _SAMPLE_BYTES * self._block)
        events = self._buffer(self._midi, self._block)
        return [self._message(events, number) for number in range(self._count(events))]

    def write(self) -> None:
        """Hand over `output`."""
        for port, row in self._out:
            self._move(self._buffer(port, self._block), row, _SAMPLE_BYTES * self._block)

    def silence(self, frames: int) -> None:
        """Hand over zeros, as many as are asked for."""
        for port, _ in self._out:
            ctypes.memset(self._buffer(port, frames), 0, _SAMPLE_BYTES * frames)

    def _message(self, events: int, number: int) -> tuple[int, bytes]:
        note = self._note
        if self._event(ctypes.addressof(note), events, number):
            return 0, b""
        return int(note.time), ctypes.string_at(note.buffer, note.size)


def pointer(thing: Any) -> int:  # noqa: ANN401 - a client or a port
    """Return the address of a client or a port of JACK-Client."""
    return int(jack._ffi.cast("uintptr_t", thing._ptr))  # noqa: SLF001 - there is no other way


_TYPES = {"p": ctypes.c_void_p, "n": ctypes.c_uint32, "i": ctypes.c_int}


def _declared(function: Any, result: str, arguments: str) -> Any:  # noqa: ANN401 - ctypes knows no types
    function.restype = _TYPES[result]
    function.argtypes = [_TYPES[letter] for letter in arguments]
    return function
