"""From the spectra of a frame to what a melody network's file takes: levels at harmonics, and coarse ones."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from models.melody import grid

Float32 = NDArray[np.float32]

NEPER_DB = 10.0 / math.log(10.0)
"""Decibels of a natural logarithm of power, the unit of what is read."""
_PLACES = np.stack([grid.below, np.minimum(grid.below + 1, grid.NOTHING)]).reshape(2, -1)
_SHARES = np.stack([1.0 - grid.share, grid.share]).reshape(2, -1)
_ONE = np.float32(1.0)


class HarmonicReader:
    """Read spectra relative to the loudest heard so far, as `models.melody.network` does.

    Args:
        stacked: filled with levels at the harmonics of the candidates, shape (CHANNELS * CANDIDATES,),
            float32; 0 is `grid.LEVEL_RANGE_DB` below the loudest, 1 is `NEPER_DB` above that.
        coarse: filled with the sums of `grid.COARSE_BINS` bins each, shape (COARSE,), float32.
    """

    def __init__(self, stacked: Float32, coarse: Float32) -> None:
        self.level = 0.0
        """Of all that was heard in the last frame, dB re a sine of amplitude 1."""
        self._stacked = stacked
        self._coarse = coarse.reshape(grid.WINDOWS, -1)
        self._loudest = -grid.LEVEL_RANGE_DB
        self._padded = np.zeros(grid.NOTHING + 1, np.float32)
        self._seen = self._padded[: grid.NOTHING]
        width = grid.COARSE_BINS
        rows = self._seen.reshape(grid.WINDOWS, grid.BINS)
        self._groups = np.lib.stride_tricks.sliding_window_view(rows, width, 1)[:, ::width]
        self._beside = np.zeros_like(_SHARES)
        # A product with ones takes half of the time of a sum.
        self._bins, self._group = np.ones(grid.BINS, np.float32), np.ones(width, np.float32)

    def process(self, power: Float32) -> None:
        """Read a frame.

        Args:
            power: of `models.melody.features`, shape (2, 401), float32.
        """
        heard = 10.0 * math.log10(float(power[1].dot(self._bins)) + grid.LEAST_POWER)
        self.level = heard - grid.SINE_DB
        self._loudest = max(heard, self._loudest - grid.FALL_DB, -grid.LEVEL_RANGE_DB)
        seen = self._seen
        least = 10.0 ** ((self._loudest - grid.LEVEL_RANGE_DB) / 10.0)
        np.multiply(power.reshape(-1), np.float32(1.0 / least), out=seen)
        np.maximum(seen, _ONE, out=seen)
        np.log(seen, out=seen)
        np.matmul(self._groups, self._group, out=self._coarse)
        # In the mode "clip" `take` writes where it is told without a copy; all places are within.
        beside = self._padded.take(_PLACES, out=self._beside, mode="clip")
        np.multiply(beside, _SHARES, out=beside)
        np.add(beside[0], beside[1], out=self._stacked)

    def reset(self) -> None:
        """Forget the loudest."""
        self._loudest = -grid.LEVEL_RANGE_DB
