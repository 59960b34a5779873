"""Read an audio file in chunks; refuse one that is missing, empty, foreign, cut short or not finite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from models.suffixes import AUDIO_SUFFIXES
from plugin_bridge.errors import AudioFileError
from plugin_bridge.files.containers import check_complete, identify
from plugin_bridge.files.samples import sample_fault

CHUNK = 16384
RATE_LOW, RATE_HIGH = 8000, 768000
READABLE = "WAV, AIFF, FLAC, OGG or MP3"
SUFFIXES = AUDIO_SUFFIXES
_UNKNOWN_LENGTH = 2**62


class AudioReader(AbstractContextManager["AudioReader"]):
    """An open audio file, read once from its beginning.

    Args:
        path: a WAV, AIFF, FLAC, OGG or MP3 file, mono or stereo, 8-768 kHz.

    Raises:
        AudioFileError: the file cannot be used; the sentence says why and what to do.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            _check_on_disk(path)
            container = identify(path)
            if not container:
                raise AudioFileError(f"{path} is not audio this program reads; give {READABLE}")
            check_complete(path, container)
            self._file = soundfile.SoundFile(path)
        except soundfile.LibsndfileError as error:
            raise AudioFileError(
                f"{path} looks like {container} but cannot be decoded ({_reason(error)}); export it again"
            ) from error
        except UnicodeEncodeError as error:
            raise AudioFileError(f"{str(path)!r} is not text, as file names must be; rename it") from error
        except OSError as error:
            raise AudioFileError(f"{path} cannot be read: {error.strerror}; check the file") from error
        self.container = container
        self.sample_rate = int(self._file.samplerate)
        """Hertz."""
        self.channels = int(self._file.channels)
        self.frames = int(self._file.frames)
        """Samples in each channel."""
        try:
            if container == "MP3":
                self._count()
            self._check_shape()
        except AudioFileError:
            self.close()
            raise

    @property
    def metadata(self) -> dict[str, str]:
        """Title, artist, album, date, comment and so on, where the file has them."""
        return {key: value for key, value in self._file.copy_metadata().items() if value}

    def chunks(self) -> Iterator[NDArray[np.float32]]:
        """Yield the audio as float32 arrays of shape (channels, n), n <= `CHUNK`; `frames` samples in all.

        Raises:
            AudioFileError: a sample is not finite or far out of range, or the file ends early or is damaged.
        """
        position = 0
        while position < self.frames:
            x = self._read(position)
            if fault := sample_fault(x, position, self.sample_rate):
                raise AudioFileError(f"{self.path} {fault} and export it again")
            position += x.shape[1]
            yield x

    def close(self) -> None:
        """Close the file; closing again does nothing."""
        self._file.close()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_shape(self) -> None:
        if self.channels > 2:
            raise AudioFileError(
                f"{self.path} has {self.channels} channels; mono or stereo is needed: split or mix it first"
            )
        if not RATE_LOW <= self.sample_rate <= RATE_HIGH:
            raise AudioFileError(
                f"{self.path} has {self.sample_rate} Hz; {RATE_LOW}-{RATE_HIGH} Hz is needed: resample it"
            )
        if self.frames >= _UNKNOWN_LENGTH:
            raise AudioFileError(
                f"{self.path} does not say how long it is (it was made in a pipe); encode it again to a file"
            )
        if self.frames == 0:
            raise AudioFileError(f"{self.path} is empty: it holds no samples; export it again")

    def _count(self) -> None:
        """Decode to count: without a Xing header the length of an MP3 is a guess."""
        position = 0
        while n := self._decode(CHUNK, position).shape[1]:
            position += n
        self.frames = position
        self._file.close()
        self._file = soundfile.SoundFile(self.path)

    def _decode(self, frames: int, position: int) -> NDArray[np.float32]:
        try:
            return np.ascontiguousarray(self._file.read(frames, dtype="float32", always_2d=True).T)
        except (soundfile.LibsndfileError, OSError) as error:
            seconds = position / self.sample_rate
            raise AudioFileError(
                f"{self.path} is cut short or damaged at {seconds:.2f} s ({_reason(error)}); copy it again"
            ) from error

    def _read(self, position: int) -> NDArray[np.float32]:
        x = self._decode(min(CHUNK, self.frames - position), position)
        if not x.shape[1]:
            ends, promised = position / self.sample_rate, self.frames / self.sample_rate
            raise AudioFileError(
                f"{self.path} is cut short: it ends at {ends:.2f} of {promised:.2f} s; "
                "copy or export it again"
            )
        return x


def _check_on_disk(path: Path) -> None:
    if not path.exists():
        raise AudioFileError(f"{path} does not exist; check the path")
    if not path.is_file():
        raise AudioFileError(f"{path} is not a file; give an audio file ({READABLE})")
    if path.stat().st_size == 0:
        raise AudioFileError(f"{path} is empty: it has 0 bytes; copy or export it again")


def _reason(error: Exception) -> str:
    text = str(getattr(error, "error_string", "") or getattr(error, "strerror", "") or error)
    return text.removeprefix("Error :").removeprefix("Error in ").strip().rstrip(".")
