"""Decode with libsndfile: WAV, AIFF, FLAC, OGG, CAF, AU, VOC, and MP3 behind tags, padding or junk."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from plugin_bridge.files.containers import riff_chunks
from plugin_bridge.files.decoder import UNKNOWN_LENGTH, DecodingError
from plugin_bridge.files.window import View

FORMATS = ("WAV", "W64", "AIFF", "CAF", "AU", "VOC", "SVX", "IRCAM", "NIST", "FLAC", "OGG", "MP3")
"""The containers that are read; libsndfile takes files of mere numbers, too."""
_SAME = {"WAVEX": "WAV", "RF64": "WAV"}
MPEG_STRETCH = 64  # the bit rates of MP3 lie within a factor of 40
FIRST_FRAME = rb"\xff[\xe2-\xe5\xf2-\xf5\xfa-\xfd][\x10-\xeb]"
"""How a frame of MP3 begins, as a pattern: sync, layer, bit rate."""
_FIRST_FRAME = re.compile(FIRST_FRAME)
_LENGTH_TOLD = re.compile(rb"Xing|Info|VBRI")
_TAGGED = re.compile(rb"fLaC|OggS|RIFF....WAVE|FORM....AIF[FC]|caff\x00\x01", re.DOTALL)
_FRAME_BYTES = 4096  # more than two MP3 frames, at most 1,441 bytes each
_JUNK_BYTES = 1 << 24  # tags with pictures take megabytes
_ATTEMPTS = 64
_MPEG_IN_WAV = 0x55


class _Sequential(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A file that is read on: soundfile seeks after each read otherwise, which fails at ends nobody told."""

    def seekable(self) -> bool:
        return False


class SndfileDecoder:
    """Audio decoded by libsndfile, from its beginning.

    Args:
        file: open for reading.
        view: what it is to see of the file.

    Raises:
        DecodingError: it takes the view for no audio, or for damaged audio.
    """

    def __init__(self, file: BinaryIO, view: View) -> None:
        self._window = view.of(file)
        try:
            self._sound = _Sequential(self._window)
        except soundfile.LibsndfileError as error:
            raise DecodingError(_reason(error)) from error
        container = _SAME.get(self._sound.format, self._sound.format)
        self.container = container if container in FORMATS else ""
        self.sample_rate = int(self._sound.samplerate)
        self.channels = int(self._sound.channels)
        self.frames = int(self._sound.frames)
        if view.stretch > 1 or self.frames >= UNKNOWN_LENGTH // 2:
            self.frames = UNKNOWN_LENGTH
        self.seconds: float | None = None
        self.fault = ""
        self._is_untold = view.stretch > 1
        log = str(self._sound.extra_info)
        self.doubts = "(should be" in log or "truncated" in log
        """Whether libsndfile found sizes in the header that cannot be."""

    @property
    def texts(self) -> dict[str, str]:
        """Title, artist and so on, where the file has them."""
        return {key: value for key, value in self._sound.copy_metadata().items() if value}

    @property
    def before(self) -> bytes:
        """The last bytes read: just after opening an MP3 file, its first frames."""
        at = self._window.tell()
        self._window.seek(max(0, at - _FRAME_BYTES))
        return self._window.read(min(at, _FRAME_BYTES)) or b""

    def read(self, frames: int) -> NDArray[np.float32]:
        """Return up to so many samples, shape (channels, n); none at the end.

        Raises:
            DecodingError: the audio is damaged, or ends within a frame although its length is told.
            OSError: the file cannot be read.
        """
        x = np.full((frames, self.channels), np.nan, np.float32)
        try:
            x = self._sound.read(out=x)
        except soundfile.LibsndfileError as error:
            if not self._is_untold or not self._window.is_read:
                raise DecodingError(_reason(error)) from error
            self.fault = "ends within a frame, as a file that was cut"
            x = x[np.isfinite(x[:, 0])]  # what came before
        if self._window.fault is not None:
            raise self._window.fault
        return np.ascontiguousarray(x.T)

    def close(self) -> None:
        """Close the decoder; the file stays open."""
        self._sound.close()


def mpeg_view(file: BinaryIO, *, anywhere: bool) -> View | None:
    """Return how libsndfile is to see an MP3 file, None where there is none.

    Args:
        file: open for reading.
        anywhere: look for the first frame behind whatever stands before it, as in a file that is called MP3.
    """
    for view in _mpeg_starts(file, anywhere=anywhere):
        try:
            decoder = SndfileDecoder(file, view)
        except DecodingError:
            continue
        told, is_mpeg = _LENGTH_TOLD.search(decoder.before), decoder.container == "MP3"
        decoder.close()
        if not is_mpeg:
            return None
        return view if told else replace(view, stretch=MPEG_STRETCH)
    return None


def _mpeg_starts(file: BinaryIO, *, anywhere: bool) -> Iterator[View]:
    file.seek(0)
    head = file.read(3)
    if head == b"ID3":
        yield View()
    elif head == b"RIF" and (wrapped := _wrapped(file)):
        yield wrapped
    elif _FIRST_FRAME.match(head):
        yield View(is_mpeg=True)
    if anywhere:
        file.seek(0)
        found = _FIRST_FRAME.finditer(file.read(_JUNK_BYTES))
        for match, _ in zip(found, range(_ATTEMPTS), strict=False):
            yield View(start=match.start(), is_mpeg=True)


def _wrapped(file: BinaryIO) -> View | None:
    """Return the MP3 stream within a WAV file."""
    for chunk in riff_chunks(file):
        if chunk.name == b"fmt ":
            file.seek(chunk.offset)
            if int.from_bytes(file.read(2), "little") != _MPEG_IN_WAV:
                return None
        elif chunk.name == b"data":
            end = file.seek(0, io.SEEK_END)
            return View(
                chunk.offset, min(end, chunk.offset + chunk.size) if chunk.size else None, is_mpeg=True
            )
    return None


def tagged_view(file: BinaryIO) -> View:
    """Return what stands behind ID3 tags, of which libsndfile skips one, and that not whole; all without."""
    file.seek(0)
    head = file.read(_JUNK_BYTES) if file.read(3) == b"ID3" else b""
    found = _TAGGED.search(head)
    return View(start=found.start() + 3) if found else View()


def _reason(error: soundfile.LibsndfileError) -> str:
    text = str(error.error_string).removeprefix("Error :").removeprefix("Error in ").strip().rstrip(".")
    return text or "it breaks off"
