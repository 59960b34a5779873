"""Scales and keys for pitch correction."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

KEYS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
"""Keynotes, from pitch class 0 up."""

SCALES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "chromatic": tuple(range(12)),
        "major": (0, 2, 4, 5, 7, 9, 11),
        "minor": (0, 2, 3, 5, 7, 8, 10),
        "harmonic_minor": (0, 2, 3, 5, 7, 8, 11),
        "melodic_minor": (0, 2, 3, 5, 7, 9, 11),
        "dorian": (0, 2, 3, 5, 7, 9, 10),
        "phrygian": (0, 1, 3, 5, 7, 8, 10),
        "lydian": (0, 2, 4, 6, 7, 9, 11),
        "mixolydian": (0, 2, 4, 5, 7, 9, 10),
        "major_pentatonic": (0, 2, 4, 7, 9),
        "minor_pentatonic": (0, 3, 5, 7, 10),
        "blues": (0, 3, 5, 6, 7, 10),
        "whole_tone": (0, 2, 4, 6, 8, 10),
        "fifths": (0, 7),
        "keynote": (0,),
    }
)
"""Semitones above the keynote, by name."""
_KEY = re.compile(r"([a-g])[ _-]*(#|♯|sharp|b|♭|flat)?", re.IGNORECASE)
_NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def key_named(text: str) -> str:
    """Return the key of `KEYS` that a text means, in any case and with flats: "Bb" and "b♭" mean "A#".

    A text that names no key is returned as it is.
    """
    found = _KEY.fullmatch(text.strip())
    if found is None:
        return text
    letter, accidental = found.group(1).upper(), (found.group(2) or "").lower()
    step = 0 if not accidental else 1 if accidental in {"#", "♯", "sharp"} else -1
    return KEYS[(_NATURALS[letter] + step) % 12]


def scale_named(text: str) -> str:
    """Return the name in `SCALES` that a text means, in any case: "Harmonic Minor" means "harmonic_minor".

    A text that names no scale is returned as it is.
    """
    name = re.sub(r"[ _-]+", "_", text.strip().lower())
    return name if name in SCALES else text


@lru_cache(maxsize=256)
def notes(scale: str, key: str) -> tuple[int, ...]:
    """Return the MIDI note numbers of a scale, -12..139, in rising order.

    Raises:
        KeyError: unknown scale.
        ValueError: unknown key.
    """
    classes = {(step + KEYS.index(key)) % 12 for step in SCALES[scale]}
    return tuple(note for note in range(-12, 140) if note % 12 in classes)
