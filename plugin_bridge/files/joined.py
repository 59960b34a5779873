"""Decode MP3 streams that were joined into one file, each with its own header, one after another."""

from __future__ import annotations

import mmap
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from plugin_bridge.files.decoder import UNKNOWN_LENGTH, DecodingError
from plugin_bridge.files.sndfile import FIRST_FRAME, MPEG_STRETCH, SndfileDecoder
from plugin_bridge.files.window import View

_TOLD = re.compile(FIRST_FRAME + rb".(?:..)?\0{9,32}(?:Xing|Info)\0\0\0([\0-\x0f])(.{8})", re.DOTALL)
"""A stream's first frame, which tells its length: its flags, then its frames and its bytes."""
_FRAMES_AND_BYTES = 3
_SCRAP = 4096  # more than two frames: some writers do not count the first


class JoinedDecoder:
    """Several MP3 streams of one file, decoded one after another.

    Args:
        file: open for reading.
        views: of the streams, at least one.

    Raises:
        DecodingError: one is damaged, or they differ in rate or channels.
    """

    def __init__(self, file: BinaryIO, views: Sequence[View]) -> None:
        self._file, self._rest = file, list(views[1:])
        self.frames = 0
        shapes = set()
        for view in views:
            part = SndfileDecoder(file, view)
            shapes.add((part.sample_rate, part.channels))
            self.frames = min(self.frames + part.frames, UNKNOWN_LENGTH)
            part.close()
        if len(shapes) > 1:
            raise DecodingError("the streams in it have different rates or channels")
        self._part = SndfileDecoder(file, views[0])
        self.container, self.texts = self._part.container, self._part.texts
        self.sample_rate, self.channels = self._part.sample_rate, self._part.channels
        self.seconds: float | None = None

    @property
    def fault(self) -> str:
        """See `Decoder`."""
        return self._part.fault

    def read(self, frames: int) -> NDArray[np.float32]:
        """See `Decoder`."""
        while not (x := self._part.read(frames)).shape[1] and self._rest:
            self._part.close()
            self._part = SndfileDecoder(self._file, self._rest.pop(0))
        return x

    def close(self) -> None:
        """Close the decoder; the file stays open."""
        self._part.close()


def told_end(head: bytes) -> int:
    """Return where an MP3 stream ends by its first frame, in bytes; 0 where that tells nothing.

    Args:
        head: of the file, with all tags that precede the stream.
    """
    found = _TOLD.search(head)
    if found is None or found[1][0] & _FRAMES_AND_BYTES != _FRAMES_AND_BYTES:
        return 0
    return found.start() + int.from_bytes(found[2][4:], "big")


def joined_views(file: BinaryIO, view: View) -> list[View]:
    """Return the views of the streams that an MP3 file was joined from; libsndfile reads the first only.

    Args:
        file: on the disk, not empty.
        view: of the whole.
    """
    if view.stretch > 1:  # it is read to its end already
        return [view]
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        stop = len(data) if view.stop is None else view.stop
        found = list(_TOLD.finditer(data, view.start, stop))
        parts = [View(start=match.start(), is_mpeg=True) for match in found] or [view]
        parts[0] = view
        if found and found[-1][1][0] & _FRAMES_AND_BYTES == _FRAMES_AND_BYTES:
            end = found[-1].start() + int.from_bytes(found[-1][2][4:], "big")
            if end + _SCRAP < stop and re.compile(FIRST_FRAME).match(data, end):
                parts.append(View(start=end, is_mpeg=True, stretch=MPEG_STRETCH))
    stops = [part.start for part in parts[1:]] + [stop]
    return [replace(part, stop=end) for part, end in zip(parts, stops, strict=True)]
