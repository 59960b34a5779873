"""Measure the median pitch of a file before its bounce, so that `transpose auto` is right at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from plugin_bridge.audiofile import AudioReader
from plugin_bridge.rendering import reblocked
from plugin_bridge.resampling import native_rate, resampled
from plugin_bridge.sourcepitch import SourcePitch

Float32 = NDArray[np.float32]

WINDOW_SECONDS = 2
WINDOWS = 15
"""Half a minute is heard in all: a median needs no more, and the tracker costs as much as the singer."""
_FLOOR = 1e-3
"""Windows 60 dB below the loudest are silence."""


def median_pitch(path: Path) -> float:
    """Return the median pitch of the voiced parts of an audio file in hertz, 0 where nothing is voiced.

    The file is cut in windows of 2 s; at most 15 of those that sound, spread evenly, are listened to.

    Args:
        path: the file.

    Raises:
        AudioFileError: the file cannot be used.
    """
    levels = np.array([float(np.sqrt(np.mean(np.square(x)))) for _, x in _windows(path)])
    sounding = np.flatnonzero(levels > _FLOOR * levels.max(initial=0.0))
    if not sounding.size:
        return 0.0
    picks = sounding[np.linspace(0, sounding.size - 1, min(WINDOWS, sounding.size)).round().astype(int)]
    chosen = {int(index) for index in picks}
    scan: SourcePitch | None = None
    for index, (rate, x) in enumerate(_windows(path)):
        if index in chosen:
            native = native_rate(rate)
            scan = scan or SourcePitch(native)
            for part in resampled([x], len(x), rate, native):
                scan.process(part)
        if index == max(chosen):
            break
    return scan.median() if scan else 0.0


def _windows(path: Path) -> Iterator[tuple[int, Float32]]:
    with AudioReader(path) as reader:
        for x in reblocked(reader.chunks(), WINDOW_SECONDS * reader.sample_rate):
            yield reader.sample_rate, x
