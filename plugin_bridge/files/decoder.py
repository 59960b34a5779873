"""The protocol of a decoder, implemented with libsndfile and with FFmpeg."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

UNKNOWN_LENGTH = 2**63 - 1


class DecodingError(Exception):
    """A file cannot be decoded; carries the reason in a few words, for a sentence."""


class Decoder(Protocol):
    """Decodes a file once, from its beginning."""

    container: str
    """As it is called in sentences: "WAV", "MP3"."""
    sample_rate: int
    """Hertz."""
    channels: int
    frames: int
    """Samples in each channel that the file promises, or `UNKNOWN_LENGTH`."""
    seconds: float | None
    """The length that the file promises where it is known less exactly than to a sample."""

    @property
    def fault(self) -> str:
        """What was wrong so far, to follow the file's name in a sentence; empty where nothing was."""

    @property
    def texts(self) -> dict[str, str]:
        """Title, artist and so on, where the file has them."""

    def read(self, frames: int) -> NDArray[np.float32]:
        """Return up to so many samples, shape (channels, n); none at the end.

        Raises:
            DecodingError: the audio is damaged.
            OSError: the file cannot be read.
        """

    def close(self) -> None:
        """Close the decoder; the file stays open."""
