"""From the system's clock to sample positions: a delay-locked loop over the jittering times of blocks.

After F. Adriaensen, "Using a DLL to filter time", Linux Audio Conference 2005.
"""

from __future__ import annotations

import math

_BANDWIDTH_HZ = 0.5
_LOST_SECONDS = 0.1
"""A block this far from its due time means that the clock stood still or jumped."""


class StreamClock:
    """The times at which blocks were complete, without the jitter of thread scheduling.

    Args:
        sample_rate: hertz, nominal.
        block: samples between two updates.
    """

    def __init__(self, sample_rate: int, block: int) -> None:
        self.rate = float(sample_rate)
        """Samples per second, as measured."""
        self._block = block
        self._nominal = block / sample_rate
        omega = min(0.5, 2.0 * math.pi * _BANDWIDTH_HZ * self._nominal)
        self._b, self._c = math.sqrt(2.0) * omega, omega * omega
        self._next = -math.inf
        self._period = self._nominal

    def update(self, time: float) -> float:
        """Take the time at which the next block came, in seconds, and return it without jitter."""
        error = time - self._next
        if not abs(error) < _LOST_SECONDS:
            self._next, self._period = time + self._nominal, self._nominal
            self.rate = self._block / self._nominal
            return time
        now = self._next + self._b * error
        self._period += self._c * error
        self._next = now + self._period
        self.rate = self._block / self._period
        return now
