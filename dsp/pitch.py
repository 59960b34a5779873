"""Streaming pitch tracker for singing: f0 and a smooth voicing gate every 10 ms, 20 ms of look-ahead."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from dsp.candidates import F0_HIGH, F0_LOW, CandidateFinder
from dsp.decimator import Decimator
from dsp.pitchpath import LEAP_OCTAVES, PitchPath
from dsp.units import hop_size
from dsp.voicing import VoicingGate

START_F0 = 220.0
LOUDEST = 1e6
# Above it a frame counts as voiced.
SURE_VOICING = 0.5
# Below, a falling gate keeps its pitch unless the new one is near (in octaves).
NEAR_OCTAVES = 0.2
RISING_VOICING, ONSET_PERIODICITY = 0.3, 0.85


class PitchFrame(NamedTuple):
    """The pitch at one frame centre."""

    f0: float
    """Fundamental frequency in hertz, 60..1100; held through unvoiced frames."""
    voicing: float
    """Smooth gate of the harmonic source, 0 (unvoiced) .. 1 (voiced)."""


class VoiceTracker(Protocol):
    """What the features need of a tracker: this one, or one of `models`."""

    def process(self, x: NDArray[np.float32]) -> PitchFrame:
        """Take one hop of samples, (hop,), and return the pitch two hops before its end."""

    def reset(self) -> None:
        """Return to the state of a new tracker."""


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
        self._path = PitchPath(math.log2(START_F0))
        self._gate = VoicingGate()
        self._f0 = START_F0

    @property
    def latency(self) -> int:
        """Samples from a frame's centre to the end of the hop that completes it."""
        return 2 * self._hop

    def reset(self) -> None:
        """Return to the state of a new tracker."""
        self._decimator.reset()
        self._finder.reset()
        self._path.reset()
        self._gate.reset()
        self._f0 = START_F0

    def process(self, x: NDArray[np.float32]) -> PitchFrame:
        """Take one hop of samples and return the pitch two hops before its end.

        Args:
            x: mono samples, shape (hop,), float32. A hop with a value that is not finite, or
                above 120 dB re full scale, counts as silence.

        Raises:
            ValueError: `x` has another shape.
        """
        x = checked_hop(x, self._hop)
        found = self._finder.process(self._decimator.process(x))
        gate, power = self._gate, self._finder.power
        before = gate.voicing
        if not found.cost:
            gate.close(power)
            self._path.settle(voiced=False, leap=False)
            return PitchFrame(self._f0, 0.0)
        best = self._path.advance(found, before)
        log_f0, following = found.log_f0[best], found.following[best]
        f0 = 2.0**log_f0
        octaves = abs(math.log2(f0 / self._f0))
        leap = before > SURE_VOICING and octaves > LEAP_OCTAVES
        voicing = gate.weigh(power, self._finder.share_below, f0, found.now[best], following, leap)
        self._path.settle(voicing > SURE_VOICING, leap)
        rising = voicing >= before and (voicing > RISING_VOICING or following > ONSET_PERIODICITY)
        if voicing > SURE_VOICING or rising or (voicing > 0.01 and octaves < NEAR_OCTAVES):
            self._f0 = min(F0_HIGH, max(F0_LOW, f0))
        return PitchFrame(self._f0, voicing)


def checked_hop(x: NDArray[np.float32], hop: int) -> NDArray[np.float32]:
    """Return a hop of mono samples, as silence if one is not finite or above 120 dB re full scale.

    Raises:
        ValueError: its shape is not (hop,).
    """
    if x.shape != (hop,):
        raise ValueError(f"hop of shape {x.shape} does not fit; give mono samples, shape ({hop},)")
    return x if float(np.maximum.reduce(np.abs(x))) < LOUDEST else np.zeros_like(x)
