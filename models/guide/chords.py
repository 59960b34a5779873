"""Chords and keys: their names, and the pitch classes that belong to them."""

from __future__ import annotations

import re
from typing import NamedTuple

NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
"""Of the pitch classes, 0 to 11."""
QUALITIES = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "sus4": (0, 5, 7),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
}
"""Semitones above the root of the tones of a chord, by what follows the root in its name."""
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
"""Semitones above the tonic, by mode."""
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


class Chord(NamedTuple):
    """One chord."""

    root: int
    """Pitch class, 0 for C to 11."""
    quality: str = ""
    """One of `QUALITIES`."""

    @property
    def name(self) -> str:
        """As musicians write it, such as "Ebm7"."""
        return NAMES[self.root] + self.quality

    @property
    def tones(self) -> tuple[int, ...]:
        """Its pitch classes, the root first."""
        return tuple((self.root + step) % 12 for step in QUALITIES[self.quality])

    def moved(self, semitones: int) -> Chord:
        """Return it so many semitones higher."""
        return Chord((self.root + semitones) % 12, self.quality)


class Key(NamedTuple):
    """A key."""

    tonic: int
    """Pitch class, 0 for C to 11."""
    mode: str = "major"
    """One of `SCALES`."""

    @property
    def name(self) -> str:
        """Such as "Eb minor"."""
        return f"{NAMES[self.tonic]} {self.mode}"

    @property
    def scale(self) -> tuple[int, ...]:
        """Its pitch classes, the tonic first."""
        return tuple((self.tonic + step) % 12 for step in SCALES[self.mode])

    def moved(self, semitones: int) -> Key:
        """Return it so many semitones higher."""
        return Key((self.tonic + semitones) % 12, self.mode)


def key_of(text: str) -> Key:
    """Return the key of a name such as "F#", "Eb major", "C# minor", "am" or "Bbm".

    Raises:
        ValueError: it names none.
    """
    found = re.fullmatch(r"\s*([A-Ga-g])([#♯b♭]?)\s*(m|min|minor|maj|major|)\s*", text)
    if found is None:
        raise ValueError(f"{text!r} names no key; give one such as 'C', 'F# minor' or 'Bbm'")
    letter, sign, mode = found.groups()
    shift = {"#": 1, "♯": 1, "b": -1, "♭": -1, "": 0}[sign]
    minor = mode in {"m", "min", "minor"}
    return Key((_LETTERS[letter.upper()] + shift) % 12, "minor" if minor else "major")
