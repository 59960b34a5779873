"""The grid of sixteenth notes on which backing tracks are heard and melodies are written."""

from __future__ import annotations

from typing import NamedTuple

PER_BEAT = 4
"""Steps of a beat."""
BEATS_PER_BAR = 4
PER_BAR = PER_BEAT * BEATS_PER_BAR


class GridNote(NamedTuple):
    """A note of a melody on the grid."""

    step: int
    """At which it starts, from 0."""
    length: int
    """In steps, at least 1."""
    pitch: int
    """MIDI note number."""

    @property
    def stop(self) -> int:
        """The step at which it ends."""
        return self.step + self.length
