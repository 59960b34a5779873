"""How often rhythms and intervals occur in sung melodies: small tables, counted in a corpus of songs."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

STARTS, HELD, REST = "x", "-", "."
"""Signs of a rhythm, one for each sixteenth."""
MAX_INTERVAL = 12
INTERVALS = range(-MAX_INTERVAL, MAX_INTERVAL + 1)
KINDS = ("leap down", "step down", "repeat", "step up", "leap up")
MAX_STEP = 2
"""Semitones of the largest interval that is no leap."""
SHIPPED = Path(__file__).parent / "tables.toml"


class Rhythm(NamedTuple):
    """The rhythm of a bar."""

    signs: str
    times: int
    """How often it was sung."""

    @property
    def starts(self) -> int:
        """Notes that begin in it."""
        return self.signs.count(STARTS)


class Tables(NamedTuple):
    """What was counted."""

    rhythms: tuple[Rhythm, ...]
    intervals: NDArray[np.float64]
    """Logarithm of how likely an interval of `INTERVALS` (column) follows each of `KINDS` (row)."""


def kind_of(interval: int) -> str:
    """Return which of `KINDS` an interval in semitones is."""
    size = 0 if interval == 0 else 1 if abs(interval) <= MAX_STEP else 2
    return KINDS[2 + (size if interval > 0 else -size)]


@lru_cache(maxsize=1)
def shipped() -> Tables:
    """Return the tables that ship, counted in the melodies of PJS (CC BY-SA 4.0)."""
    data = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
    counts = np.array([data["intervals"][kind] for kind in KINDS], float) + 0.5
    rhythms = tuple(Rhythm(signs, count) for signs, count in data["rhythms"].items())
    return Tables(rhythms, np.log(counts / counts.sum(axis=1, keepdims=True)))
