"""Words in Latin letters to syllables with the phones of Japanese, by rule, as a singer hums along."""

from __future__ import annotations

import itertools
import re
from typing import NamedTuple

from models.pronunciation.phones import VOWELS
from plugin_bridge.singing.syllables import NASAL, Syllable

# Longest first within a length; each spelling with its phones. A second vowel glides at the end of the note.
_VOWELS = {
    "eigh": "e i", "ough": "o", "augh": "o",
    "eau": "o", "igh": "a i", "eah": "e a", "ooh": "u", "you": "y u",
    "ai": "e i", "ay": "e i", "ei": "e i", "ey": "e i", "oy": "o i", "oi": "o i", "ow": "o u", "ou": "a u",
    "oo": "u", "ee": "i", "ea": "i", "ie": "i", "oa": "o", "oe": "o", "ue": "u", "ui": "u", "au": "o",
    "aw": "o", "ew": "u", "aa": "a", "ii": "i", "uu": "u", "ah": "a", "eh": "e", "oh": "o", "uh": "a",
    "a": "a", "e": "e", "i": "i", "o": "o", "u": "u",
}  # fmt: skip
_LONG = {"a": "e i", "e": "i", "i": "a i", "o": "o", "u": "u", "y": "a i"}
"""A vowel before one consonant and a silent e."""
_CONSONANTS = {
    "tch": "ch", "ch": "ch", "ck": "k", "dg": "j", "gh": "g", "gn": "n", "kn": "n", "ng": "N", "nk": "N k",
    "ph": "f", "qu": "k w", "rh": "r", "sh": "sh", "th": "s", "wh": "w", "wr": "r", "zh": "j",
    "b": "b", "c": "k", "d": "d", "f": "f", "g": "g", "h": "h", "j": "j", "k": "k", "l": "r", "m": "m",
    "n": "n", "p": "p", "q": "k", "r": "r", "s": "s", "t": "t", "v": "b", "w": "w", "x": "k s", "y": "y",
    "z": "z",
}  # fmt: skip
_WORDS = {
    "a": "a", "all": "o r", "are": "a", "a-way": "a . w e i", "ba-by": "b e i . b i", "be": "b i",
    "been": "b i N", "by": "b a i", "come": "k a m", "could": "k u d", "down": "d a u N",
    "ev-er": "e . b a", "ev-ery": "e b . r i", "eyes": "a i z", "for": "f o", "for-ev-er": "f o . r e . b a",
    "give": "g i b", "girl": "g a r", "gone": "g o N", "have": "h a b", "he": "h i", "heart": "h a t",
    "dont": "d o N t", "im": "a i m", "hi": "h a i", "how": "h a u", "i": "a i", "know": "n o",
    "live": "r i b", "love": "r a b",
    "me": "m i", "nev-er": "n e . b a", "night": "n a i t", "no": "n o", "now": "n a u", "of": "o b",
    "one": "w a N", "our": "a u", "o-ver": "o . b a", "she": "sh i", "should": "sh u d", "some": "s a m",
    "the": "z a", "there": "z e", "they": "z e i", "to": "t u", "two": "t u", "want": "w o N t",
    "was": "w o z", "we": "w i", "were": "w a", "what": "w o t", "where": "w e", "who": "h u",
    "world": "w a r d", "would": "w u d", "wow": "w a u", "your": "y o",
}  # fmt: skip
"""Frequent words that the rules would spoil, parted where their syllables are."""
_SPOILT = {word.replace("-", ""): word for word in _WORDS}
_UNIT = re.compile("|".join(sorted({*_VOWELS, *_CONSONANTS}, key=len, reverse=True)))
_MAGIC = re.compile("(?<![aeiouy])([aeiouy])([bcdfgklmnprstvz])e(s?)$")
_SILENT_E = re.compile("(?<=[aeiouy][^aeiouy])(e)$|(?<=[aeiouy][^aeiouy][^aeiouy])(e)$")
_ENDING_LE = re.compile("(?<=[^aeiouywlr])le$")
_DOUBLED = frozenset("bcdfgklmnprstvz")
_LEADS = {"b", "d", "f", "g", "k", "p", "t", "s", "sh"}
_GLIDING = {"r", "w", "y"}


class _Unit(NamedTuple):
    phones: tuple[str, ...]
    is_vowel: bool
    text: str


