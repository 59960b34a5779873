"""Parameter smoothing: straight ramps with a stated arrival, exact on the sample, whatever the blocks."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Segments = tuple[float | Float64, ...]
"""Values over the same samples, of each ramp: a float where it rests, else shape (n,), float64."""


class Ramp:
    """A value over absolute sample positions that moves along straight lines.

    A move at position p with length n is heard first in sample p and has arrived in sample p + n - 1: the
    value at p - 1 is still the old one, that at p - 1 + n the target. A move during a ramp starts from where
    the value stands; one at position 0 or before is there at once, since nothing sounds earlier. Moves must
    be given in order of position.

    Args:
        value: where to start.
        length: samples a move takes unless told otherwise, >= 1.

    Raises:
        ValueError: `length` < 1.
    """

    def __init__(self, value: float, length: int = 1) -> None:
        if length < 1:
            raise ValueError(f"ramp of {length} samples cannot arrive; give a length of 1 or more")
        self._length = length
        self.reset(value)

    @property
    def target(self) -> float:
        """The value after the last move has arrived."""
        return self._values[-1]

    def reset(self, value: float) -> None:
        """Stand at a value, without any move."""
        self._positions = [0]
        self._values = [float(value)]
        self.rest: float | None = self._values[0]
        """The value, or None while a move is under way or to come."""

    def move(self, target: float, position: int, length: int | None = None) -> None:
        """Start towards `target` in the sample `position`.

        Args:
            target: the value to arrive at.
            position: first sample that differs, >= that of the move before.
            length: samples the move takes, >= 1; the constructor's where None.
        """
        if position <= 0:
            self.reset(target)
            return
        start = position - 1
        here = self.value(start)
        while self._positions and self._positions[-1] >= start:
            self._positions.pop()
            self._values.pop()
        self._positions += [start, start + (length or self._length)]
        self._values += [here, float(target)]
        self.rest = None

    def value(self, position: int) -> float:
        """Return the value at a sample position."""
        if self.rest is not None:
            return self.rest
        positions, values = self._positions, self._values
        if position >= positions[-1]:
            return values[-1]
        if position <= positions[0]:
            return values[0]
        after = bisect_right(positions, position)
        left, right = positions[after - 1], positions[after]
        step = (values[after] - values[after - 1]) / (right - left)
        return values[after - 1] + step * (position - left)

    def segment(self, start: int, n: int) -> float | Float64:
        """Return the values of samples [start, start + n): a float where it rests, else shape (n,), float64.

        Positions before `start` are forgotten.
        """
        self.forget(start)
        if self.rest is not None:
            return self.rest
        if self._positions[0] >= start + n:
            return self._values[0]
        return np.interp(np.arange(start, start + n), self._positions, self._values)

    def corners(self, start: int, stop: int) -> Sequence[int]:
        """Return the positions in [start, stop) where the value bends, rising."""
        if self.rest is not None:
            return ()
        return [p for p in self._positions if start <= p < stop]

    def forget(self, start: int) -> None:
        """Drop what is not needed from `start` on; neither `value` nor `segment` may go back."""
        if self.rest is not None:
            return
        positions = self._positions
        passed = bisect_right(positions, start) - 1
        if passed > 0:
            del positions[:passed], self._values[:passed]
        if len(set(self._values)) == 1:
            del positions[:-1], self._values[:-1]
            self.rest = self._values[0]


class Ramps:
    """Ramps that are read together, at the cost of one while all of them rest.

    Args:
        ramps: in the order in which their values are returned.
    """

    def __init__(self, ramps: Iterable[Ramp]) -> None:
        self._ramps = tuple(ramps)
        self._rests: list[float | None] = []
        self._still: tuple[float, ...] | None = None

    def __iter__(self) -> Iterator[Ramp]:
        return iter(self._ramps)

    def still(self) -> tuple[float, ...] | None:
        """Return the values, the very tuple of the call before while they stay; None where one moves."""
        rests = [ramp.rest for ramp in self._ramps]
        if rests != self._rests:
            self._rests = rests
            values = tuple(rest for rest in rests if rest is not None)
            self._still = values if len(values) == len(rests) else None
        return self._still

    def segments(self, start: int, n: int) -> Segments:
        """Return `Ramp.segment` of each, the very tuple of the call before while all of them rest."""
        return self.still() or tuple([ramp.segment(start, n) for ramp in self._ramps])
