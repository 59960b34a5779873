"""How much accompaniment to take off the sound, so that it is not sung where the voice pauses."""

from __future__ import annotations

from models.melody import grid

MARGIN_DB = 4.0
"""By so much the voice may seem below all that is heard and still counts as all of it: consonants pass."""
FALL_DB = 3.0
"""A frame: short misjudgements do not reach far."""
SILENCE_DB = 40.0
"""Music does not fall so far below the loudest; where it is as silent as that, nobody plays."""
MIN_DB = 50.0
"""Silence counts as so far below the loudest."""
RISE_DB = 0.1
"""A frame, by which the least level heard is forgotten: for 0.8 s after a silence all is the voice."""


class Surplus:
    """Judge frame by frame, in doubt for the voice: the network takes some consonants for music."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what was heard."""
        self._db = 0.0
        self._loudest = -grid.LEVEL_RANGE_DB
        self._least = -grid.LEVEL_RANGE_DB - MIN_DB

    def process(self, heard: float, share: float) -> float:
        """Return the level of all that is heard over that of the voice, dB, at least 0.

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
