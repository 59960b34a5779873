"""What a melody is written upon: the chords, the key and, bar by bar, how loud the backing track plays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.guide.chords import Chord, Key
from models.guide.harmony import harmony_of
from models.guide.listening import Heard
from models.guide.steps import PER_BAR, PER_BEAT

Float64 = NDArray[np.float64]

MIN_ENERGY = 0.3
"""Of a bar in which there is singing, over the loud bars."""


@dataclass(frozen=True)
class Ground:
    """A backing track for a composer; all of it on the grid of `models.guide.steps`."""

    chords: tuple[Chord, ...]
    """Of each beat, whole bars."""
    key: Key
    energy: Float64
    """Of each bar, 0 in silence to 1 where it is loud, (bars,)."""
    onset: Float64
    """How much begins at each step, 0 to 1, (steps,)."""
    bpm: float

    @property
    def bars(self) -> int:
        """How many there are."""
        return len(self.energy)

    def chord_at(self, step: int) -> Chord:
        """Return the chord that sounds at a step."""
        return self.chords[min(step // PER_BEAT, len(self.chords) - 1)]

    def is_sung(self, bar: int) -> bool:
        """Return whether enough plays in a bar for a voice to join."""
        return bool(self.energy[bar] >= MIN_ENERGY)


def ground_of(heard: Heard, key: Key | None = None) -> Ground:
    """Return what a melody for a backing track is written upon.

    Args:
        heard: the backing track.
        key: its key, where it is known.
    """
    harmony = harmony_of(heard, key)
    level = heard.levels.mean(axis=1).reshape(-1, PER_BAR).mean(axis=1, dtype=np.float64)
    energy = np.clip(level / max(float(np.percentile(level, 90.0)), 1e-6), 0.0, 1.0)
    starts, ends = heard.times[:-1:PER_BAR], heard.times[PER_BAR::PER_BAR]
    inside = (starts > -0.05) & (ends < heard.seconds + 0.5 * (ends - starts))
    return Ground(
        harmony.chords, harmony.key, np.where(inside, energy, 0.0), np.asarray(heard.onset, float), heard.bpm
    )
