"""Turn the spectra of a frame into the inputs of a melody network: levels at harmonics, and coarse levels."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.melody import grid

Float32 = NDArray[np.float32]

_PLACES = np.stack([grid.below, np.minimum(grid.below + 1, grid.NOTHING)]).reshape(2, -1)
_SHARES = np.stack([1.0 - grid.share, grid.share]).reshape(2, -1)
_ONE = np.float32(1.0)


class HarmonicReader:
    """Read spectra relative to the loudest heard so far, as `models.training.melody.network` does.

    Args:
        stacked: filled with levels at the harmonics of the candidates, a row per frame, shape
            (most, CHANNELS * CANDIDATES), float32; 0 is `grid.LEVEL_RANGE_DB` below the loudest, 1 is
            `dsp.units.DB_PER_LN_POWER` above that.
        coarse: filled with the sums of `grid.COARSE_BINS` bins each, shape (most, COARSE), float32.
    """

    def __init__(self, stacked: Float32, coarse: Float32) -> None:
        most, width = stacked.shape[0], grid.COARSE_BINS
        self._loudest = -grid.LEVEL_RANGE_DB
        self._scales = np.zeros((most, 1), np.float32)
        padded = np.zeros((most, grid.NOTHING + 1), np.float32)
        seen, beside = padded[:, : grid.NOTHING], np.zeros((most, *_SHARES.shape), np.float32)
        rows = seen.reshape(most, grid.WINDOWS, grid.BINS)
        groups = np.lib.stride_tricks.sliding_window_view(rows, width, 2)[:, :, ::width]
        coarse = coarse.reshape(most, grid.WINDOWS, -1)
        work = _Work(self._scales, padded, seen, groups, coarse, beside, beside[:, 0], beside[:, 1], stacked)
        # Cut for every number of frames, for a cut costs as much as a product.
        self._cuts = [_Work(*(array[:frames] for array in work)) for frames in range(most + 1)]
        # A product with ones takes half of the time of a sum.
        self._bins, self._group = np.ones(grid.BINS, np.float32), np.ones(width, np.float32)

    def process(self, power: Float32) -> list[float]:
        """Read consecutive frames.

        Args:
            power: of `models.melody.features`, shape (n, 2, 401), float32, n from 1 to `most`.

        Returns:
            Of each frame the level of all that was heard, dB re a sine of amplitude 1.
        """
        count = power.shape[0]
        work = self._cuts[count]
        sums = np.vecdot(power[:, 1], self._bins).tolist()
        heard = [10.0 * math.log10(total + grid.MIN_POWER) for total in sums]
        for frame, level in enumerate(heard):
            self._loudest = max(level, self._loudest - grid.FALL_DB, -grid.LEVEL_RANGE_DB)
            self._scales[frame] = 10.0 ** ((grid.LEVEL_RANGE_DB - self._loudest) / 10.0)
        np.multiply(power.reshape(count, -1), work.scales, out=work.seen)
        np.maximum(work.seen, _ONE, out=work.seen)
        np.log(work.seen, out=work.seen)
        np.matmul(work.groups, self._group, out=work.coarse)
        # In the mode "clip" `take` writes where it is told without a copy; all places are within.
        work.padded.take(_PLACES, axis=1, out=work.beside, mode="clip")
        np.multiply(work.beside, _SHARES, out=work.beside)
        np.add(work.low, work.high, out=work.stacked)
        return [level - grid.SINE_DB for level in heard]

    def reset(self) -> None:
        """Forget the loudest level."""
        self._loudest = -grid.LEVEL_RANGE_DB


class _Work(NamedTuple):
    """Views of the arrays of some frames, each of shape (frames, ...)."""

    scales: Float32
    padded: Float32
    seen: Float32
    groups: Float32
    coarse: Float32
    beside: Float32
    low: Float32
    high: Float32
    stacked: Float32
