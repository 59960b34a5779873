"""Write audio files in chunks: WAV, AIFF and FLAC dithered and reproducible to the byte; Opus and MP3."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from models.wholefile import unwritable
from plugin_bridge.errors import OutputError
from plugin_bridge.files.containers import CARRIED, CARRIED_LIMIT, finish_aiff, finish_wav
from plugin_bridge.files.dither import DITHER_SEED, Quantizer
from plugin_bridge.files.joined import told_end
from plugin_bridge.files.standardstreams import STANDARD_STREAM
from plugin_bridge.files.wavstream import WavStream

BITS = {"wav": ("16", "24", "32f"), "aiff": ("16", "24"), "flac": ("16", "24")}
"""What samples can be written as, in containers that hold them as they are."""
LOSSY = {"opus": ("OGG", "OPUS"), "mp3": ("MP3", "MPEG_LAYER_III")}
"""The others, as libsndfile calls container and codec."""
CONTAINERS = (*BITS, *LOSSY)
_RATES = {
    "opus": (8000, 12000, 16000, 24000, 48000),
    "mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
}
_RATE_LOW, _RATE_HIGH = 8000, 768000
_SUBTYPES = {"16": "PCM_16", "24": "PCM_24", "32f": "FLOAT"}
# 128 kbit/s for a channel of Opus, whose rate always varies with the sound; LAME's V0 for MP3.
_QUALITY: Mapping[str, Mapping[str, Any]] = {
    "opus": {"compression_level": 0.5},
    "mp3": {"compression_level": 0.0, "bitrate_mode": "VARIABLE"},
}
_SUFFIXES = {".wav": "wav", ".wave": "wav", ".aif": "aiff", ".aiff": "aiff", ".flac": "flac"}
_SUFFIXES |= {".opus": "opus", ".ogg": "opus", ".mp3": "mp3"}
_HELD = {"wav": CARRIED, "aiff": (b"cue ", b"LIST")}
"""Chunks that a file can be given, by container."""
_RIFF_LIMIT = (
    2**32 - 2**20 - 2 * CARRIED_LIMIT
)  # 4 GB less room for the other chunks, and what is added to them
_FLAC_RATE_LIMIT = 655350
_MP3_HEAD = 1 << 16  # bytes: more than the texts take
_TEXT_LIMIT = 12000  # bytes; beyond 16 kB libsndfile drops the texts of a WAV and fails on an AIFF
_FULL_SCALE = 1.0 + 1e-6  # what rounding adds when a file is normalized to 0 dBFS is no clip


SOFTWARE = "plugin_bridge"
"""What a bounce names as the software that made it."""


@dataclass(frozen=True)
class OutputFormat:
    """What kind of file to write.

    Raises:
        ValueError: a container, or bits in it, that are not written.
    """

    container: str = "wav"
    """"wav", "aiff", "flac", "opus" (in Ogg) or "mp3"."""
    bits: str = ""
    """"16", "24" or, for WAV, "32f" (float); empty for 24. Opus and MP3 have none."""
    sample_rate: int | None = None
    """Hertz; None for the rate of the source, or the next higher one that the container takes."""

    def __post_init__(self) -> None:
        if self.container not in CONTAINERS:
            raise ValueError(
                f"output format {self.container!r} is not written; choose one of {', '.join(CONTAINERS)}"
            )
        if self.container in BITS:
            object.__setattr__(self, "bits", self.bits or "24")
            if self.bits not in BITS[self.container]:
                known = ", ".join(BITS[self.container])
                raise ValueError(
                    f"{self.container} is not written with {self.bits!r} bits; choose one of {known}"
                )
        else:
            self._check_lossy()
        if self.sample_rate is not None and not _RATE_LOW <= self.sample_rate <= _RATE_HIGH:
            raise ValueError(
                f"sample rate {self.sample_rate} is not written; give {_RATE_LOW} to {_RATE_HIGH} Hz"
            )

    def _check_lossy(self) -> None:
        if self.bits:
            raise ValueError(f"{self.container} has no bits of samples; leave {self.bits!r} out")
        if self.sample_rate not in {None, *_RATES[self.container]}:
            known = ", ".join(map(str, _RATES[self.container]))
            raise ValueError(
                f"{self.container} is not written at {self.sample_rate} Hz; choose one of {known}"
            )
        if not soundfile.check_format(*LOSSY[self.container]):
            raise ValueError(
                f"{self.container} is not written by this machine's libsndfile "
                f"({soundfile.__libsndfile_version__}); choose another format or install a newer one"
            )

    @property
    def suffix(self) -> str:
        """The usual suffix of the file name."""
        return f".{self.container}"

    @property
    def is_float(self) -> bool:
        """Whether samples beyond full scale are kept."""
        return self.bits == "32f"

    def rate_for(self, source_rate: int) -> int:
        """Return the rate of an output in hertz, for that of its source."""
        wanted = self.sample_rate or source_rate
        rates = _RATES.get(self.container, (wanted,))
        higher = [rate for rate in rates if rate >= wanted]
        if higher:
            return higher[0]
        return 44100 if 44100 in rates and wanted % 44100 == 0 else rates[-1]

    @property
    def held(self) -> Sequence[bytes]:
        """The chunks of a WAV file that such a file can be given, by name."""
        return _HELD.get(self.container, ())


def container_of(path: Path) -> str:
    """Return the container for an output's name.

    Raises:
        ValueError: the name's end is not one of a container that is written.
    """
    container = _SUFFIXES.get(path.suffix.lower())
    if container is None:
        raise ValueError(f"{path.name!r} does not end like an output; use .wav, .aiff, .flac, .opus or .mp3")
    return container


@dataclass(frozen=True)
class Carried:
    """What a file holds besides its audio: texts and chunks."""

    texts: Mapping[str, str] = field(default_factory=dict)
    """Title, artist and so on, as `AudioReader.metadata`."""
    chunks: Sequence[tuple[bytes, bytes]] = ()
    """(name, content) as in a WAV file, of which an AIFF file gets the markers."""


class _Unsynced(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A file that is closed without waiting for the disk, since its chunks follow: `Draft.commit` waits."""

    def flush(self) -> None:
        pass