def latin_syllables(word: str) -> list[Syllable]:
    """Return the syllables of a word, each with one vowel or N.

    A rough rule for syllables such as la, doo, hey, ooh and yeah, and for English words that are spelt as
    they sound; l is sung r, th s, and v b, as in Japanese.

    Args:
        word: of the letters a to z, lower case.
    """
    if parted := _SPOILT.get(word):
        parts = zip(_WORDS[parted].split(" . "), parted.split("-"), strict=True)
        return [
            _gathered([_Unit((phone,), phone in VOWELS, "") for phone in phones.split()], text)
            for phones, text in parts
        ]
    return [_gathered(units, "".join(unit.text for unit in units)) for units in _divided(_units(word))]


def _units(word: str) -> list[_Unit]:
    long, silent, end = -1, len(word), len(word)
    if found := _MAGIC.search(word):
        long, silent = found.start(1), found.end(2)
    elif found := _SILENT_E.search(word):
        silent = found.start()
    elif found := _ENDING_LE.search(word):
        end = found.start()
    units: list[_Unit] = []
    at = 0
    while at < end:
        if at == silent or (at and word[at] == word[at - 1] and word[at] in _DOUBLED):
            units[-1] = units[-1]._replace(text=units[-1].text + word[at])
            at += 1
        elif at == long:
            units.append(_Unit(tuple(_LONG[word[at]].split()), True, word[at]))
            at += 1
        else:
            spelling = _UNIT.match(word, at, silent if at < silent else end)
            stop = spelling.end() if spelling else at + 1
            units += _unit(word, at, stop, first=not any(unit.is_vowel for unit in units))
            at = stop
    if end < len(word):
        units += [_Unit(("u",), True, "l"), _Unit(("r",), False, "e")]
    return units


def _unit(word: str, at: int, end: int, *, first: bool) -> list[_Unit]:
    """Return what one spelling is: consonants, a vowel with its glide, or nothing that sounds."""
    text, after = word[at:end], word[end : end + 1]
    before_vowel = bool(after) and after in "aeiouy"
    if text == "y" and not (before_vowel and after != "y"):
        return [_Unit(("a", "i") if first and not after else ("i",), True, text)]
    if text in _VOWELS:
        return _vowel(text, after, word[end + 1 : end + 2])
    if text in {"h", "r", "w"} and not before_vowel and at > 0 and not (text == "w" and after == "r"):
        return [_Unit((), False, text)]
    phones = tuple(_CONSONANTS[text].split())
    if text == "c" and after and after in "eiy":
        phones = ("s",)
    if text == "n" and not before_vowel:
        phones = (NASAL,)
    return [_Unit((phone,), False, text if i == 0 else "") for i, phone in enumerate(phones)]


def _vowel(text: str, after: str, second: str) -> list[_Unit]:
    phones = tuple(_VOWELS[text].split())
    closed = bool(after) and after not in "aeiouyh" and (not second or second not in "aeiouy")
    if text == "u" and closed:
        phones = ("a",)  # but, sun
    if phones[0] == "y":
        return [_Unit(("y",), False, "y"), _Unit(phones[1:], True, text[1:])]
    return [_Unit(phones, True, text)]


def _divided(units: list[_Unit]) -> list[list[_Unit]]:
    """Divide a word between its vowels, as many consonants as can begin a syllable to the next one."""
    vowels = [i for i, unit in enumerate(units) if unit.is_vowel]
    if not vowels:
        return [units]
    cuts = []
    for here, following in itertools.pairwise(vowels):
        cut = following
        while cut > here + 1 and _can_begin(units[cut - 1 : following]):
            cut -= 1
        cuts.append(cut)
    return [units[a:b] for a, b in zip([0, *cuts], [*cuts, len(units)], strict=True)]


def _can_begin(units: list[_Unit]) -> bool:
    phones = [phone for unit in units for phone in unit.phones]
    if len(phones) != len(units) or NASAL in phones:
        return False
    return len(phones) == 1 or (len(phones) == 2 and phones[0] in _LEADS and phones[1] in _GLIDING)


def _gathered(units: list[_Unit], text: str) -> Syllable:
    phones = [(phone, unit.is_vowel) for unit in units for phone in unit.phones]
    vowel = next((i for i, (_, is_vowel) in enumerate(phones) if is_vowel), None)
    names = [phone for phone, _ in phones]
    if vowel is not None:
        coda = tuple(phone for i, phone in enumerate(names[vowel + 1 :]) if phone != names[vowel] or i > 0)
        return Syllable(tuple(names[:vowel]), names[vowel], coda, text)
    hum = next((i for i, phone in enumerate(names) if phone in {"m", "n", NASAL}), None)
    if hum is not None:
        return Syllable((), NASAL, (), text)
    return Syllable(tuple(names), "u", (), text)
