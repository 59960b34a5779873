"""The pitch asked for, kept while the filter behind the oscillator moves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.filters import FILTER_BIN_HZ

Float64 = NDArray[np.float64]
Complex64 = NDArray[np.complex64]

HARMONICS = 8
FARTHEST = 0.06
"""Share of f0, a semitone: more would be a filter that jumps, not one that moves."""

_ORDER = np.arange(1.0, HARMONICS + 1.0)
_CYCLES = -1.0 / (2.0 * np.pi * _ORDER)
"""From the phase of a harmonic to cycles of the first by which it is late."""


class PitchKeeper:
    """Let the oscillator lead by as much as the filter turns its harmonics back.

    Where a filter moves, as at the closure before a stop, the phases of its minimum-phase response move with
    it, and a phase that turns is a frequency: without this the pitch falls by up to a semitone for 50 ms. The
    lead is the mean phase delay of the first harmonics, weighted with the amplitude of each behind the
    filter; it depends on filter and pitch alone, and nothing tells how they came there.

    Args:
        sample_rate: a native rate in hertz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = float(sample_rate)
        self._lead = 0.0

    def start(self, f0: float, logarithm: Complex64) -> float:
        """Take the filter there is at first; return the phase in cycles, 0..1, with which to begin.

        Args:
            f0: hertz.
            logarithm: of its response at the filter bins, log-magnitude and phase, unwrapped, shape (bins,).
        """
        self._lead = float(_leads(np.array([f0]), logarithm[None])[0])
        return self._lead % 1.0

    def process(
        self, f0: Float64, positions: Sequence[int], shares: Sequence[float], logarithms: Complex64
    ) -> Float64:
        """Return what the oscillator is to play, hertz, shape (n,), a new array.

        Args:
            f0: the pitch asked for, hertz, shape (n,).
            positions: of the filter's knots, as `dsp.filters.TimeVaryingFilter.process` has them.
            shares: of all knots but the first, as `dsp.synth.Knot` has them.
            logarithms: of the responses at all knots but the first, as `start` has them, shape
                (knots - 1, bins).
        """
        # At the pitch with which a segment begins: what comes later in it must not be heard before.
        begin = f0.take(positions[:-1])
        lengths, lead, bends = np.diff(positions), self._lead, []
        for length, hertz, share, there in zip(
            lengths.tolist(),
            begin.tolist(),
            shares,
            _leads(begin, logarithms).tolist(),
            strict=True,
        ):
            most = FARTHEST * hertz * length / self._rate
            step = min(most, max(-most, share * (there - lead)))
            lead += step
            bends.append(step * self._rate / length)
        self._lead = lead
        return np.asarray(f0 + np.repeat(bends, lengths))

    def reset(self) -> None:
        """Forget the filter."""
        self._lead = 0.0


def _leads(f0: Float64, logarithms: Complex64) -> Float64:
    """Return by how many cycles of f0 filters turn its harmonics back, shape (filters,)."""
    place = np.multiply.outer(f0, _ORDER / FILTER_BIN_HZ)
    last = logarithms.shape[1] - 1
    below = np.minimum(place, last - 1).astype(np.intp)
    row, part = np.arange(f0.size)[:, None], place - below
    there = logarithms[row, below]
    there = there + (logarithms[row, below + 1] - there) * part
    amplitude = np.exp(there.real)
    amplitude[place >= last] = 0.0
    return np.asarray(np.vecdot(amplitude, there.imag * _CYCLES) / amplitude.sum(axis=1))
