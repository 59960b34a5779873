"""Syllables and loudness of the notes of a guide melody."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.guide.steps import PER_BAR, PER_BEAT, GridNote
from models.guide.styles import Style
from models.notes import HELD

CLASSES = ("o", "m", "c")
"""Of vowels: open, middle, closed."""
LONG, SHORT = 5, 2
"""Steps from which a note is sung on an open vowel, and up to which on a closed one off the beat."""
MAX_SLUR = 4
"""Semitones of the largest interval that is sung on one vowel."""
VELOCITY, LOUDEST, SOFTEST = 80, 112, 56


def class_of(note: GridNote) -> str:
    """Return the class of vowels on which a note is sung, by its length and place."""
    if note.length >= LONG:
        return "o"
    return "c" if note.length <= SHORT and note.step % PER_BEAT else "m"


def syllables(notes: Sequence[GridNote], classes: Sequence[str], style: Style) -> list[str]:
    """Return what is sung on each note.

    The same place in a bar has the same syllable, so that a motif that comes back has its words again.

    Args:
        notes: the melody.
        classes: of the vowels, of `CLASSES`.
        style: what it is sung with.
    """
    found: list[str] = []
    for place, (note, vowels) in enumerate(zip(notes, classes, strict=True)):
        if place and _is_slurred(notes[place - 1], note, style):
            found.append(HELD)
            continue
        choice: Sequence[str] = getattr(style.syllables, vowels)
        found.append(choice[(note.step % PER_BAR // SHORT) % len(choice)])
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
