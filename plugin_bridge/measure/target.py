"""The target of a conversion: a singer's held-out recordings as a mean speaker embedding."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.metrics.bandlevels import band_levels
from models.metrics.liveliness import Liveliness, liveliness, mean_liveliness
from models.metrics.speaker import d_vector, embedding, mean_embedding, similarity
from models.metrics.variation import Variation, mean_variation, variation
from plugin_bridge.measure.clips import Clip, loudest

Float32 = NDArray[np.float32]

CUTS = 6
"""Recordings that the ceiling is measured on, spread evenly."""


class Target:
    """The held-out recordings of a singer.

    Args:
        clips: at least one.

    Raises:
        MissingExtraError: the extra `eval` is not installed.
        ValueError: a clip is silent.
    """

    def __init__(self, clips: Sequence[Clip]) -> None:
        self._clips = clips
        self._speakers = [embedding(clip.audio, clip.sample_rate) for clip in clips]
        self.speaker = mean_embedding(self._speakers)
        """Mean speaker embedding, shape (256,)."""
        self._ceilings: dict[int, float] = {}

    @cached_property
    def d_vector(self) -> Float32:
        """The mean of the second judge's embeddings, shape (256,)."""
        return mean_embedding(self._d_vectors)

    @cached_property
    def d_vector_ceiling(self) -> float:
        """The singer's likeness to itself by the second judge: each recording to the mean of the others."""
        found = [
            similarity(self._d_vectors[one], _mean_without(self._d_vectors, one)) for one in self._picks()
        ]
        return float(np.mean(found))

    @cached_property
    def _d_vectors(self) -> list[Float32]:
        return [d_vector(clip.audio, clip.sample_rate) for clip in self._clips]

    @cached_property
    def liveliness(self) -> Liveliness:
        """What the recordings are like themselves, a mean over those the ceiling is measured on."""
        clips = [self._clips[index] for index in self._picks()]
        return mean_liveliness([liveliness(clip.audio, clip.sample_rate) for clip in clips])

    @cached_property
    def variation(self) -> Variation:
        """How the bands of the recordings vary, likewise."""
        clips = [self._clips[index] for index in self._picks()]
        return mean_variation([variation(band_levels(clip.audio, clip.sample_rate)) for clip in clips])

    def _picks(self) -> list[int]:
        """Return which recordings stand for all: `CUTS` of them, spread evenly."""
        return sorted(set(np.linspace(0, len(self._clips) - 1, CUTS).round().astype(int).tolist()))

    def ceiling(self, seconds: float) -> float:
        """Return the similarity of the singer to itself in clips of a length: the ceiling for a conversion.

        Short clips tell the encoder little: one singer's real recordings reached 0.70 in cuts of 1.2 s and
        0.87 in cuts of 6 s. Each cut is compared with the mean of the other recordings.
        """
        key = max(1, round(seconds))
        if key not in self._ceilings:
            self._ceilings[key] = float(np.mean([self._likeness(index, key) for index in self._picks()]))
        return self._ceilings[key]

    def _likeness(self, index: int, seconds: int) -> float:
        clip = self._clips[index]
        cut = loudest(clip.audio, clip.sample_rate, seconds)
        return similarity(embedding(cut, clip.sample_rate), _mean_without(self._speakers, index))


def _mean_without(speakers: Sequence[Float32], index: int) -> Float32:
    """Return the mean of all embeddings but one, or that one where it is alone."""
    others = [speaker for other, speaker in enumerate(speakers) if other != index]
    return mean_embedding(others or speakers)
