"""Notes of a melody in seconds, as singers, files and trackers exchange them."""

from __future__ import annotations

from typing import NamedTuple

HELD = "-"
"""The lyric of a note that holds on the vowel before it."""


class Note(NamedTuple):
    """One sung note."""

    start: float
    """Seconds from the start of the recording."""
    seconds: float
    """Length, > 0."""
    pitch: int
    """MIDI note number, 69 for 440 Hz."""
    velocity: int = 80
    """How loud, 1 to 127."""
    lyric: str = ""
    """The syllable that is sung; empty where none is given, `HELD` to go on with the one before."""

    @property
    def stop(self) -> float:
        """Seconds at which it ends."""
        return self.start + self.seconds