class AudioWriter:
    """An audio file being written.

    Args:
        path: the file; one that is there is overwritten. `STANDARD_STREAM` for a WAV stream there, without
            what else it would hold.
        sample_rate: hertz.
        channels: 1 or 2.
        frames: samples that will come, at most: they decide whether a WAV file needs 64-bit sizes (RF64,
            beyond 4 GB). For standard output exactly, or None where that is not known.
        form: the kind of file.
        carried: what the file holds besides its audio.
        seed: of the dither.
        target: the name for sentences, where `path` is a temporary one.

    Raises:
        OutputError: the disk refuses, or the container cannot hold so much.
    """

    def __init__(
        self,
        path: Path,
        sample_rate: int,
        channels: int,
        frames: int | None,
        form: OutputFormat,
        *,
        carried: Carried | None = None,
        seed: int = DITHER_SEED,
        target: Path | None = None,
    ) -> None:
        self.peak = 0.0
        """The largest absolute value so far, full scale = 1."""
        self.clipped = 0
        """Samples so far that were beyond full scale and are clipped."""
        self.sample_rate = sample_rate
        """Hertz."""
        self.frames = 0
        """Samples so far in each channel."""
        self._path = path
        self._target = target or path
        self._form = form
        carried = carried or Carried()
        self.chunks = carried.chunks
        """May be replaced until the file is closed."""
        is_pcm = form.container in BITS and not form.is_float
        self._quantizer = Quantizer(int(form.bits), channels, seed) if is_pcm else None
        self._file: soundfile.SoundFile | WavStream
        try:
            if path == STANDARD_STREAM:
                self._file = WavStream(sys.stdout.buffer, sample_rate, channels, form.bits, frames)
            else:
                container, codec = _fitting(form, sample_rate, channels, frames or 0, self._target)
                quality = _QUALITY.get(form.container, {})
                self._file = _Unsynced(path, "w", sample_rate, channels, codec, format=container, **quality)
                for key, value in _short_enough(carried.texts).items():
                    setattr(self._file, key, value)
        except BrokenPipeError:
            raise
        except UnicodeEncodeError as error:
            raise OutputError(
                f"{str(self._target)!r} is not text, as file names must be; choose another"
            ) from error
        except (soundfile.LibsndfileError, OSError) as error:
            raise _refused(self._target, error) from error

    def write(self, x: NDArray[np.float32]) -> None:
        """Append samples.

        Args:
            x: float32 (channels, n), full scale -1..1.

        Raises:
            BrokenPipeError: whoever read standard output has gone.
            OutputError: the disk refuses.
        """
        level = np.abs(x)
        self.peak = max(self.peak, float(level.max(initial=0.0)))
        if not self._form.is_float:
            self.clipped += int(np.count_nonzero(level > _FULL_SCALE))
        y = x if self._quantizer is None else self._quantizer.process(x)
        try:
            self._file.write(np.ascontiguousarray(y.T))
        except BrokenPipeError:
            raise
        except (soundfile.LibsndfileError, OSError, AssertionError) as error:  # or fewer samples were taken
            raise _refused(self._target, error) from error
        self.frames += x.shape[1]

    def close(self) -> None:
        """Finish the file and check that all of it arrived.

        Raises:
            OutputError: the disk refused some of it.
        """
        if self._file.closed:
            return
        try:
            self._file.close()
            if isinstance(self._file, WavStream):
                return
            if self._form.container == "wav":
                finish_wav(self._path, self.chunks)
            elif self._form.container == "aiff":
                finish_aiff(self._path, self.chunks)
            arrived = soundfile.info(self._path).frames
            if not self._is_whole():
                raise _full(self._target)
        except BrokenPipeError:
            raise
        except (soundfile.LibsndfileError, OSError) as error:
            raise _refused(self._target, error) from error
        if arrived != self.frames:
            raise OutputError(
                f"{self._target} holds {arrived} of {self.frames} samples; free some space and start again"
            )

    def _is_whole(self) -> bool:
        """Whether all told bytes are there: libsndfile misses none at the end of an MP3 file."""
        if self._form.container != "mp3":
            return True
        with self._path.open("rb") as file:
            return told_end(file.read(_MP3_HEAD)) <= file.seek(0, 2)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            with contextlib.suppress(OSError):
                self._file.close()


