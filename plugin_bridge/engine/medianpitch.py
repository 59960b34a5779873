"""The median pitch of a whole recording, from twelve seconds of the parts that sound."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from plugin_bridge.engine.pitchtracking import USUAL
from plugin_bridge.engine.rendering import reblocked
from plugin_bridge.engine.sourcepitch import SourcePitch

Float32 = NDArray[np.float32]

WINDOW_SECONDS = 1
WINDOWS = 12
"""A median needs no more than so many, and the tracker costs a third of what a singer does."""
_FLOOR = 1e-3
"""Windows 60 dB below the loudest are silence."""


def median_of_windows(windows: Iterable[Float32], sample_rate: int, pitch: str = USUAL) -> float:
    """Return the median pitch of the voiced parts in hertz, 0 where nothing is voiced.

    At most `WINDOWS` of the windows that sound, spread evenly, are listened to.

    Args:
        windows: the recording, in windows of `WINDOW_SECONDS`: float32 (channels, n).
        sample_rate: a native rate in hertz.
        pitch: how it is heard, one of `plugin_bridge.engine.pitchtracking.PITCHES`.
    """
    meter = SourcePitch(sample_rate, pitch)
    for x in _spread(windows):
        meter.process(x)
    return meter.median()


def _spread(windows: Iterable[Float32]) -> list[Float32]:
    """Return windows that sound, evenly spread, in one pass that keeps few of them."""
    kept: list[tuple[float, Float32]] = []
    sounding, stride, loudest = 0, 1, 0.0
    last = 0.0, np.zeros((1, 0), np.float32)
    for x in windows:
        level = float(np.sqrt(np.mean(np.square(x))))
        if level > loudest:
            loudest = level
            kept = [pair for pair in kept if pair[0] > _FLOOR * loudest]
            if not kept:
                sounding, stride = 0, 1
        if level <= _FLOOR * loudest:
            continue
        last = level, x
        if sounding % stride == 0:
            kept.append(last)
        sounding += 1
        if len(kept) == 2 * WINDOWS:
            kept, stride = kept[::2], 2 * stride
    if kept and kept[-1] is not last:
        kept.append(last)
    picks = np.linspace(0, len(kept) - 1, min(WINDOWS, len(kept))).round().astype(int)
    return [kept[pick][1] for pick in picks.tolist()]


def whole_pitch(rows: Float32, sample_rate: int, pitch: str = USUAL) -> float:
    """Return the median pitch of a recording (channels, samples) in hertz, 0 where nothing is voiced.

    Args:
        rows: the recording.
        sample_rate: a native rate in hertz.
        pitch: how it is heard, one of `plugin_bridge.engine.pitchtracking.PITCHES`.
    """
    return median_of_windows(reblocked([rows], WINDOW_SECONDS * sample_rate), sample_rate, pitch)
