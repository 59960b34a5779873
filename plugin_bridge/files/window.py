"""A view of part of a file with some bytes replaced: headers are mended without touching the file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

_PREFIX = b"ID3\x03\x00\x00\x00\x00\x00\x40" + bytes(64)
"""An empty tag: libsndfile takes what follows for MP3, whatever the file is called."""


@dataclass(frozen=True)
class View:
    """What a decoder is to see of a file."""

    start: int = 0
    """First byte shown."""
    stop: int | None = None
    """One past the last; None for the end of the file."""
    changes: Mapping[int, bytes] = field(default_factory=dict)
    """Bytes that replace those of the file, by their position in it."""
    is_mpeg: bool = False
    """Put an empty ID3 tag in front, by which libsndfile recognises MP3."""
    stretch: int = 1
    """How many times longer than it is the view claims to be.

    The length of an MP3 file without a Xing header is guessed from its bytes and its first frame, and
    libsndfile stops there; with a guess that is too long it stops at the end of the file.
    """

    def of(self, file: BinaryIO) -> Window:
        """Open it."""
        return Window(file, self)


class Window(io.RawIOBase):
    """A view of an open file, as a file; reading moves the position of the underlying file.

    Args:
        file: open for reading, seekable.
        view: what to show.
    """

    def __init__(self, file: BinaryIO, view: View) -> None:
        self._file, self._view = file, view
        self._prefix = _PREFIX if view.is_mpeg else b""
        stop = file.seek(0, io.SEEK_END) if view.stop is None else view.stop
        self._end = len(self._prefix) + stop - view.start
        self._at = 0
        self.fault: OSError | None = None
        """The first error of the file, which a decoder in C cannot pass on."""

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position, relative to the beginning, the current position or the claimed end.

        A position before the beginning is ignored, as by a file.
        """
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._end * self._view.stretch}
        if origin[whence] + offset >= 0:
            self._at = origin[whence] + offset
        return self._at

    @property
    def is_read(self) -> bool:
        """Whether the position is at the end or beyond."""
        return self._at >= self._end

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read as much as fits, less only at the end."""
        data = self._read(len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _read(self, size: int) -> bytes:
        if self._at > self._end:  # where a decoder looks for tags at the end that is claimed
            return bytes(size)
        size = min(size, self._end - self._at)
        head = self._prefix[self._at : self._at + size]
        at = self._view.start + max(0, self._at - len(self._prefix))
        try:
            self._file.seek(at)
            return head + self._changed(self._file.read(size - len(head)), at)
        except OSError as error:
            self.fault = self.fault or error
            return b""

    def _changed(self, data: bytes, at: int) -> bytes:
        for position, change in self._view.changes.items():
            first, last = max(position, at), min(position + len(change), at + len(data))
            if first < last:
                part = change[first - position : last - position]
                data = data[: first - at] + part + data[last - at :]
        return data
