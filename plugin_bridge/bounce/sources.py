"""What can be bounced, all in chunks: an audio file, a recorded session, or a stem made while it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from plugin_bridge.files.reader import AudioReader
from plugin_bridge.files.standardstreams import STANDARD_STREAM
from plugin_bridge.sessions.folder import is_session

if TYPE_CHECKING:
    from plugin_bridge.sessions.reader import SessionReader


class Stem(AbstractContextManager["Stem"]):
    """A stem that is made while it is read, as often as it is read.

    Args:
        name: what it is called in sentences.
        sample_rate: hertz.
        frames: samples that it has.
        make: yields them from the beginning, mono, float32 of shape (1, n).
    """

    channels = 1
    note = ""

    def __init__(
        self, name: Path, sample_rate: int, frames: int, make: Callable[[], Iterator[NDArray[np.float32]]]
    ) -> None:
        self.path = name
        self.sample_rate = sample_rate
        self.frames = frames
        self.metadata: dict[str, str] = {}
        self.chunks = make

    def __exit__(self, *_: object) -> None:
        pass


Source: TypeAlias = "AudioReader | SessionReader | Stem"


def open_source(source: Path | Stem) -> Source:
    """Open an audio file, standard input or a session; a stem is open.

    Raises:
        AudioFileError, SessionError: it cannot be used; the sentence says why and what to do.
    """
    if isinstance(source, Stem):
        return source
    if source == STANDARD_STREAM or not is_session(source):
        return AudioReader(source)
    from plugin_bridge.sessions.reader import SessionReader  # noqa: PLC0415 - its models take 20 ms

    return SessionReader(source)
