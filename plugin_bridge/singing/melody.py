"""Make one singable line of notes: in order, one at a time, each with its syllable."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from models.notes import HELD, Note
from plugin_bridge.singing.lyrics import note_syllables
from plugin_bridge.singing.syllables import HOLDING, NASAL, Syllable

MIN_REST = 0.08
"""Seconds between notes from which on a singer pauses; shorter ones are sung through."""
MAX_SECONDS = 4 * 3600.0
"""Of a melody."""
USUAL = Syllable(("r",), "a", text="la")
"""What is sung where no words are given."""
_CHORD = 0.03
"""Seconds within which notes begin together, as those of a chord played by hand."""


class SungNote(NamedTuple):
    """A note and what is sung on it."""

    note: Note
    syllable: Syllable


def checked(notes: Iterable[Note]) -> list[Note]:
    """Return notes with Python's numbers.

    Raises:
        ValueError: a number is out of range; one sentence.
    """
    found = []
    for note in notes:
        start, seconds = float(note.start), float(note.seconds)
        if not (math.isfinite(start) and start >= 0.0 and seconds > 0.0 and start + seconds <= MAX_SECONDS):
            raise ValueError(
                f"the note at {start:g} s of {seconds:g} s cannot be sung; give a start from 0, a length "
                f"above 0, and an end within {MAX_SECONDS / 3600:g} hours"
            )
        if not (0 <= note.pitch <= 127 and 1 <= note.velocity <= 127):
            raise ValueError(
                f"the note at {start:g} s has pitch {note.pitch} and velocity {note.velocity}; "
                "give 0 to 127 and 1 to 127"
            )
        found.append(Note(start, seconds, int(note.pitch), int(note.velocity), str(note.lyric)))
    return found


def one_voice(notes: Iterable[Note], report: Callable[[str], None] = lambda _: None) -> list[Note]:
    """Return the notes that one singer can sing, in order, none over another.

    Of notes that begin together and sound together the highest is sung. A note ends where the next begins.

    Args:
        notes: in any order.
        report: called with a sentence for notes that are left out.
    """
    found: list[Note] = []
    ordered = sorted(notes, key=lambda note: (note.start, note.pitch))
    for note in ordered:
        if found and note.start - found[-1].start < min(_CHORD, 0.5 * found[-1].seconds):
            before = found.pop()
            top = max(before, note, key=lambda one: one.pitch)
            note = top._replace(start=before.start, seconds=top.stop - before.start)  # noqa: PLW2901
            note = note._replace(lyric=note.lyric or before.lyric)  # noqa: PLW2901
        found.append(note)
    if len(found) < len(ordered):
        lost = len(ordered) - len(found)
        report(
            f"{lost} of {len(ordered)} notes begin together with a higher one, which alone is sung; "
            "give a melody of one voice to have all of it"
        )
    ends = [*(note.start for note in found), math.inf][1:]
    return [
        note._replace(seconds=min(note.stop, end) - note.start) for note, end in zip(found, ends, strict=True)
    ]


def with_words(
    notes: Sequence[Note],
    words: Sequence[Syllable] | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> list[SungNote]:
    """Give each note its syllable.

    Args:
        notes: of one voice, in order.
        words: for one note after the other, from the beginning again where they are fewer; None or none for
            the notes' own lyrics. Of these, a note without one holds the vowel before it, one with several
            syllables is divided among them, and where no note has any, all are sung on `USUAL`.
        report: called with a sentence for syllables that are left out.

    Raises:
        ValueError: a note's lyric cannot be read; one sentence.
    """
    if words:
        if len(words) > len(notes):
            report(
                f"the lyrics have {len(words)} syllables for {len(notes)} notes; the last "
                f"{len(words) - len(notes)} are left out"
            )
        return [SungNote(note, word) for note, word in zip(notes, itertools.cycle(words), strict=False)]
    given = note_syllables([note.lyric for note in notes])
    if not any(given):
        return [SungNote(note, USUAL) for note in notes]
    return [part for note, own in zip(notes, given, strict=True) for part in _divided(note, own or [HOLDING])]


def _divided(note: Note, own: Sequence[Syllable]) -> list[SungNote]:
    """Return a note for each of its syllables, a closing N staying with the one before it."""
    parts: list[Syllable] = []
    for one in own:
        if parts and one.nucleus == NASAL and not parts[-1].coda and parts[-1].nucleus not in {NASAL, HELD}:
            parts[-1] = parts[-1]._replace(coda=(NASAL,), text=parts[-1].text + one.text)
        else:
            parts.append(one)
    seconds = note.seconds / len(parts)
    return [
        SungNote(note._replace(start=note.start + i * seconds, seconds=seconds), part)
        for i, part in enumerate(parts)
    ]


def phrases(notes: Sequence[SungNote]) -> list[list[SungNote]]:
    """Divide notes at rests of `MIN_REST` and more."""
    found: list[list[SungNote]] = []
    for one in notes:
        if found and one.note.start - found[-1][-1].note.stop < MIN_REST:
            found[-1].append(one)
        else:
            found.append([one])
    return found
