"""Phase compensation: keep the pitch asked for while the filter behind the oscillator moves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dsp.filters import FILTER_BIN_HZ

Float64 = NDArray[np.float64]
Complex64 = NDArray[np.complex64]

HARMONICS = 8
MAX_PHASE_CORRECTION = 0.06
"""Fraction of f0, a semitone: a larger correction means a filter that jumps rather than moves."""
DRIFT = 1.7e-4
"""Fraction of f0, 0.3 cents: the most by which the phase returns to that of a filter at rest, ..."""
SETTLE_SECONDS = 0.05
"""... slowing down towards the end with this time constant."""

_ORDER = np.arange(1.0, HARMONICS + 1.0)
_CYCLES = -1.0 / (2.0 * np.pi * _ORDER)
"""From a harmonic's phase in radians to its lag in cycles of the fundamental."""


class PhaseCompensator:
    """Advance the oscillator by the phase lag that the moving filter adds to its harmonics.

    Where a filter moves, as at the closure before a stop, the phases of its minimum-phase response move with
    it, and a phase that turns is a frequency: without this the pitch falls by up to a semitone for 50 ms. The
    pitch heard is that which fits the turning of the first harmonics best in the least squares, weighted with
    power and squared order (Flanagan and Golden 1966); behind a sawtooth that weight is the power of the
    response. What the oscillator leads by is the sum of such turns, so it tells how the filter came to where
    it is; it goes slowly back to the lead that filter and pitch alone would give.

    Args:
        sample_rate: a native rate in hertz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = float(sample_rate)
        self.reset()

    def start(self, f0: float, logarithm: Complex64) -> float:
        """Take the initial filter; return the starting phase of the oscillator in cycles, 0..1.

        Args:
            f0: hertz.
            logarithm: of its response at the filter bins, log-magnitude and phase, unwrapped, shape (bins,).
        """
        late, weight = self._late, self._weight = _turned(np.array([f0]), logarithm[None])
        self._lead, self._back = _mean(late, weight).item(), 0.0
        return self._lead % 1.0

    def process(
        self, f0: Float64, positions: Sequence[int], shares: Sequence[float], logarithms: Complex64
    ) -> Float64:
        """Return the frequency of the oscillator, hertz, shape (n,), a new array.

        Args:
            f0: the pitch asked for, hertz, shape (n,).
            positions: of the filter's knots, as `dsp.filters.TimeVaryingFilter.process` has them.
            shares: of all knots but the first, as `dsp.synth.Knot` has them.
            logarithms: of the responses at all knots but the first, as `start` has them, shape
                (knots - 1, bins).
        """
        # The pitch at the start of each segment: a later change must not act before its sample.
        begin = f0.take(positions[:-1])
        late, weight = _turned(begin, logarithms)
        lates, weights = np.concatenate([self._late, late]), np.concatenate([self._weight, weight])
        for index, share in enumerate(shares):
            if share != 1.0:
                lates[index + 1] = lates[index] + (late[index] - lates[index]) * share
                weights[index + 1] = weights[index]
        self._late, self._weight = lates[-1:], weights[-1:]
        turns = _mean(late - lates[:-1], weight + weights[:-1]).tolist()
        leads = _mean(late, weight).tolist()
        lengths, bends = [stop - start for start, stop in pairwise(positions)], []
        rows = zip(lengths, begin.tolist(), shares, turns, leads, strict=True)
        for length, hertz, share, turn, there in rows:
            most = MAX_PHASE_CORRECTION * hertz * length / self._rate
            step = min(most, max(-most, share * turn + self._back * length))
            self._lead += step
            bends.append(step * self._rate / length)
            if share == 1.0:
                off = (there - self._lead + 0.5) % 1.0 - 0.5
                fastest = DRIFT * hertz / self._rate
                self._back = min(fastest, max(-fastest, off / (SETTLE_SECONDS * self._rate)))
        return np.asarray(f0 + np.array(bends).repeat(lengths))

    def reset(self) -> None:
        """Forget the filter."""
        self._late, self._weight = np.zeros((1, HARMONICS)), np.ones((1, HARMONICS))
        self._lead = self._back = 0.0


def _turned(f0: Float64, logarithms: Complex64) -> tuple[Float64, Float64]:
    """Return the lag of each harmonic in cycles of f0, and its weight, (filters, HARMONICS)."""
    place = np.multiply.outer(f0, _ORDER / FILTER_BIN_HZ)
    last = logarithms.shape[1] - 1
    below = np.minimum(place, last - 1).astype(np.intp)
    part = place - below
    below += np.arange(0, logarithms.size, last + 1)[:, None]
    flat = logarithms.reshape(-1)
    there = flat.take(below)
    there = there + (flat[1:].take(below) - there) * part
    power = np.exp(2.0 * there.real)
    power *= place < last
    return there.imag * _CYCLES, power


def _mean(cycles: Float64, weight: Float64) -> Float64:
    return np.asarray(np.vecdot(weight, cycles) / np.add.reduce(weight, axis=1))
