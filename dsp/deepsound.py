"""Detect sound that repeats more slowly than any pitch that is tracked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.sliding import SlidingWindows
from dsp.units import MAX_HOPS, MIN_F0

Float32 = NDArray[np.float32]

MIN_HZ = 28.0
PERIODIC = 0.92
"""Correlation of two stretches one period apart from which sound counts as periodic."""
STRETCH_HOPS, PAST_HOPS = 4, 8
EVERY = 10
"""Hops from one look to the next: this is for a report, and costs little so."""
NOTHING = 1e-20


class DeepSound:
    """Look every 100 ms whether the last 80 ms repeat with a period below `MIN_F0`.

    Args:
        rate: of the decimated signal, in hertz.
        hop: its samples in 10 ms.
    """

    latency = 0

    def __init__(self, rate: int, hop: int) -> None:
        self._windows = SlidingWindows(PAST_HOPS * hop, hop, MAX_HOPS)
        self._stretch = STRETCH_HOPS * hop
        self._lags = round(0.96 * rate / MIN_F0), round(rate / MIN_HZ)
        self.reset()

    def reset(self) -> None:
        """Forget all samples."""
        self._windows.reset()
        self._count = 0
        self._deep = False

    def process(self, x: Float32) -> list[bool]:
        """Take up to `MAX_HOPS` decimated hops; return for each whether sound was deep at the last look."""
        found = []
        for past in self._windows.process(x):
            self._count += 1
            if self._count % EVERY == 0:
                self._deep = self._repeats(past)
            found.append(self._deep)
        return found

    def _repeats(self, x: Float32) -> bool:
        shortest, longest = self._lags
        size = self._stretch
        now, before = x[-size:], x[x.size - size - longest : x.size - shortest]
        energies = np.concatenate([[0.0], np.cumsum(np.square(before, dtype=np.float64))])
        energy = float(now.dot(now)) * (energies[size:] - energies[:-size])
        likeness = np.correlate(before, now, "valid") / np.sqrt(energy + NOTHING)
        best = int(likeness.argmax())
        return bool(0 < best < likeness.size - 1 and likeness[best] > PERIODIC)
