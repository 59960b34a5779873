"""A small LV2 host by ctypes: what a plug-in needs to run, and its ports by their symbols."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_MAP = "http://lv2plug.in/ns/ext/urid#map"
_OPTIONS = "http://lv2plug.in/ns/ext/options#options"
_BLOCK = "http://lv2plug.in/ns/ext/buf-size#nominalBlockLength"
_INT = "http://lv2plug.in/ns/ext/atom#Int"
_SEQUENCE = "http://lv2plug.in/ns/ext/atom#Sequence"
_MIDI = "http://lv2plug.in/ns/ext/midi#MidiEvent"
_OBJECT, _LONG, _FLOAT = (f"http://lv2plug.in/ns/ext/atom#{name}" for name in ("Object", "Long", "Float"))
_TIME = "http://lv2plug.in/ns/ext/time#"
_ROOM = 4096
_MOVES = "http://kx.studio/ns/lv2ext/control-input-port-change-request"


class _Feature(ctypes.Structure):
    _fields_ = (("uri", ctypes.c_char_p), ("data", ctypes.c_void_p))


class _Option(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("context", "subject", "key", "size", "type")),
        ("value", ctypes.c_void_p),
    )


_MapFunction = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_char_p)


class _Map(ctypes.Structure):
    _fields_ = (("handle", ctypes.c_void_p), ("map", _MapFunction))


_RequestFunction = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_float)


class _Request(ctypes.Structure):
    _fields_ = (("handle", ctypes.c_void_p), ("request", _RequestFunction))


class _Descriptor(ctypes.Structure):
    _fields_ = (
        ("uri", ctypes.c_char_p),
        (
            "instantiate",
            ctypes.CFUNCTYPE(
                ctypes.c_void_p,
                ctypes.c_void_p,
                ctypes.c_double,
                ctypes.c_char_p,
                ctypes.POINTER(ctypes.POINTER(_Feature)),
            ),
        ),
        ("connect", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)),
        ("activate", ctypes.CFUNCTYPE(None, ctypes.c_void_p)),
        ("run", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32)),
        ("deactivate", ctypes.CFUNCTYPE(None, ctypes.c_void_p)),
        ("cleanup", ctypes.CFUNCTYPE(None, ctypes.c_void_p)),
        ("extension", ctypes.c_void_p),
    )


class Midi(NamedTuple):
    """A message at a sample."""

    position: int
    data: bytes


class Lv2Host:
    """One instance.

    Args:
        bundle: its folder.
        rate: hertz.
        block: the largest block.
        takes_moves: whether the plug-in may ask for other values of its ports.
    """

    def __init__(self, bundle: Path, rate: int, block: int, *, takes_moves: bool = False) -> None:
        text = (bundle / f"{bundle.stem}.ttl").read_text()
        parts = [f"lv2:index {part}" for part in text.split("lv2:index ")[1:]]
        ports = [dict(re.findall(r"lv2:(\w+) \"?([^\s\"]+)\"? ;", part)) for part in parts]
        self._ports = {port["symbol"]: int(port["index"]) for port in ports}
        self._numbers: dict[bytes, int] = {}
        self._kept: list[object] = []
        library = ctypes.CDLL(str(bundle / f"{bundle.stem}.so"))
        library.lv2_descriptor.restype = ctypes.POINTER(_Descriptor)
        self._plugin = library.lv2_descriptor(0).contents
        mapping = _Map(None, _MapFunction(lambda _, uri: self._number(uri)))
        size = ctypes.c_int32(block)
        place = ctypes.cast(ctypes.pointer(size), ctypes.c_void_p)
        options = (_Option * 2)(_Option(0, 0, self.urid(_BLOCK), 4, self.urid(_INT), place))
        features = [
            _Feature(_MAP.encode(), ctypes.cast(ctypes.pointer(mapping), ctypes.c_void_p)),
            _Feature(_OPTIONS.encode(), ctypes.cast(options, ctypes.c_void_p)),
        ]
        request = _Request(None, _RequestFunction(self._move))
        if takes_moves:
            place = ctypes.cast(ctypes.pointer(request), ctypes.c_void_p)
            features.append(_Feature(_MOVES.encode(), place))
        pointers = (ctypes.POINTER(_Feature) * 4)(*map(ctypes.pointer, features))
        self._kept += [mapping, size, options, request, features, pointers]
        descriptor = ctypes.addressof(self._plugin)
        self._instance = self._plugin.instantiate(descriptor, rate, f"{bundle}/".encode(), pointers)
        assert self._instance
        self.controls = {name: ctypes.c_float() for name in self._ports if not name.startswith("lv2_audio")}
        for name, control in self.controls.items():
            self._connect(name, ctypes.addressof(control))
        self._events = (ctypes.c_uint8 * _ROOM)()
        self._answers = (ctypes.c_uint8 * _ROOM)()
        self._connect("lv2_events_in", ctypes.addressof(self._events))
        self._connect("lv2_events_out", ctypes.addressof(self._answers))
        for port in ports:
            if "default" in port:
                self.controls[port["symbol"]].value = float(port["default"])

    def urid(self, uri: str) -> int:
        """Return the number of a name."""
        return self._number(uri.encode())

    def _move(self, _: int | None, port: int, value: float) -> int:
        """Take a move, but not of `mix`, as while it is automated."""
        name = next(name for name, number in self._ports.items() if number == port)
        if name == "mix":
            return 1
        self.controls[name].value = value
        return 0

    def _number(self, uri: bytes) -> int:
        return self._numbers.setdefault(uri, len(self._numbers) + 1)

    def _connect(self, symbol: str, address: int) -> None:
        self._plugin.connect(self._instance, self._ports[symbol], address)

    def activate(self) -> None:
        """Begin a stream."""
        self._plugin.activate(self._instance)

    def run(self, block: Float32, messages: Sequence[Midi] = (), frame: int | None = None) -> Float32:
        """Process a block, shape (channels, n); the transport rolls from a frame on where one is given."""
        source, out = np.ascontiguousarray(block), np.zeros(block.shape, np.float32)
        for channel in range(block.shape[0]):
            self._connect(f"lv2_audio_in_{channel + 1}", source[channel].ctypes.data)
            self._connect(f"lv2_audio_out_{channel + 1}", out[channel].ctypes.data)
        self._write_events(messages, frame)
        head = np.array([_ROOM - 8, self.urid(_SEQUENCE)], np.uint32).tobytes()
        ctypes.memmove(self._answers, head, len(head))
        self._plugin.run(self._instance, block.shape[1])
        return out

    def _write_events(self, messages: Sequence[Midi], frame: int | None) -> None:
        found = [] if frame is None else [(0, _OBJECT, self._rolling(frame))]
        found += [(message.position, _MIDI, message.data) for message in messages]
        body = b"\0" * 8
        for position, kind, data in found:
            body += np.array([position], np.int64).tobytes() + self._atom(kind, data)
        head = np.array([len(body), self.urid(_SEQUENCE)], np.uint32).tobytes()
        ctypes.memmove(self._events, head + body, len(head) + len(body))

    def _rolling(self, frame: int) -> bytes:
        """Return the body of a position of a transport that rolls."""
        body = np.array([0, self.urid(f"{_TIME}Position")], np.uint32).tobytes()
        for name, atom in (
            ("frame", self._atom(_LONG, np.int64(frame).tobytes())),
            ("speed", self._atom(_FLOAT, np.float32(1.0).tobytes())),
        ):
            body += np.array([self.urid(f"{_TIME}{name}"), 0], np.uint32).tobytes() + atom
        return body

    def _atom(self, kind: str, data: bytes) -> bytes:
        head = np.array([len(data), self.urid(kind)], np.uint32).tobytes()
        return head + data + b"\0" * (-len(data) % 8)

    def close(self) -> None:
        """End it."""
        self._plugin.deactivate(self._instance)
        self._plugin.cleanup(self._instance)
