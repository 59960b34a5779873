"""The cheapest path through the pitch candidates: the longer a note is held, the more a leap costs."""

from __future__ import annotations

import math

from dsp.candidates import Candidates

LEAP_COST_PER_OCTAVE, LEAP_COST_MAX = 0.6, 0.6
# Leaps to an octave or a twelfth are what trackers get wrong at the ends of notes and in creaky voice.
HARMONIC_COST, HARMONIC_WIDTH = 0.4, 0.1
TWELFTH = math.log2(3.0)
# Further than a glide goes in a hop.
LEAP_OCTAVES = 0.25
# A note settles in 100 ms. Before, leaps are cheap, since its first periods say little about the octave,
# and too low a pitch is the commoner mistake.
SETTLING = 0.1
UNSETTLED_COST_PER_OCTAVE = 0.04


class PitchPath:
    """Extend paths through the candidates of each frame (Viterbi) and follow the cheapest.

    Args:
        log_f0: where the path starts, base-2 logarithm of hertz.
    """

    def __init__(self, log_f0: float) -> None:
        self._start = log_f0
        self.reset()

    def reset(self) -> None:
        """Return to the start."""
        # Cost above the cheapest, log f0 and index of the last candidate; the cheapest first.
        self._paths = [(0.0, self._start, 0)]
        self._settled = 0.0

    def advance(self, found: Candidates, voicing: float) -> int:
        """Return the index of the candidate at which the cheapest path ends.

        Args:
            found: at least one candidate.
            voicing: of the frame before, 0..1.
        """
        weight = voicing * self._settled
        slope, most, harmonic = weight * LEAP_COST_PER_OCTAVE, weight * LEAP_COST_MAX, weight * HARMONIC_COST
        low = (1.0 - self._settled) * UNSETTLED_COST_PER_OCTAVE
        paths, longer = self._paths, []
        for index, log_f0 in enumerate(found.log_f0):
            cheapest = most + harmonic  # A leap from the cheapest path costs no more.
            for passed, before, _ in paths:
                if passed >= cheapest:
                    break
                octaves = abs(log_f0 - before)
                cost = passed + min(most, slope * octaves)
                if octaves > LEAP_OCTAVES and cost < cheapest and _harmonic(octaves):
                    cost += harmonic
                cheapest = min(cheapest, cost)
            longer.append((cheapest + found.cost[index] - low * log_f0, log_f0, index))
        longer.sort()
        least = longer[0][0]
        self._paths = [(cost - least, log_f0, index) for cost, log_f0, index in longer]
        return longer[0][2]

    def settle(self, voiced: bool, leap: bool) -> None:
        """Take note of whether the frame is voiced, and whether its pitch starts a new note."""
        if leap:
            self._settled = 0.0
        self._settled += SETTLING * (float(voiced) - self._settled)


def _harmonic(octaves: float) -> bool:
    width = HARMONIC_WIDTH
    return abs(octaves - 1.0) < width or abs(octaves - TWELFTH) < width or abs(octaves - 2.0) < width
