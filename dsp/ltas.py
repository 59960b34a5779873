"""The source's long-term average spectrum (LTAS), learned while it sings and taken out of its envelope."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.spectrum import ENVELOPE_FLOOR_DB, ENVELOPE_GRID, SILENCE_DB

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

REFERENCE_LTAS = -18.0 - 10.7 * np.log2(1.0 + ENVELOPE_GRID / 700.0)
"""The mean envelope every source is brought to, dB, shape (bands,): a line through five recorded voices."""
PRIOR_FRAMES = 100.0
"""After this many frames, half of the LTAS is removed."""
MEMORY_FRAMES = 1000.0
AUDIBLE_DB = 35.0
"""Frames this far below the loudest recent one count as silence."""
PEAK_FALL_DB = 0.003
"""The remembered peak falls by this much per frame."""


def trust(frames: float) -> float:
    """Return how much of an LTAS learned from this many frames is removed, 0 to 1."""
    return frames / (frames + PRIOR_FRAMES)


class Audible:
    """Tell singing from silence by its level relative to the loudest recent frame.

    Args:
        range_db: how far below the loudest silence begins, dB.
    """

    def __init__(self, range_db: float = AUDIBLE_DB) -> None:
        self._range = range_db
        self._peak = SILENCE_DB

    def process(self, loudness: Iterable[float]) -> list[bool]:
        """Take the loudness of the next frames, dB; return for each whether it is audible."""
        peak, heard = self._peak, []
        for level in loudness:
            peak = max(peak - PEAK_FALL_DB, level)
            heard.append(level > peak - self._range and level > SILENCE_DB)
        self._peak = peak
        return heard

    def reset(self) -> None:
        """Forget the peak."""
        self._peak = SILENCE_DB


class LtasNormalizer:
    """Subtract the running mean of the envelope: the room, the microphone and the average vocal tract.

    This is cepstral mean normalisation (Atal 1974) done on bands, causally, and shrunk towards doing nothing
    while little has been learned, since the mean of one vowel is the vowel itself. What changes within the
    singing, the articulation, is kept.
    """

    latency = 0

    def __init__(self) -> None:
        self._mean: Float64 = np.zeros(ENVELOPE_GRID.size)
        self._frames = 0.0
        self._audible = Audible()

    def process(self, bands: Float32, loudness: Sequence[float]) -> Float32:
        """Learn from envelopes that follow on each other and return them normalised.

        Args:
            bands: envelopes in dB, shape (n, bands), float32 (`dsp.spectrum.envelope`).
            loudness: A-weighted dB re full scale of the same frames or their neighbours, n of them.
        """
        counts, shares = [], []  # infinite for a frame that is not learned from
        for heard in self._audible.process(loudness):
            if heard:
                self._frames = min(self._frames + 1.0, MEMORY_FRAMES)
            counts.append(self._frames if heard else math.inf)
            shares.append(trust(self._frames))
        mean, means = self._mean, bands.astype(np.float64)
        for after, count in zip(means, counts, strict=True):
            np.subtract(after, mean, after)
            np.divide(after, count, after)
            mean = np.add(after, mean, after)
        self._mean = mean
        return normalized(bands, means, np.array(shares)[:, None])

    def reset(self) -> None:
        """Forget the source."""
        self._mean = np.zeros(ENVELOPE_GRID.size)
        self._frames = 0.0
        self._audible.reset()


def normalized(bands: Float32, mean: Float32 | Float64, share: Float64 | float) -> Float32:
    """Bring envelopes, shape (..., bands), from a mean LTAS towards the reference, by a share of 0 to 1."""
    return np.maximum(bands + share * (REFERENCE_LTAS - mean), ENVELOPE_FLOOR_DB).astype(np.float32)
