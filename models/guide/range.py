"""The notes that a voice can sing."""

from __future__ import annotations

from typing import NamedTuple

WIDEST = 19
"""Semitones of a range that a melody uses, from its middle."""


class Range(NamedTuple):
    """MIDI note numbers, both sung."""

    low: int
    high: int


def comfortable(voice: Range) -> Range:
    """Return the middle of a range, `WIDEST` semitones at most."""
    spare = max(0, voice.high - voice.low - WIDEST)
    return Range(voice.low + spare // 2, voice.high - (spare + 1) // 2)
