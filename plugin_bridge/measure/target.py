"""The target of a conversion: a singer's held-out recordings as a mean speaker embedding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.metrics.speaker import embedding, mean_embedding, similarity
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

    def ceiling(self, seconds: float) -> float:
        """Return the similarity of the singer to itself in clips of a length: the ceiling for a conversion.

        Short clips tell the encoder little: one singer's real recordings reached 0.70 in cuts of 1.2 s and
        0.87 in cuts of 6 s. Each cut is compared with the mean of the other recordings.
        """
        key = max(1, round(seconds))
        if key not in self._ceilings:
            picks = np.unique(np.linspace(0, len(self._clips) - 1, CUTS).round().astype(int))
            self._ceilings[key] = float(np.mean([self._likeness(int(index), key) for index in picks]))
        return self._ceilings[key]

    def _likeness(self, index: int, seconds: int) -> float:
        clip = self._clips[index]
        cut = loudest(clip.audio, clip.sample_rate, seconds)
        others = [speaker for other, speaker in enumerate(self._speakers) if other != index]
        return similarity(embedding(cut, clip.sample_rate), mean_embedding(others or self._speakers))
