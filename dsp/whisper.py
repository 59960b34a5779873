"""Whispering told from consonants and breaths of song, and the bass that A-weighting leaves out of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from dsp.features import Features
from dsp.ltas import Audible
from dsp.spectrum import BIN_HZ, SILENCE_DB

Float64 = NDArray[np.float64]

BASS_FROM_HZ = 100.0
MAX_BASS_DB = 8.0
CONSONANT_FRAMES, WHISPER_FRAMES = 12.0, 24.0
"""Unvoiced sound up to the first is a consonant, from the second on a whisper."""
WHISPER_RANGE_DB, MIN_WHISPER_DB = 22.0, -55.0
"""What is further below the loudest, or softer, is breath or room."""
MAX_FRAMES = 36.0
"""So much of a whisper is remembered, for the next syllable."""
PAUSE_FALL, VOICED_FALL = 0.5, 6.0
"""Frames forgotten in one frame of silence, and in one of voice."""

_NOTHING = 1e-12
_BASS_BIN = round(BASS_FROM_HZ / BIN_HZ)


def _bass(power: float, loudness: float) -> float:
    level = 10.0 * math.log10(power + _NOTHING)
    return min(MAX_BASS_DB, max(-MAX_BASS_DB, level - loudness))


class Whisper:
    """Tell whispering from consonants and breaths of song by how long sound goes on unvoiced.

    It takes spectra one hop ahead of voicing and loudness, as `dsp.features.Features` has them.
    """

    latency = 0

    def __init__(self) -> None:
        self._audible = Audible(WHISPER_RANGE_DB)
        self.reset()

    def reset(self) -> None:
        """Forget the source."""
        self._audible.reset()
        self._frames = 0.0
        self._bass = 0.0

    def process(self, heard: Features) -> Float64:
        """Take what is known of the next n frames.

        Returns:
            Shape (2, n): how surely each is whispered, 0 to 1, and the source's level without weighting over
            its A-weighted loudness, dB, within `MAX_BASS_DB`.
        """
        plain = np.add.reduce(heard.spectrum.power[:, _BASS_BIN:], axis=1).tolist()
        weighted = heard.spectrum.loudness.tolist()
        bass = [self._bass, *(_bass(power, level) for power, level in zip(plain, weighted, strict=True))]
        self._bass = bass.pop()
        loud = [level if level > MIN_WHISPER_DB else SILENCE_DB for level in heard.loudness]
        sureness = self._sureness(heard.voicing, self._audible.process(loud))
        return np.array((list(sureness), bass))

    def _sureness(self, voicing: Iterable[float], audible: Iterable[bool]) -> Iterator[float]:
        for gate, heard in zip(voicing, audible, strict=True):
            step = (1.0 - gate if heard else -PAUSE_FALL) - VOICED_FALL * gate
            self._frames = min(MAX_FRAMES, max(0.0, self._frames + step))
            sure = (self._frames - CONSONANT_FRAMES) / (WHISPER_FRAMES - CONSONANT_FRAMES)
            yield min(1.0, max(0.0, sure))