def output_bytes(form: OutputFormat, channels: int, frames: int) -> int:
    """Return how many bytes the audio takes; an upper bound for FLAC, 0 where nothing is known."""
    return frames * channels * {"16": 2, "24": 3, "32f": 4, "": 0}[form.bits]


def _fitting(form: OutputFormat, sample_rate: int, channels: int, frames: int, path: Path) -> tuple[str, str]:
    """Return container and codec as libsndfile calls them."""
    if form.container in LOSSY:
        return LOSSY[form.container]
    large = output_bytes(form, channels, frames) > _RIFF_LIMIT
    if form.container == "aiff" and large:
        raise OutputError(f"{path.name} would pass the 4 GB an AIFF file can hold; write WAV or FLAC")
    if form.container == "flac" and sample_rate > _FLAC_RATE_LIMIT:
        raise OutputError(
            f"FLAC holds at most {_FLAC_RATE_LIMIT} Hz and the source has {sample_rate}; write WAV"
        )
    container = "RF64" if form.container == "wav" and large else form.container.upper()
    return container, _SUBTYPES[form.bits]


def _short_enough(metadata: Mapping[str, str]) -> dict[str, str]:
    """Drop the longest texts until the rest fits into a header."""
    kept: dict[str, str] = {}
    room = _TEXT_LIMIT
    for key in sorted(metadata, key=lambda name: len(metadata[name])):
        room -= len(metadata[key].encode())
        if room >= 0:
            kept[key] = metadata[key]
    return kept


def _refused(path: Path, error: Exception) -> OutputError:
    if isinstance(error, OSError):
        return unwritable(path, error)
    return _full(path)


def _full(path: Path) -> OutputError:
    return OutputError(
        f"{path} cannot be written: the disk is full or refuses; free some space or choose another folder"
    )
