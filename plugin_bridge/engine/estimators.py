"""The networks of a set of singers: who is heard runs at once, who is silent a few frames at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from plugin_bridge.engine.singers import Singer
from plugin_bridge.engine.timbre import Controls

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

PATIENCE_FRAMES = 4
"""A network takes hardly longer for so many frames than for one: most of its time it reads its weights."""
MAX_FRAMES = 8
"""Beyond so many nobody waits for a pause."""
SILENT: Controls = (np.zeros(0, np.float32), np.zeros(0, np.float32))
"""Stands for the controls of a singer who is not heard."""
_Waiting = list[tuple[Float32, Float64]]


class Estimators:
    """Run all singers over every frame, so that a switch needs no warm-up.

    A network remembers, and so has to hear every frame; but nobody needs the controls of a singer whose share
    is 0, so those frames wait for each other.

    Args:
        singers: in order.
    """

    def __init__(self, singers: Iterable[Singer]) -> None:
        self._estimators = [singer.start() for singer in singers]
        self.reset()

    def reset(self) -> None:
        """Forget all frames."""
        for estimator in self._estimators:
            estimator.reset()
        self._waiting: list[_Waiting] = [[] for _ in self._estimators]
        self._last: list[Controls | None] = [None] * len(self._estimators)

    def process(self, bands: Float32, facts: Float64, wanted: Sequence[bool]) -> list[list[Controls]]:
        """Take the next n frames.

        Args:
            bands: envelopes, shape (n, 72), float32; not to be changed afterwards.
            facts: pitch in hertz, voicing, loudness and likeness, shape (4, n); as well.
            wanted: of each singer, whether its controls count in any of these frames.

        Returns:
            Of each singer the controls of the frame before and of the n frames; `SILENT` where not wanted.
            The frame before the first is the first itself.
        """
        n = bands.shape[0]
        found = [[SILENT] * (n + 1) for _ in wanted]
        for index, waiting in enumerate(self._waiting):
            waiting.append((bands, facts))
            if wanted[index]:
                found[index] = self._caught_up(index)[-n - 1 :]
            elif _frames(waiting) >= MAX_FRAMES:
                self._caught_up(index)
        return found

    def use_pause(self) -> bool:
        """Run one network whose frames wait; return False where none has enough of them."""
        for index, waiting in enumerate(self._waiting):
            if _frames(waiting) >= PATIENCE_FRAMES:
                self._caught_up(index)
                return True
        return False

    def _caught_up(self, index: int) -> list[Controls]:
        """Return the controls of a singer in the last frame taken and those that wait."""
        waiting = self._waiting[index]
        bands, facts = waiting[0]
        if len(waiting) > 1:
            bands = np.concatenate([part for part, _ in waiting])
            facts = np.concatenate([part for _, part in waiting], axis=1)
        waiting.clear()
        controls = list(zip(*self._estimators[index].process(bands, *facts), strict=True))
        before, self._last[index] = self._last[index] or controls[0], controls[-1]
        return [before, *controls]


def _frames(waiting: _Waiting) -> int:
    return sum(bands.shape[0] for bands, _ in waiting)
