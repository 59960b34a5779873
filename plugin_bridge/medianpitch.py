"""The median pitch of a whole recording, from twenty seconds of the parts that sound."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from plugin_bridge.pitchtracking import USUAL
from plugin_bridge.sourcepitch import SourcePitch

Float32 = NDArray[np.float32]

WINDOW_SECONDS = 2
WINDOWS = 10
"""Twenty seconds in all: a median needs no more, and the tracker costs a third of what a singer does."""
_FLOOR = 1e-3
"""Windows 60 dB below the loudest are silence."""


def median_of_windows(
    windows: Callable[[], Iterable[Float32]], sample_rate: int, pitch: str = USUAL
) -> float:
    """Return the median pitch of the voiced parts in hertz, 0 where nothing is voiced.

    At most `WINDOWS` of the windows that sound, spread evenly, are listened to.

    Args:
        windows: gives the recording, each time from its start, in windows of `WINDOW_SECONDS`: float32
            (channels, n).
        sample_rate: a native rate in hertz.
        pitch: how it is heard, one of `plugin_bridge.pitchtracking.PITCHES`.
    """
    levels = np.array([float(np.sqrt(np.mean(np.square(x)))) for x in windows()])
    sounding = np.flatnonzero(levels > _FLOOR * levels.max(initial=0.0))
    if not sounding.size:
        return 0.0
    picks = sounding[np.linspace(0, sounding.size - 1, min(WINDOWS, sounding.size)).round().astype(int)]
    chosen = set(picks.tolist())
    meter = SourcePitch(sample_rate, pitch)
    for index, x in enumerate(windows()):
        if index in chosen:
            meter.process(x)
        if index == picks[-1]:
            break
    return meter.median()
