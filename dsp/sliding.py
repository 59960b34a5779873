"""Overlapping windows of a stream, as views of one buffer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


class SlidingWindows:
    """Keep the samples that windows still to come share with those gone by.

    Args:
        length: of a window, in samples.
        step: samples from one window to the next, at most `length`.
        most: windows at once.
    """

    def __init__(self, length: int, step: int, most: int) -> None:
        self._kept, self._step, self._most = length - step, step, most
        self._at = 0
        self._memory = np.zeros(self._kept + most * step, np.float32)
        self._windows = np.lib.stride_tricks.sliding_window_view(self._memory, length)[::step]

    def process(self, x: Float32) -> Float32:
        """Take samples and return the windows that end with each step of them.

        Args:
            x: shape (n * step,), float32, n from 1 to `most`.

        Returns:
            Shape (n, length), the oldest first; a view that the next call overwrites.
        """
        memory, kept, start = self._memory, self._kept, self._at
        stop = start + x.size // self._step
        if stop > self._most:
            memory[:kept] = memory[start * self._step :][:kept]
            start, stop = 0, stop - start
        self._at = stop
        memory[kept + start * self._step : kept + stop * self._step] = x
        return self._windows[start:stop]

    def reset(self) -> None:
        """Forget all samples."""
        self._memory[:] = 0.0
        self._at = 0
