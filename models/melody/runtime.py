"""Run the melody network: frame after frame of spectra in, its outputs out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.melody import grid
from models.melody.reading import HarmonicReader
from models.onnxstep import RunningGraph

Float32 = NDArray[np.float32]

MAX_FRAMES = 16
"""Frames per run: their inputs fit into a cache of 512 KB."""
NAMES = {"stacked", "coarse", "kept", "hidden", "salience", "judged", "feature", "next_kept", "next_hidden"}
"""Names of the inputs and outputs in a network's file (`models.training.melody.stepgraph`)."""


class Voice(NamedTuple):
    """What the network says about the voice in a frame."""

    voicing: float
    """0 (unvoiced) to 1 (voiced)."""
    share: float
    """Level of the voice relative to the whole sound, dB, `grid.MIN_SHARE_DB` to 0."""
    heard: float
    """Level of the whole sound, dB re a sine of amplitude 1."""
    salience: Float32
    """Logits of the candidates in `grid.salience_order`, shape (CANDIDATES,); valid until the next call."""


class RunningNetwork:
    """One running copy of a melody network.

    Args:
        session: a network with the inputs and outputs `NAMES`; it may be shared.
    """

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._graph = RunningGraph(session, MAX_FRAMES)
        self._reader = HarmonicReader(self._graph.arrays["stacked"], self._graph.arrays["coarse"])
        self.feature: Float32 = np.zeros(self._graph.arrays["feature"].shape[1], np.float32)
        """The melody feature of the last frame, shape (256,)."""

    def process(self, power: Float32) -> list[Voice]:
        """Take up to `MAX_FRAMES` frames of `models.melody.features`, shape (n, 2, 401), float32."""
        levels = self._reader.process(power)
        count, arrays = len(levels), self._graph.arrays
        self._graph.run(count)
        self.feature = arrays["feature"][count - 1]
        judged = arrays["judged"][:count].tolist()
        return [
            Voice(voicing, grid.MIN_SHARE_DB * absence, level, logits)
            for (voicing, absence), level, logits in zip(judged, levels, arrays["salience"], strict=False)
        ]

    def reset(self) -> None:
        """Return to the initial state."""
        self._reader.reset()
        self._graph.reset()
