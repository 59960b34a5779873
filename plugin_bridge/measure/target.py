"""The target of a conversion: a singer's held-out recordings as a mean speaker embedding by each judge."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.metrics.bandlevels import band_levels
from models.metrics.liveliness import Liveliness, liveliness, mean_liveliness
from models.metrics.speaker import JUDGES, mean_embedding, similarity
from models.metrics.variation import Variation, mean_variation, variation
from plugin_bridge.measure.clips import Clip, loudest

Float32 = NDArray[np.float32]

CUTS = 6
"""Recordings that the ceiling is measured on, spread evenly."""


class Target:
    """The held-out recordings of a singer.

    Args:
        clips: at least one.
        judge: that of `models.metrics.speaker.JUDGES` by whom conversions are scored first.

    Raises:
        MissingExtraError: the extra `eval` is not installed.
        ValueError: a clip is silent.
    """

    def __init__(self, clips: Sequence[Clip], judge: str = "resemblyzer") -> None:
        self._clips = clips
        self.judge = judge
        self._speakers: dict[str, list[Float32]] = {}
        self._ceilings: dict[int, float] = {}
        self.speaker(judge)

    def speaker(self, judge: str) -> Float32:
        """Return the mean of the recordings' embeddings by a judge, length 1."""
        return mean_embedding(self._by(judge))

    def real(self, judge: str) -> float:
        """Return the singer's likeness to itself by a judge: each recording to the mean of the others."""
        speakers = self._by(judge)
        found = [similarity(speakers[one], _mean_without(speakers, one)) for one in self._picks()]
        return float(np.mean(found))

    def _by(self, judge: str) -> list[Float32]:
        if judge not in self._speakers:
            heard = [JUDGES[judge](clip.audio, clip.sample_rate) for clip in self._clips]
            self._speakers[judge] = heard
        return self._speakers[judge]

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

        Short clips tell a judge little: by Resemblyzer one singer's real recordings reached 0.70 in cuts of
        1.2 s and 0.87 in cuts of 6 s. Each cut is compared with the mean of the other recordings.
        """
        key = max(1, round(seconds))
        if key not in self._ceilings:
            self._ceilings[key] = float(np.mean([self._likeness(index, key) for index in self._picks()]))
        return self._ceilings[key]

    def _likeness(self, index: int, seconds: int) -> float:
        clip = self._clips[index]
        cut = loudest(clip.audio, clip.sample_rate, seconds)
        speakers = self._by(self.judge)
        return similarity(JUDGES[self.judge](cut, clip.sample_rate), _mean_without(speakers, index))


def _mean_without(speakers: Sequence[Float32], index: int) -> Float32:
    """Return the mean of all embeddings but one, or that one where it is alone."""
    others = [speaker for other, speaker in enumerate(speakers) if other != index]
    return mean_embedding(others or speakers)
