"""Smooth decision between voiced and unvoiced, from levels and from periodicity before, now and after."""

from __future__ import annotations

import math
from collections.abc import Callable

# The gate is a logistic function of the evidence below. Its numbers come from a regression on 40,000 frames
# of singing (male, female, dry and processed) and noise, labelled by agreement of three offline trackers.
GATE_OFFSET = -5.1
GATE_PERIODICITY = 1.4
APERIODICITY_OFFSET, MIN_APERIODICITY = 1.03, 0.082
# Level under the loudest of the last seconds: a slope per decibel below a knee.
GATE_LEVEL, GATE_LEVEL_KNEE_DB = 0.2, -15.0
MIN_PEAK = 10.0**-5.5
PEAK_FALL = 10.0 ** (-0.02 / 10.0)
# Energy under the pitch is rumble, hum or breath, never voice.
GATE_BELOW, GATE_BELOW_MAX, GATE_BELOW_EDGE = 120.0, 0.035, 0.5
# A deep pitch fits the window only twice, where rumble is periodic by chance. A deep voice has its strength
# in higher harmonics, rumble has not.
GATE_DEEP, DEEP_HZ, DEEP_EDGE = 5.0, 125.0, 2.5
# And a pitch so deep that it hardly fits twice is found in any noise.
GATE_RARE, RARE_HZ = 5.0, 70.0
# At the short lag of a pitch that few sing any low sound is like itself: what lies below speaks against it.
GATE_HIGH, HIGH_HZ = 20.0, 1050.0
# In a fast glide the periods differ, but the voice keeps its strength below 1 kHz: so it stays voiced.
GATE_INERTIA, INERTIA_RANGE_DB, INERTIA_BAND_HZ, INERTIA_FALL = 2.0, 10.0, 1000.0, 10.0 ** (-0.2 / 10.0)
# Of the few periods of a deep voice one that is irregular spoils a whole window. So a voice that was sure is
# held the longer, by so much more an octave below the edge, and its depth does not speak against it.
DEEP_INERTIA = 4.0

ShareBelow = Callable[[float], float]
"""From a frequency in hertz to the share of the frame's energy below it, 0..1."""


class VoicingGate:
    """Weigh the evidence frame after frame."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all frames."""
        self.voicing = 0.0
        """The latest result, 0 (unvoiced) .. 1 (voiced)."""
        self._peak = MIN_PEAK
        self._evidence = 0.0
        self._strength = 0.0

    def close(self, power: float) -> None:
        """Take a frame in which nothing is periodic, of this mean square."""
        self._peak = max(power, self._peak * PEAK_FALL, MIN_PEAK)
        self.voicing = self._evidence = self._strength = 0.0

    def weigh(
        self, power: float, share_below: ShareBelow, f0: float, now: float, following: float, leap: bool
    ) -> float:
        """Take a frame and return its voicing.

        Args:
            power: its mean square.
            share_below: its energy below a frequency.
            f0: its pitch in hertz.
            now: its normalised autocorrelation at that pitch, up to 1.
            following: the same, one hop later.
            leap: the pitch is another than that of the frame before, so nothing heard before speaks for it.
        """
        self._peak = max(power, self._peak * PEAK_FALL, MIN_PEAK)
        before, self._evidence = self._evidence, _evidence(now)
        score = GATE_OFFSET + GATE_PERIODICITY * (self._evidence + _evidence(following))
        strength = share_below(INERTIA_BAND_HZ) * power + 1e-20
        self._strength = max(strength, self._strength * INERTIA_FALL)
        deep, held = max(0.0, math.log2(DEEP_HZ / f0)), 0.0
        if not leap:
            score += GATE_PERIODICITY * before
            if self.voicing > 0.0:
                drop = 10.0 * math.log10(strength / self._strength)
                held = self.voicing * max(0.0, 1.0 + drop / INERTIA_RANGE_DB)
                score += (GATE_INERTIA + DEEP_INERTIA * deep) * held
        level = 10.0 * math.log10(power / self._peak)
        score += GATE_LEVEL * min(0.0, level - GATE_LEVEL_KNEE_DB)
        below = share_below(GATE_BELOW_EDGE * f0)
        score -= GATE_BELOW * min(GATE_BELOW_MAX, below)
        score -= GATE_HIGH * max(0.0, math.log2(f0 / HIGH_HZ)) * below
        if deep > 0.0:
            rumble = (1.0 - held) * GATE_DEEP * deep * share_below(DEEP_EDGE * f0)
            score -= max(rumble, GATE_RARE * math.log2(RARE_HZ / f0))
        gate = 1.0 / (1.0 + math.exp(-min(40.0, max(-40.0, score))))
        self.voicing = min(1.0, max(0.0, 1.04 * gate - 0.02))
        return self.voicing


def _evidence(periodicity: float) -> float:
    """Return the negative logarithm of the aperiodic share, 0 for noise."""
    return -math.log(max(MIN_APERIODICITY, APERIODICITY_OFFSET - max(0.0, periodicity)))
