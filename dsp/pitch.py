"""Streaming fundamental-frequency tracker for singing: f0 and a smooth voicing gate every 10 ms, 20 ms of look-ahead."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.candidates import F0_HIGH, F0_LOW, CandidateFinder, Candidates
from dsp.decimator import Decimator
from dsp.units import hop_size

START_F0 = 220.0
LEAP_COST_PER_OCTAVE = 0.6
LEAP_COST_MAX = 0.3
VOICING_CENTRE = 0.70
VOICING_SLOPE = 22.0
PEAK_FALL = 10.0 ** (-0.3 / 100.0 / 10.0 * 10.0)
LEVEL_CENTRE_DB = -42.0
LEVEL_SLOPE = 0.35
FLOOR_DB = -84.0


class PitchFrame(NamedTuple):
    """The pitch at one frame centre."""

    f0: float
    """Fundamental frequency in hertz, 60..1100; held through unvoiced frames."""
    voicing: float
    """Smooth gate of the harmonic source, 0 (unvoiced) .. 1 (voiced)."""


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(40.0, max(-40.0, x))))


class PitchTracker:
    """Track one voice, hop by hop.

    The call with samples [j*hop, (j+1)*hop) returns the frame centred at sample (j-1)*hop; frames before time 0 are
    unvoiced.

    Args:
        sample_rate: one of `dsp.units.RATES`, in hertz.

    Raises:
        ValueError: the rate is not native.
    """

    def __init__(self, sample_rate: int) -> None:
        self._hop = hop_size(sample_rate)
        self._decimator = Decimator(sample_rate)
        self._finder = CandidateFinder(self._decimator.rate, self._decimator.delay)
        self.reset()

    @property
    def latency(self) -> int:
        """Samples from a frame's centre to the end of the hop that completes it."""
        return 2 * self._hop

    def reset(self) -> None:
        """Return to the state of a new tracker."""
        self._decimator.reset()
        self._finder.reset()
        self._log_f0 = np.array([math.log2(START_F0)])
        self._cost = np.zeros(1)
        self._f0 = START_F0
        self._voicing = 0.0
        self._peak = 1e-12

    def process(self, x: NDArray[np.float32]) -> PitchFrame:
        """Take one hop of samples and return the pitch two hops before its end.

        Args:
            x: mono samples, shape (hop,), float32.

        Raises:
            ValueError: `x` has another shape.
        """
        if x.shape != (self._hop,):
            raise ValueError(f"hop of shape {x.shape} does not fit; give mono samples of shape ({self._hop},)")
        found = self._finder.process(self._decimator.process(x))
        if found.log_f0.size == 0:
            self._voicing = 0.0
            return PitchFrame(self._f0, 0.0)
        best = self._advance(found)
        voicing = self._gate(float(found.periodicity[best]), found.power)
        if voicing > 0.1:
            self._f0 = min(F0_HIGH, max(F0_LOW, 2.0 ** float(found.log_f0[best])))
        self._voicing = voicing
        return PitchFrame(self._f0, voicing)

    def _advance(self, found: Candidates) -> int:
        leap = np.abs(found.log_f0[:, None] - self._log_f0[None, :]) * LEAP_COST_PER_OCTAVE
        leap = np.minimum(leap, LEAP_COST_MAX) * (0.1 + 0.9 * self._voicing)
        cost = (self._cost[None, :] + leap).min(axis=1) + found.cost
        self._log_f0 = found.log_f0
        self._cost = cost - cost.min()
        return int(cost.argmin())

    def _gate(self, periodicity: float, power: float) -> float:
        self._peak = max(power, self._peak * PEAK_FALL, 1e-12)
        level = 10.0 * math.log10(power + 1e-20)
        relative = level - 10.0 * math.log10(self._peak)
        gate = _logistic(VOICING_SLOPE * (periodicity - VOICING_CENTRE))
        gate *= _logistic(LEVEL_SLOPE * (relative - LEVEL_CENTRE_DB)) * _logistic(LEVEL_SLOPE * (level - FLOOR_DB))
        gate = min(1.0, max(0.0, 1.04 * gate - 0.02))
        return gate
