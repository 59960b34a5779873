"""Syllables and loudness of the notes of a guide melody."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.guide.steps import PER_BAR, PER_BEAT, GridNote
from models.guide.styles import Style
from models.notes import HELD

VOWELS = ("a", "i", "u", "e", "o", "n")
"""Classes of vowels; n is sung with a closed mouth."""
LONG, SHORT = 6, 2
"""Steps from which a note is sung on a wide vowel, and up to which on a narrow one off the beat."""
MAX_SLUR = 4
"""Semitones of the largest interval that is sung on one vowel."""
VELOCITY, LOUDEST, SOFTEST = 80, 112, 56


def vowel_of(note: GridNote) -> str:
    """Return the class of the vowel on which a note is sung, by its length and place."""
    if note.length <= SHORT and note.step % PER_BEAT:
        return "u"
    return "o" if note.length >= LONG and note.step % PER_BAR else "a"


def syllables(notes: Sequence[GridNote], vowels: Sequence[str], style: Style) -> list[str]:
    """Return what is sung on each note.

    The same place in a bar has the same consonant, so that a motif that comes back has its words again.

    Args:
        notes: the melody.
        vowels: of each note, its class of `VOWELS`.
        style: what it is sung with.
    """
    found: list[str] = []
    for place, (note, vowel) in enumerate(zip(notes, vowels, strict=True)):
        if place and _is_slurred(notes[place - 1], note, style):
            found.append(HELD)
            continue
        sung: str = getattr(style.vowels, vowel)
        consonants = style.consonants
        consonant = consonants[note.step % PER_BAR // SHORT % len(consonants)]
        found.append(sung if vowel == "n" else consonant + sung)
    return found


def _is_slurred(before: GridNote, note: GridNote, style: Style) -> bool:
    if (
        before.stop != note.step
        or note.step % PER_BEAT == 0
        or not 0 < abs(note.pitch - before.pitch) <= MAX_SLUR
    ):
        return False
    # A fixed share of the places, not a draw: what comes back is sung alike.
    return (7 * (note.step % PER_BAR) + 3) % 10 < 10.0 * style.slurred


def velocities(notes: Sequence[GridNote], levels: Sequence[float]) -> list[int]:
    """Return how loud each note is, MIDI: accents on beats, higher notes louder.

    Args:
        notes: the melody.
        levels: of the backing track at each note, 0 to 1.
    """
    if not notes:
        return []
    middle = float(np.median([note.pitch for note in notes]))
    found = []
    for note, level in zip(notes, levels, strict=True):
        accent = 6.0 if note.step % PER_BAR == 0 else 3.0 if note.step % PER_BEAT == 0 else -3.0
        loud = VELOCITY + accent + 1.2 * (note.pitch - middle) + 24.0 * (level - 0.7)
        found.append(int(np.clip(round(loud), SOFTEST, LOUDEST)))
    return found
