"""Declare the latency of a JACK client, so that DAWs compensate for it; JACK-Client has no calls for this."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import ClassVar

import jack

from plugin_bridge.live.drivers.jackbuffers import pointer

_CAPTURE, _PLAYBACK = 0, 1
_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p)


class _Range(ctypes.Structure):
    """`jack_latency_range_t`."""

    _fields_: ClassVar = [("min", ctypes.c_uint32), ("max", ctypes.c_uint32)]


class Latency:
    """The latency that a client adds. Create it before the client is activated.

    Args:
        client: the client.
        inputs: its audio input ports.
        outputs: its audio output ports.
        samples: between its inputs and its outputs.
    """

    def __init__(
        self,
        client: jack.Client,
        inputs: Sequence[jack.OwnPort],
        outputs: Sequence[jack.OwnPort],
        samples: int,
    ) -> None:
        self._library = ctypes.CDLL(jack._libname)  # noqa: SLF001 - the one that is loaded
        self._inputs, self._outputs = ([pointer(port) for port in ports] for ports in (inputs, outputs))
        self._samples = samples
        self._callback = _CALLBACK(self._declare)  # JACK keeps the bare address: it must live as long
        self._library.jack_set_latency_callback(ctypes.c_void_p(pointer(client)), self._callback, None)

    def _declare(self, mode: int, _: object) -> None:
        """Capture latency flows from the inputs to the outputs, playback latency the other way."""
        here, there = (self._inputs, self._outputs) if mode == _CAPTURE else (self._outputs, self._inputs)
        found = [self._get(port, mode) for port in here]
        total = _Range(
            min(one.min for one in found) + self._samples, max(one.max for one in found) + self._samples
        )
        for port in there:
            self._library.jack_port_set_latency_range(ctypes.c_void_p(port), mode, ctypes.byref(total))

    def _get(self, port: int, mode: int) -> _Range:
        found = _Range()
        self._library.jack_port_get_latency_range(ctypes.c_void_p(port), mode, ctypes.byref(found))
        return found
