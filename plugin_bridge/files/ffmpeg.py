"""Decode with FFmpeg, through PyAV (extra `formats`): MPEG-4, AAC, WebM, WMA, WavPack, Ogg FLAC and so on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from models.errors import how_to_install
from plugin_bridge.errors import MissingExtraError
from plugin_bridge.files.decoder import UNKNOWN_LENGTH, DecodingError

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream

# Formats that hold audio themselves: playlists, which name other files and addresses, are never opened.
_FORMATS = "mov,matroska,aac,asf,wv,ape,tta,ac3,eac3,amr,ogg"
_NAMES = {
    "mov": "MPEG-4",
    "matroska": "Matroska",
    "aac": "AAC",
    "asf": "WMA",
    "wv": "WavPack",
    "ape": "APE",
    "ogg": "OGG",
}
_TIMED = {"mov", "wv", "tta", "ape"}
"""Whose headers tell the length of the audio itself ..."""
_TIMED_AS_A_WHOLE = {"matroska", "asf"}
"""... or of the file, whose pictures may last longer. Bare streams tell none: FFmpeg guesses it."""
_TEXTS = {"track": "tracknumber"} | {
    key: key for key in ("title", "artist", "album", "date", "comment", "genre", "copyright", "license")
}


class FfmpegDecoder:
    """The first audio stream of a file, decoded by FFmpeg from its beginning.

    Args:
        file: open for reading, at any position.
        name: of the file, for the sentence.

    Raises:
        DecodingError: it holds no audio that FFmpeg can decode.
        MissingExtraError: PyAV is not installed.
    """

    frames = UNKNOWN_LENGTH
    fault = ""

    def __init__(self, file: BinaryIO, name: str) -> None:
        try:
            import av  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise MissingExtraError(
                f"{name} needs PyAV, which is not installed; {how_to_install('formats')}; "
                "or convert it to WAV or FLAC"
            ) from error
        self._faults = (av.error.FFmpegError, ValueError)
        file.seek(0)
        try:
            self._input = av.open(
                file, "r", options={"format_whitelist": _FORMATS}, metadata_errors="replace"
            )
        except self._faults as error:
            raise DecodingError(_reason(error)) from error
        try:
            self._begin(av.AudioResampler(format="flt"))
        except DecodingError:
            self.close()
            raise

    def _begin(self, to_float: av.AudioResampler) -> None:
        streams = self._input.streams
        if not streams.audio:
            raise DecodingError("it holds no audio stream")
        stream, kind = streams.audio[0], self._input.format.name.partition(",")[0]
        self.container = _NAMES.get(kind, kind.upper())
        self.seconds = None
        if kind in _TIMED and stream.duration and stream.time_base:
            self.seconds = float(stream.duration * stream.time_base)
        elif kind in _TIMED_AS_A_WHOLE and len(streams) == 1 and self._input.duration:
            self.seconds = self._input.duration / 1e6
        self._blocks = self._decoded(stream, to_float)
        self._held = next(self._blocks, None)
        if self._held is None:
            raise DecodingError("its audio stream is empty")

    @property
    def texts(self) -> dict[str, str]:
        """Title, artist and so on, where the file has them."""
        found = {key.lower(): value for key, value in self._input.metadata.items()}
        return {_TEXTS[key]: found[key] for key in _TEXTS if found.get(key)}

    def read(self, frames: int) -> NDArray[np.float32]:
        """Return up to so many samples, shape (channels, n); none at the end.

        Raises:
            DecodingError: the audio is damaged.
        """
        if self._held is None:
            return np.zeros((self.channels, 0), np.float32)
        x, rest = self._held[:, :frames], self._held[:, frames:]
        self._held = rest if rest.shape[1] else next(self._blocks, None)
        return np.ascontiguousarray(x)

    def close(self) -> None:
        """Close the decoder; the file stays open."""
        self._input.close()

    def _decoded(self, stream: AudioStream, to_float: av.AudioResampler) -> Iterator[NDArray[np.float32]]:
        """Yield (channels, n) arrays; codecs tell rate and channels only with the first."""
        try:
            for frame in itertools.chain(self._input.decode(stream), [None]):
                for part in to_float.resample(frame):
                    self.sample_rate, self.channels = part.sample_rate, part.layout.nb_channels
                    if part.samples:
                        yield np.asarray(part.to_ndarray(), np.float32).reshape(-1, self.channels).T
        except self._faults as error:
            raise DecodingError(_reason(error)) from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).strip().rstrip(".").lower()
