"""The interface of live drivers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from plugin_bridge.control.form import Form

Float32 = NDArray[np.float32]
MidiIn = Sequence[tuple[int, bytes]]
"""MIDI messages of a block: sample offset within it, and the bytes."""


class Exchange(Protocol):
    """The engine's side, as a device's callback sees it."""

    latency: int
    """Samples from `source` to `output` of `cycle`, constant: for drivers that can declare it."""

    def cycle(self, source: Float32, output: Float32, midi: MidiIn = ()) -> None:
        """Take a block of input and fill a block of output: only copies samples, never waits.

        Args:
            source: (channels, block), float32, read only.
            output: (channels, block), float32, filled; silence where the engine was not in time.
            midi: what came with the block.
        """

    def overrun(self) -> None:
        """Count an xrun reported by the device."""

    def settled(self, timeout: float) -> bool:
        """Wait until the engine has processed all input so far: for simulated clocks and networks only."""


class Driver(Protocol):
    """An audio device or network stream."""

    name: str

    def open(self, exchange: Callable[[Form], Exchange], lost: Callable[[str], None]) -> Form:
        """Connect, find out the form, get an exchange for it and start the stream.

        Args:
            exchange: makes the engine's side for a form; raises ValueError for a rate that is not native.
            lost: called once, from any thread, with a sentence when the device, its server or its rate is
                gone; the caller then closes this driver and tries to open it again.

        Raises:
            DeviceError: there is no such device or server now, or it will not run as asked.
        """

    def close(self) -> None:
        """Stop the stream and release the device; may be called twice, and after `lost`."""
