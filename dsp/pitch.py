"""Streaming pitch tracker for singing: f0 and a smooth voicing gate every 10 ms, 20 ms of look-ahead."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from dsp.candidates import COMMON_HZ, CandidateFinder, Frame
from dsp.decimator import Decimator
from dsp.deepsound import DeepSound
from dsp.pitchpath import LEAP_OCTAVES, PitchPath
from dsp.units import MAX_F0, MAX_HOPS, MIN_F0, hop_size
from dsp.voicing import VoicingGate

START_F0 = 220.0
BEYOND = 1.02
# A tone above the range is found at its half, third, ... but has no harmonics there.
NOT_ITS_OWN = 0.02
LOUDEST = 1e6
# Above it a frame counts as voiced.
SURE_VOICING = 0.5
# Below, a falling gate keeps its pitch unless the new one is near (in octaves).
NEAR_OCTAVES = 0.2
RISING_VOICING, ONSET_PERIODICITY = 0.3, 0.85


class PitchFrame(NamedTuple):
    """The pitch at one frame centre."""

    f0: float
    """Fundamental frequency in hertz, `MIN_F0` to `MAX_F0`; held through unvoiced frames."""
    voicing: float
    """Smooth gate of the harmonic source, 0 (unvoiced) .. 1 (voiced)."""
    surplus: float = 0.0
    """Level of all that is heard over that of the voice, dB; 0 where the tracker takes all for the voice."""
    beyond: bool = False
    """Whether the sound has a pitch that lies outside the range, as far as the tracker can tell."""


class VoiceTracker(Protocol):
    """What the features need of a tracker: this one, or one of `models`."""

    def process(self, x: NDArray[np.float32]) -> list[PitchFrame]:
        """Take hops of samples, (n * hop,), and return of each the pitch two hops before its end."""

    def reset(self) -> None:
        """Return to the state of a new tracker."""


class PitchTracker:
    """Track one voice, hop by hop.

    Samples [j*hop, (j+1)*hop) bring the frame centred at sample (j-1)*hop; frames before time 0 are unvoiced.

    Args:
        sample_rate: one of `dsp.units.RATES`, in hertz.

    Raises:
        ValueError: the rate is not native.
    """

    def __init__(self, sample_rate: int) -> None:
        self._hop = hop_size(sample_rate)
        self._decimator = Decimator(sample_rate)
        self._finder = CandidateFinder(self._decimator.rate, self._decimator.delay)
        self._deep = DeepSound(self._decimator.rate, self._decimator.hop)
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
        self._deep.reset()
        self._path.reset()
        self._gate.reset()
        self._f0 = START_F0

    def process(self, x: NDArray[np.float32]) -> list[PitchFrame]:
        """Take hops of samples and return of each the pitch two hops before its end.

        Args:
            x: mono samples, shape (n * hop,), float32, n >= 1. A hop with a value that is not finite, or
                above 120 dB re full scale, counts as silence.

        Raises:
            ValueError: `x` has another shape.
        """
        low, most = self._decimator.process(checked_hops(x, self._hop)), MAX_HOPS * self._decimator.hop
        parts = [low[start : start + most] for start in range(0, low.size, most)]
        return [
            self._heard(*each)
            for part in parts
            for each in zip(self._finder.process(part), self._deep.process(part), strict=True)
        ]

    def _heard(self, frame: Frame, deep: bool) -> PitchFrame:
        """Decide on the next frame, whose sound may repeat too slowly for a pitch."""
        gate, found = self._gate, frame.candidates
        before = gate.voicing
        if not found.cost:
            gate.close(frame.power)
            self._path.settle(voiced=False, leap=False)
            return PitchFrame(self._f0, 0.0, beyond=deep)
        best = self._path.advance(found, before)
        log_f0, following = found.log_f0[best], found.following[best]
        f0 = 2.0**log_f0
        octaves = abs(math.log2(f0 / self._f0))
        leap = before > SURE_VOICING and octaves > LEAP_OCTAVES
        voicing = gate.weigh(frame.power, frame.share_below, f0, found.now[best], following, leap)
        self._path.settle(voicing > SURE_VOICING, leap)
        begins = following > ONSET_PERIODICITY and f0 > COMMON_HZ[0]
        rising = voicing >= before and (voicing > RISING_VOICING or begins)
        if voicing > SURE_VOICING or rising or (voicing > 0.01 and octaves < NEAR_OCTAVES):
            self._f0 = min(MAX_F0, max(MIN_F0, f0))
        high = f0 > BEYOND * MAX_F0 or found.own[best] < NOT_ITS_OWN
        return PitchFrame(self._f0, voicing, beyond=high if voicing > SURE_VOICING else deep)


def checked_hops(x: NDArray[np.float32], hop: int) -> NDArray[np.float32]:
    """Return hops of mono samples, those as silence that are not finite or above 120 dB re full scale.

    Raises:
        ValueError: the shape is not (n * hop,), n >= 1.
    """
    if x.ndim != 1 or x.size == 0 or x.size % hop:
        raise ValueError(f"audio of shape {x.shape} is no whole hops; give mono samples, a multiple of {hop}")
    if np.vdot(x, x) < LOUDEST**2:  # not a number fails, too
        return x
    usable = np.maximum.reduce(np.abs(x).reshape(-1, hop), axis=1) < LOUDEST
    return np.where(usable[:, None], x.reshape(-1, hop), np.float32(0.0)).reshape(-1)
