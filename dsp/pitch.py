"""Streaming pitch tracker for singing: f0 and a smooth voicing gate every 10 ms, 20 ms of look-ahead."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.candidates import F0_HIGH, F0_LOW, CandidateFinder, Candidates
from dsp.decimator import Decimator
from dsp.units import hop_size

START_F0 = 220.0
LOUDEST = 1e6
LEAP_COST_PER_OCTAVE = 0.6
LEAP_COST_MAX = 0.3
# Below this much voicing a falling gate keeps its pitch unless the new one is near (in octaves).
SURE_VOICING = 0.5
NEAR_OCTAVES = 0.2
RISING_VOICING, ONSET_PERIODICITY = 0.3, 0.85

# The gate is a logistic function of the evidence below. Its numbers come from a regression on 40,000 frames
# of singing (male, female, dry and processed) and noise, labelled by agreement of three offline trackers.
GATE_OFFSET = -5.1
GATE_PERIODICITY = 1.4
APERIODICITY_OFFSET, APERIODICITY_LEAST = 1.03, 0.082
# Level under the loudest of the last seconds: a slope per decibel below a knee.
GATE_LEVEL, GATE_LEVEL_KNEE_DB = 0.2, -15.0
PEAK_LEAST = 10.0**-5.5
PEAK_FALL = 10.0 ** (-0.02 / 10.0)
# Energy under the pitch is rumble, hum or breath, never voice.
GATE_BELOW, GATE_BELOW_MAX, GATE_BELOW_EDGE = 120.0, 0.035, 0.5
# A deep pitch fits the window only twice, where rumble is periodic by chance. A deep voice has its strength
# in higher harmonics, rumble has not.
GATE_DEEP, DEEP_HZ = 5.0, 125.0
# In a fast glide the periods differ, but the voice keeps its strength below 1 kHz: so it stays voiced.
GATE_INERTIA, INERTIA_RANGE_DB, INERTIA_BAND_HZ, INERTIA_FALL = 2.0, 10.0, 1000.0, 10.0 ** (-0.2 / 10.0)


class PitchFrame(NamedTuple):
    """The pitch at one frame centre."""

    f0: float
    """Fundamental frequency in hertz, 60..1100; held through unvoiced frames."""
    voicing: float
    """Smooth gate of the harmonic source, 0 (unvoiced) .. 1 (voiced)."""


class PitchTracker:
    """Track one voice, hop by hop.

    The call with samples [j*hop, (j+1)*hop) returns the frame centred at sample (j-1)*hop; frames before
    time 0 are unvoiced.

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
        self._peak = PEAK_LEAST
        self._evidence = 0.0
        self._strength = 0.0

    def process(self, x: NDArray[np.float32]) -> PitchFrame:
        """Take one hop of samples and return the pitch two hops before its end.

        Args:
            x: mono samples, shape (hop,), float32. A hop with a value that is not finite, or
                above 120 dB re full scale, counts as silence.

        Raises:
            ValueError: `x` has another shape.
        """
        if x.shape != (self._hop,):
            raise ValueError(f"hop of shape {x.shape} does not fit; give mono samples, shape ({self._hop},)")
        if not float(np.abs(x).max()) < LOUDEST:
            x = np.zeros_like(x)
        found = self._finder.process(self._decimator.process(x))
        self._peak = max(self._finder.power, self._peak * PEAK_FALL, PEAK_LEAST)
        if found.log_f0.size == 0:
            self._voicing = self._evidence = self._strength = 0.0
            return PitchFrame(self._f0, 0.0)
        best = self._advance(found)
        f0 = 2.0 ** float(found.log_f0[best])
        before, following = self._voicing, float(found.following[best])
        self._voicing = self._gate(f0, float(found.now[best]), following)
        rising = self._voicing >= before and (self._voicing > RISING_VOICING or following > ONSET_PERIODICITY)
        near = self._voicing > 0.01 and abs(math.log2(f0 / self._f0)) < NEAR_OCTAVES
        if self._voicing > SURE_VOICING or rising or near:
            self._f0 = min(F0_HIGH, max(F0_LOW, f0))
        return PitchFrame(self._f0, self._voicing)

    def _advance(self, found: Candidates) -> int:
        """Extend the cheapest paths by one frame (Viterbi) and return the last candidate of the best."""
        leap = np.abs(found.log_f0[:, None] - self._log_f0) * LEAP_COST_PER_OCTAVE
        leap = np.minimum(leap, LEAP_COST_MAX) * (0.1 + 0.9 * self._voicing)
        cost = (self._cost + leap).min(axis=1) + found.cost
        best = int(cost.argmin())
        self._log_f0 = found.log_f0
        self._cost = cost - cost[best]
        return best

    def _gate(self, f0: float, now: float, following: float) -> float:
        before, self._evidence = self._evidence, _evidence(now)
        level = 10.0 * math.log10(self._finder.power / self._peak)
        below = min(GATE_BELOW_MAX, self._finder.share_below(GATE_BELOW_EDGE * f0))
        score = GATE_OFFSET + GATE_PERIODICITY * (before + self._evidence + _evidence(following))
        score += GATE_LEVEL * min(0.0, level - GATE_LEVEL_KNEE_DB) - GATE_BELOW * below
        if f0 < DEEP_HZ:
            score -= GATE_DEEP * math.log2(DEEP_HZ / f0) * self._finder.share_below(2.5 * f0)
        score += GATE_INERTIA * self._voicing * self._steadiness()
        gate = 1.0 / (1.0 + math.exp(-min(40.0, max(-40.0, score))))
        return min(1.0, max(0.0, 1.04 * gate - 0.02))

    def _steadiness(self) -> float:
        """Return 1 while the strength in the low band is that of the recent frames, 0 if it has dropped."""
        strength = self._finder.share_below(INERTIA_BAND_HZ) * self._finder.power + 1e-20
        drop = 10.0 * math.log10(strength / max(strength, self._strength))
        self._strength = max(strength, self._strength * INERTIA_FALL)
        return max(0.0, 1.0 + drop / INERTIA_RANGE_DB)


def _evidence(periodicity: float) -> float:
    """Return the negative logarithm of the aperiodic share, 0 for noise."""
    return -math.log(max(APERIODICITY_LEAST, APERIODICITY_OFFSET - max(0.0, periodicity)))
