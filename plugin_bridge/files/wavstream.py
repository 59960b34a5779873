"""Write WAV to a pipe: the header goes first and cannot be changed later."""

from __future__ import annotations

import struct
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

_UNKNOWN_SIZE = 0x7FFFF000  # SoX's "read to the end", which FFmpeg, libsndfile and ALSA take so, too
_BYTES = {"16": 2, "24": 3, "32f": 4}


class WavStream:
    """A WAV file being written to a pipe.

    Args:
        out: where to; it stays open.
        sample_rate: hertz.
        channels: 1 or 2.
        bits: "16", "24" or "32f".
        frames: samples that will come, None where that is not known; the header then says "read to the end".

    Raises:
        BrokenPipeError: whoever read it has gone.
        OSError: it cannot be written.
    """

    def __init__(self, out: BinaryIO, sample_rate: int, channels: int, bits: str, frames: int | None) -> None:
        self.closed = False
        self._bits = bits
        self._out = out
        sample = _BYTES[bits]
        frame = sample * channels
        size = _UNKNOWN_SIZE if frames is None else min(frame * frames, _UNKNOWN_SIZE)
        form = struct.pack("<HHIIHH", 1, channels, sample_rate, frame * sample_rate, frame, 8 * sample)
        chunks = [(b"fmt ", form)]
        if bits == "32f":  # IEEE floats: no extension of the format, and how many there are
            chunks = [(b"fmt ", b"\3" + form[1:] + bytes(2)), (b"fact", struct.pack("<I", size // frame))]
        head = b"".join(struct.pack("<4sI", name, len(content)) + content for name, content in chunks)
        self._out.write(struct.pack("<4sI4s", b"RIFF", 4 + len(head) + 8 + size + size % 2, b"WAVE") + head)
        self._out.write(struct.pack("<4sI", b"data", size))
        self._written = 0

    def write(self, x: NDArray[np.number]) -> None:
        """Append samples.

        Args:
            x: (n, channels), float32, or int32 with the samples in the upper bits.

        Raises:
            BrokenPipeError: whoever read it has gone.
            OSError: it cannot be written.
        """
        little = x.astype("<f4" if self._bits == "32f" else "<i4", copy=False)
        upper = (
            np.ascontiguousarray(little).view(np.uint8).reshape(*x.shape, 4)[..., 4 - _BYTES[self._bits] :]
        )
        self._written += upper.size
        self._out.write(upper.tobytes())
        self._out.flush()

    def close(self) -> None:
        """Finish it; closing again does nothing."""
        if not self.closed:
            self.closed = True
            self._out.write(bytes(self._written % 2))
            self._out.flush()
