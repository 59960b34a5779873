"""Measure the median pitch of a file before its bounce, so that `transpose auto` is right at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from plugin_bridge.audiofile import AudioReader
from plugin_bridge.medianpitch import WINDOW_SECONDS, median_of_windows
from plugin_bridge.rendering import reblocked
from plugin_bridge.resampling import resampled


def median_pitch(path: Path, sample_rate: int) -> float:
    """Return the median pitch of the voiced parts of an audio file in hertz, 0 where nothing is voiced.

    Args:
        path: the file.
        sample_rate: the native rate at which it is heard, hertz.

    Raises:
        AudioFileError: the file cannot be used.
    """

    def windows() -> Iterator[NDArray[np.float32]]:
        with AudioReader(path) as reader:
            stream = resampled(reader.chunks(), reader.channels, reader.sample_rate, sample_rate)
            yield from reblocked(stream, WINDOW_SECONDS * sample_rate)

    return median_of_windows(windows, sample_rate)
