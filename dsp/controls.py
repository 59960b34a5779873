"""From frames to samples: how f0, voicing and loudness run between one control frame and the next."""

from __future__ import annotations

from typing import overload

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

VOICED = 0.5
"""Voicing above which a frame counts as voiced."""


@overload
def onset_hold(before: float, voicing_before: float, now: float) -> float: ...
@overload
def onset_hold(before: Float64, voicing_before: Float64, now: Float64) -> Float64: ...
def onset_hold(
    before: float | Float64, voicing_before: float | Float64, now: float | Float64
) -> float | Float64:
    """Return the pitch from which a segment glides to `now`.

    A note out of an unvoiced frame starts on its own pitch instead of sweeping up from the last one.

    Args:
        before: pitch of the frame before, in any unit.
        voicing_before: its voicing, 0 to 1.
        now: pitch of the frame the segment ends on.
    """
    held: float | Float64 = np.where(np.asarray(voicing_before) > VOICED, before, now)[()]
    return held


def line(start: float, stop: float, n: int) -> Float64:
    """Return n samples running straight from `start` (included) to `stop` (the first sample after)."""
    return start + (stop - start) / n * np.arange(n, dtype=np.float64)
