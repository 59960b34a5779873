"""Read an audio file in chunks; refuse one that is missing, empty, foreign, cut short or not finite."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from models.samples import sample_fault
from models.suffixes import AUDIO_SUFFIXES, EXTRA_SUFFIXES
from plugin_bridge.errors import AudioFileError
from plugin_bridge.files.containers import carried_chunks
from plugin_bridge.files.decoder import UNKNOWN_LENGTH, Decoder, DecodingError
from plugin_bridge.files.recognition import READABLE, recognised
from plugin_bridge.files.standardstreams import STANDARD_STREAM, all_of_standard_input

CHUNK = 16384
RATE_LOW, RATE_HIGH = 8000, 768000
SUFFIXES = (*AUDIO_SUFFIXES, *EXTRA_SUFFIXES)
_TOLERANCE = 0.25
"""Seconds by which a length may be wrong that is told in whole packets of a codec."""
_STREAMED = {"WAV", "AIFF", "AU", "CAF"}
"""Whose headers cannot tell the length in a pipe."""


class AudioReader(AbstractContextManager["AudioReader"]):
    """An open audio file, which can be read from its beginning any number of times.

    Args:
        path: a file that libsndfile reads (WAV, AIFF, FLAC, OGG, MP3, CAF, W64, AU, VOC and so on) or, with
            the extra `formats`, FFmpeg (m4a, AAC, WebM and so on), mono or stereo, 8-768 kHz;
            `STANDARD_STREAM` for all that comes from standard input.

    Raises:
        AudioFileError: the file cannot be used; the sentence says why and what to do.
        MissingExtraError: it is read by the extra `formats`, which is not installed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = "standard input" if path == STANDARD_STREAM else str(path)
        """For sentences."""
        self.note = ""
        """A sentence where the header does not fit the audio, else empty."""
        self._decoder: Decoder | None = None
        try:
            self._file = _opened(path, self.name)
            try:
                self._begin()
            except BaseException:
                self.close()
                raise
        except OSError as error:
            raise AudioFileError(f"{self.name} cannot be read: {error.strerror}; check the file") from error

    @property
    def metadata(self) -> dict[str, str]:
        """Title, artist, album, date, comment and so on, where the file has them."""
        return self._texts

    def carried_chunks(self) -> list[tuple[bytes, bytes]]:
        """Return broadcast chunks and markers as (name, content) of a WAV file; see `containers`."""
        return carried_chunks(self._file)

    def chunks(self) -> Iterator[NDArray[np.float32]]:
        """Yield the audio as float32 arrays of shape (channels, n), n <= `CHUNK`; `frames` samples in all.

        Raises:
            AudioFileError: a sample is not finite or far out of range, or the file ends early or is damaged.
        """
        decoder = self._fresh()
        position = 0
        while position < self.frames:
            x = self._read(decoder, position, self.frames)
            if not x.shape[1]:
                raise self._cut_short(position, self.frames)
            if fault := sample_fault(x, position, self.sample_rate):
                raise AudioFileError(f"{self.name} {fault} and export it again")
            position += x.shape[1]
            yield x

    def close(self) -> None:
        """Close the file; closing again does nothing."""
        if self._decoder is not None:
            self._decoder.close()
        self._file.close()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self) -> None:
        self._found = recognised(self._file, self.name, self.path.suffix.lower())
        decoder = self._fresh()
        self.container = decoder.container
        """WAV (also RF64), AIFF, FLAC and so on."""
        self.sample_rate = decoder.sample_rate
        """Hertz."""
        self.channels = decoder.channels
        self._texts = decoder.texts
        counts = self._found.counts or decoder.frames == UNKNOWN_LENGTH
        self.frames = self._counted(decoder) if counts else decoder.frames
        """Samples in each channel."""
        self._check_shape()
        fault = self._found.fault or decoder.fault
        if fault and not (self.path == STANDARD_STREAM and self.container in _STREAMED):
            self.note = f"{self.name} {fault}; {self._found.used}, {self.frames / self.sample_rate:.2f} s"

    def _fresh(self) -> Decoder:
        """Return a decoder at the beginning of the audio, and close the previous one."""
        if self._decoder is not None:
            self._decoder.close()
        self._decoder = self._found.decoder()
        return self._decoder

    def _check_shape(self) -> None:
        if self.channels > 2:
            raise AudioFileError(
                f"{self.name} has {self.channels} channels; mono or stereo is needed: split or mix it first"
            )
        if not RATE_LOW <= self.sample_rate <= RATE_HIGH:
            raise AudioFileError(
                f"{self.name} has {self.sample_rate} Hz; {RATE_LOW}-{RATE_HIGH} Hz is needed: resample it"
            )
        if self.frames == 0:
            raise AudioFileError(f"{self.name} is empty: it holds no samples; export it again")

    def _counted(self, decoder: Decoder) -> int:
        """Decode everything to count it, and compare with the promised length."""
        position = 0
        while n := self._read(decoder, position, UNKNOWN_LENGTH).shape[1]:
            position += n
        promised = 0 if decoder.frames == UNKNOWN_LENGTH else decoder.frames
        if decoder.seconds is not None:
            promised = round((decoder.seconds - _TOLERANCE) * decoder.sample_rate)
        if position < promised:
            raise self._cut_short(position, promised)
        return position

    def _read(self, decoder: Decoder, position: int, stop: int) -> NDArray[np.float32]:
        try:
            return decoder.read(min(CHUNK, stop - position))
        except DecodingError as error:
            seconds = position / self.sample_rate
            raise AudioFileError(
                f"{self.name} is cut short or damaged at {seconds:.2f} s ({error}); copy it again"
            ) from error
        except OSError as error:
            raise AudioFileError(f"{self.name} cannot be read: {error.strerror}; check the file") from error

    def _cut_short(self, position: int, promised: int) -> AudioFileError:
        ends, all_of_it = position / self.sample_rate, promised / self.sample_rate
        return AudioFileError(
            f"{self.name} is cut short: it ends at {ends:.2f} of {all_of_it:.2f} s; copy or export it again"
        )


def _opened(path: Path, name: str) -> BinaryIO:
    if path == STANDARD_STREAM:
        return all_of_standard_input()
    try:
        str(path).encode()
        status = path.stat()
    except UnicodeEncodeError as error:
        raise AudioFileError(f"{name!r} is not text, as file names must be; rename it") from error
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise AudioFileError(f"{name} does not exist; check the path") from error
    if not stat.S_ISREG(status.st_mode):
        raise AudioFileError(f"{name} is not a file; give an audio file ({READABLE})")
    if status.st_size == 0:
        raise AudioFileError(f"{name} is empty: it has 0 bytes; copy or export it again")
    return path.open("rb")
