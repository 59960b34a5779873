"""What moves in a spectrum: band levels against their own recent mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

SHARE = np.float32(0.2)
"""Of the newest frame in the mean, which so forgets within 50 ms, in less than a vowel takes."""


class Movement:
    """Subtract from band levels their recent mean: what stays says how a voice moves, not what it is like."""

    latency = 0

    def __init__(self) -> None:
        self._mean: Float32 | None = None

    def process(self, bands: Float32) -> Float32:
        """Return the movement of the next frames.

        Args:
            bands: levels in dB, shape (n, bands), float32.

        Returns:
            dB, shape (n, bands), float32, a new array; 0 in the first frame.
        """
        moving = np.empty_like(bands)
        mean = bands[0].copy() if self._mean is None else self._mean
        for frame, apart in zip(bands, moving, strict=True):
            np.subtract(frame, mean, out=apart)
            mean += SHARE * apart
        self._mean = mean
        moving *= np.float32(1.0) - SHARE  # what is left against a mean that holds the frame, too
        return moving

    def reset(self) -> None:
        """Forget all frames."""
        self._mean = None
