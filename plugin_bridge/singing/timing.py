"""When each phone is sung: the vowel starts on its note, consonants before it, a breath in the rests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from models.notes import HELD
from models.pronunciation.phones import BREATH, CLOSURE, MIN_SECONDS, VOWELS, SungPhone
from plugin_bridge.singing.melody import SungNote, phrases
from plugin_bridge.singing.syllables import NASAL, Syllable

# Medians of the labels of pjs001 to pjs080, in ms. ty, dy and v are not in them and take those of their kin.
_MS = {
    "k": 85, "g": 52, "s": 118, "z": 81, "t": 74, "d": 51, "n": 60, "h": 79, "b": 57, "p": 78, "m": 70,
    "y": 60, "r": 41, "w": 55, "sh": 129, "j": 77, "ch": 113, "ts": 111, "f": 80, "ky": 115, "gy": 89,
    "ny": 104, "hy": 114, "by": 57, "py": 89, "my": 128, "ry": 62, "ty": 110, "dy": 85,
}  # fmt: skip
_GLIDE, _CODA_NASAL, _CLOSED = 0.11, 0.14, 0.07
_LENGTHS = {phone: ms / 1000.0 for phone, ms in _MS.items()} | {
    **dict.fromkeys(VOWELS, _GLIDE),
    NASAL: _CODA_NASAL,
    CLOSURE: _CLOSED,
}
"""Seconds of a phone that is not the vowel of its note."""
_TAKEN = 0.55
"""The most that the consonants of the next note take of a note, ..."""
_CODA_TAKEN = 0.45
"""... its own closing ones, of what is left, ..."""
_LATE = 0.3
"""... and those before a vowel, of its own note, where there is no room before it."""
_LEAST = 0.4
"""Consonants are shortened to this, before the vowel gives way."""
_MIN_BREATH_REST = 0.2
_BREATH_SHARE = 0.7
"""Of a rest, as in the shorter rests of pjs."""
_MAX_BREATH = 0.45
_MAX_LEAD = 0.08
"""Seconds from the end of a breath to the next phone, at most."""


class _Word(NamedTuple):
    """A syllable over all the notes that hold it."""

    start: float
    stop: float
    syllable: Syllable


def sung_phones(notes: Sequence[SungNote]) -> list[SungPhone]:
    """Return the phones of a melody in time, none over another; silence is left out.

    Consonants take their time from the note before, up to half of it, or from the rest. Where there is no
    room, as at the very start, they are shortened, and then the vowel begins a little late.

    Args:
        notes: of one voice, in order.
    """
    found: list[SungPhone] = []
    free = 0.0
    vowel = "a"
    for phrase in phrases(notes):
        words = _words(phrase, vowel)
        vowel = words[-1].syllable.nucleus
        onset = _onset(words[0], free)
        found += _breath(free, onset[0].start if onset else words[0].start)
        for i, word in enumerate(words):
            start = onset[-1].stop if onset else word.start
            following: list[SungPhone] = []
            stop = word.stop
            if i + 1 < len(words):
                room = start + (1.0 - _TAKEN) * (words[i + 1].start - start)
                following = _onset(words[i + 1], room)
                stop = following[0].start if following else words[i + 1].start
            found += onset + _sung(word, start, stop)
            onset = following
        free = found[-1].stop
    return found


def _words(phrase: Sequence[SungNote], vowel: str) -> list[_Word]:
    """Return the syllables of a phrase; one that holds on after a rest sings the vowel again."""
    words: list[_Word] = []
    for note, syllable in phrase:
        if syllable.nucleus != HELD:
            words.append(_Word(note.start, note.stop, syllable))
        elif words:
            words[-1] = words[-1]._replace(stop=note.stop)
        else:
            words.append(_Word(note.start, note.stop, Syllable((), vowel)))
    return words


def _onset(word: _Word, free: float) -> list[SungPhone]:
    """Return the consonants before a vowel, where nothing else is sung from `free` on."""
    wanted = sum(_LENGTHS[phone] for phone in word.syllable.onset)
    room = max(0.0, word.start - free)
    late = min(max(0.0, _LEAST * wanted - room), _LATE * (word.stop - word.start))
    stop = word.start + late
    return _row(word.syllable.onset, stop - min(wanted, room + late), stop)


def _sung(word: _Word, start: float, stop: float) -> list[SungPhone]:
    """Return the vowel and what closes the syllable."""
    wanted = sum(_LENGTHS[phone] for phone in word.syllable.coda)
    closing = stop - min(wanted, _CODA_TAKEN * (stop - start))
    return [*_row((word.syllable.nucleus,), start, closing), *_row(word.syllable.coda, closing, stop)]


def _row(phones: Sequence[str], start: float, stop: float) -> list[SungPhone]:
    """Divide a time among phones as their usual lengths are; those too short to be there are left out."""
    total = sum(_LENGTHS[phone] for phone in phones)
    found: list[SungPhone] = []
    at = start
    for i, phone in enumerate(phones):
        end = stop if i + 1 == len(phones) else at + (stop - start) * _LENGTHS[phone] / total
        if end - at >= MIN_SECONDS:
            found.append(SungPhone(phone, at, end))
            at = end
    return found


def _breath(free: float, start: float) -> list[SungPhone]:
    rest = start - free
    if rest < _MIN_BREATH_REST:
        return []
    stop = start - min(_MAX_LEAD, 0.15 * rest)
    return [SungPhone(BREATH, stop - min(_MAX_BREATH, _BREATH_SHARE * rest), stop)]
