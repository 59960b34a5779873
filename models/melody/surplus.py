"""How much accompaniment to take off the sound, so that it is not sung where the voice pauses."""

from __future__ import annotations

from models.melody import grid

MARGIN_DB = 4.0
"""A voice this far below the whole sound still counts as all of it, so that consonants pass."""
FALL_DB = 3.0
"""Decay of the surplus per frame, so that a short misjudgement has little effect."""
SILENCE_DB = 40.0
"""Music does not drop this far below its loudest; where the sound does, nothing is playing."""
MIN_DB = 50.0
"""Silence is taken to be this far below the loudest."""
RISE_DB = 0.1
"""Rise of the lowest level per frame: for 0.8 s after a silence everything counts as the voice."""


class Surplus:
    """Judge frame by frame, in favour of the voice: the network takes some consonants for music."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Return to the initial state."""
        self._db = 0.0
        self._loudest = -grid.LEVEL_RANGE_DB
        self._least = -grid.LEVEL_RANGE_DB - MIN_DB

    def process(self, heard: float, share: float) -> float:
        """Return the level of the whole sound relative to the voice, dB, at least 0.

        Args:
            heard: level of all, dB.
            share: level of the voice re all, dB, at most 0, as the network judges it.
        """
        self._loudest = max(heard, self._loudest - grid.FALL_DB, -grid.LEVEL_RANGE_DB)
        self._least = max(min(heard, self._least + RISE_DB), self._loudest - MIN_DB)
        alone = self._least < self._loudest - SILENCE_DB
        wanted = 0.0 if alone else max(0.0, -share - MARGIN_DB)
        self._db = min(wanted, self._db + FALL_DB)
        return self._db
