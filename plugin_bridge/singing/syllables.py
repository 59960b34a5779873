"""What is sung on one note: consonants, one vowel or N, and what closes it."""

from __future__ import annotations

from typing import NamedTuple

from models.notes import HELD

NASAL = "N"
"""The nasal that is sung like a vowel."""


class Syllable(NamedTuple):
    """What is sung on one note."""

    onset: tuple[str, ...]
    """Consonants before the note, as `models.pronunciation.phones` spells them."""
    nucleus: str
    """A vowel, `NASAL`, or `HELD` to go on with the vowel before."""
    coda: tuple[str, ...] = ()
    """What is sung at the end of the note: consonants, a gliding vowel, or a closure."""
    text: str = ""
    """As it was written, for a score."""


HOLDING = Syllable((), HELD, text=HELD)
"""Holds on the vowel before it."""
