"""What is sung on one note: consonants, one vowel or N, and what closes it."""

from __future__ import annotations

from typing import NamedTuple

from models.notes import HELD

VOWELS = ("a", "i", "u", "e", "o")
NASAL = "N"
"""The nasal that is sung like a vowel."""
CLOSURE = "cl"
"""The silence before a double consonant."""


class Syllable(NamedTuple):
    """What is sung on one note; phones as Japanese label files spell them."""

    onset: tuple[str, ...]
    """Consonants before the note."""
    nucleus: str
    """One of `VOWELS`, `NASAL`, or `HELD` to go on with the vowel before."""
    coda: tuple[str, ...] = ()
    """What is sung at the end of the note: consonants, a gliding vowel, or `CLOSURE`."""
    text: str = ""
    """As it was written, for a score."""


HOLDING = Syllable((), HELD, text=HELD)
"""Holds on the vowel before it."""
