"""From frames to samples: how f0, voicing and loudness run between one control frame and the next."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

VOICED = 0.5
"""Voicing above which a frame counts as voiced."""

FloatOrArray = TypeVar("FloatOrArray", float, NDArray[np.float64])


def onset_hold(before: FloatOrArray, voicing_before: FloatOrArray, now: FloatOrArray) -> FloatOrArray:
    """Return the pitch from which a segment glides to `now`.

    A note that starts out of an unvoiced frame starts on its own pitch instead of sweeping up from the last one.

    Args:
        before: pitch of the frame before, in any unit.
        voicing_before: its voicing, 0 to 1.
        now: pitch of the frame the segment ends on.
    """
    return np.where(np.asarray(voicing_before) > VOICED, before, now)[()]


def line(start: float, stop: float, n: int) -> NDArray[np.float64]:
    """Return n samples running straight from `start` (included) to `stop` (the first sample after)."""
    return start + (stop - start) / n * np.arange(n)
