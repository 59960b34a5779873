"""The melody network running: frame after frame of spectra to what it makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.melody import grid
from models.melody.reading import HarmonicReader
from models.onnxstep import GraphStep

Float32 = NDArray[np.float32]

NAMES = {"stacked", "coarse", "hidden", *(f"kept_{back}_ago" for back in grid.BACK)} | {
    "salience",
    "judged",
    "feature",
    "kept",
    "next_hidden",
}
"""Of the inputs and outputs of a network's file (`models.melody.stepgraph`)."""


class Voice(NamedTuple):
    """What is known of the voice in a frame besides its pitch."""

    voicing: float
    """0 (unvoiced) to 1 (voiced)."""
    share: float
    """Its level re all that is heard, dB, `grid.LEAST_SHARE_DB` to 0."""
    heard: float
    """Level of all that is heard, dB re a sine of amplitude 1."""


class RunningNetwork:
    """One running copy of a melody network.

    Args:
        session: a network with the inputs and outputs `NAMES`; it may be shared.
    """

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        # What a frame leaves behind stays where it is: the steps take turns, and each reads and writes other
        # places, one for each frame that is remembered and one for the present.
        shapes = {end.name: end.shape for end in (*session.get_inputs(), *session.get_outputs())}
        frames = max(grid.BACK) + 1
        self._kept, self._hidden = (
            [np.zeros(shapes[name], np.float32) for _ in range(frames)] for name in ("kept", "hidden")
        )
        first = GraphStep(session, shared=self._places(0))
        common = {name: array for name, array in first.arrays.items() if name not in self._places(0)}
        others = [GraphStep(session, shared=common | self._places(turn)) for turn in range(1, frames)]
        self._steps: Iterator[GraphStep] = cycle([first, *others])
        self.salience: Float32 = common["salience"][0]
        """Logits of the candidates in `grid.salience_order`, shape (CANDIDATES,)."""
        self.feature: Float32 = common["feature"][0]
        """The melody feature, shape (256,)."""
        self._judged: Float32 = common["judged"][0]
        self._reader = HarmonicReader(common["stacked"][0], common["coarse"][0])

    def _places(self, turn: int) -> dict[str, Float32]:
        """Return where a step reads what was left behind and leaves its own."""
        count = len(self._kept)
        kept = {f"kept_{back}_ago": self._kept[(turn - back) % count] for back in grid.BACK}
        hidden = {"hidden": self._hidden[turn - 1], "next_hidden": self._hidden[turn]}
        return kept | hidden | {"kept": self._kept[turn]}

    def process(self, power: Float32) -> Voice:
        """Take the next frame of `models.melody.features`, shape (2, 401), float32."""
        self._reader.process(power)
        next(self._steps).run()
        voicing, absence = self._judged.tolist()
        return Voice(voicing, grid.LEAST_SHARE_DB * absence, self._reader.level)

    def reset(self) -> None:
        """Return to the state of a new one."""
        self._reader.reset()
        for array in (*self._kept, *self._hidden):
            array[:] = 0.0
