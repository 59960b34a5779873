"""Kana and romaji to Japanese syllables: one kana, with the small ones that follow it, is one syllable."""

from __future__ import annotations

import re
from collections.abc import Iterator

from models.pronunciation.phones import CLOSURE, VOWELS
from plugin_bridge.singing.syllables import HOLDING, NASAL, Syllable

# Each row with its consonants, in the order a i u e o; a dot where there is no kana.
_ROWS = (
    ("", "あいうえお"),
    ("k", "かきくけこ"),
    ("g", "がぎぐげご"),
    ("s", "さ.すせそ"),
    ("z", "ざ.ずぜぞ"),
    ("t", "た..てと"),
    ("d", "だ..でど"),
    ("n", "なにぬねの"),
    ("h", "はひ.へほ"),
    ("b", "ばびぶべぼ"),
    ("p", "ぱぴぷぺぽ"),
    ("m", "まみむめも"),
    ("y", "や.ゆ.よ"),
    ("r", "らりるれろ"),
    ("w", "わ...."),
    ("sh", ".し..."),
    ("j", ".じ..."),
    ("j", ".ぢ..."),
    ("ch", ".ち..."),
    ("ts", "..つ.."),
    ("z", "..づ.."),
    ("f", "..ふ.."),
    ("b", "..ゔ.."),
    ("", ".ゐ.ゑを"),
)
KANA = {kana: (row, VOWELS[i]) for row, text in _ROWS for i, kana in enumerate(text) if kana != "."}
"""Consonant and vowel of each full-sized hiragana but ん."""
_SMALL = dict(zip("ぁぃぅぇぉゃゅょゎゕゖ", "aiueoauoaae", strict=True))
_LARGE = str.maketrans("ぁぃぅぇぉゃゅょゎゕゖ", "あいうえおやゆよわかけ")
_PALATAL = {"k", "g", "n", "h", "b", "p", "m", "r"}
_SOFT = {"sh", "j", "ch"}
"""Consonants that are palatal as they are."""
_LIPS = {"く": ("k", "w"), "ぐ": ("g", "w"), "う": ("w",)}
"""Onsets of these before a small vowel."""
_OLD = str.maketrans({"ヷ": "ゔぁ", "ヸ": "ゔぃ", "ヹ": "ゔぇ", "ヺ": "ゔぉ"})
_TO_HIRAGANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}
_REPEATED = re.compile("(.)([ゝゞヽヾ])")
_VOICELESS = frozenset("かきくけこさしすせそたちつてとはひふへほ")

# Longest first.
_ONSETS = "tch|sh|ch|ts|ky|gy|ny|hy|by|py|my|ry|ty|dy|fy|vy|sy|zy|jy|k|g|s|z|t|d|n|h|b|p|m|y|r|w|f|v|j"
_ROMAJI = re.compile(
    rf"(?P<double>([kgsztdbpfjrmc])(?=\2)|t(?=ch))?(?P<onset>{_ONSETS})?"
    r"(?P<vowel>[aiueo])(?P<long>\u0304)?"
    r"|(?P<nasal>nn(?![aiueoy])|n'|n(?![aiueoy\u0304])|m(?=[mpb]))"
)
_SPELT = {"si": "sh", "zi": "j", "ti": "ch", "tu": "ts", "hu": "f"}
_OTHER_NAMES = {"sy": "sh", "zy": "j", "jy": "j", "ty": "ch", "dy": "j", "v": "b", "vy": "by", "tch": "ch"}


def kana_syllables(text: str) -> list[Syllable]:
    """Return the syllables of hiragana and katakana.

    The long mark holds the vowel before it on a note of its own, and so does う after o, which is sung o. A
    small っ closes the syllable before it. は and へ are ha and he, whatever they mean.

    Args:
        text: of hiragana, katakana and their marks, composed as by NFKC; others are left out.
    """
    found: list[Syllable] = []
    letters = _plain(text)
    at = 0
    while at < len(letters):
        small = letters[at + 1 : at + 2] if letters[at + 1 : at + 2] in _SMALL else ""
        _add_kana(found, letters[at], small)
        at += 1 + len(small)
    return found


def _plain(text: str) -> str:
    """Return hiragana without marks of repetition."""
    while mark := _REPEATED.search(text):
        kana, sign = mark.groups()
        voiced = sign in "ゞヾ" and kana.translate(_TO_HIRAGANA) in _VOICELESS
        text = text[: mark.start(2)] + (chr(ord(kana) + 1) if voiced else kana) + text[mark.end() :]
    return text.translate(_OLD).translate(_TO_HIRAGANA)


def _add_kana(found: list[Syllable], kana: str, small: str) -> None:
    before = found[-1] if found else None
    if kana == "ー":
        found.append(HOLDING._replace(text=kana))
    elif kana == "っ":
        if before is not None:
            found[-1] = before._replace(coda=(CLOSURE,), text=before.text + kana)
    elif kana == "ん":
        found.append(Syllable((), NASAL, text=kana))
    elif kana == "う" and not small and before is not None and _draws_out(before):
        found.append(Syllable((), "o", text=kana))
    elif (large := kana.translate(_LARGE)) in KANA:
        onset, vowel = _combined(large, small)
        found.append(Syllable(onset, vowel, text=kana + small))


def _draws_out(before: Syllable) -> bool:
    """Return whether an う after this is a long o; after の and を another word begins."""
    return before.nucleus == "o" and not before.coda and before.text not in {"の", "を", "no", "wo"}


def _combined(kana: str, small: str) -> tuple[tuple[str, ...], str]:
    consonant, vowel = KANA[kana]
    onset = (consonant,) if consonant else ()
    if not small:
        return onset, vowel
    if small in "ゃゅょ":
        return _palatal(consonant), _SMALL[small]
    if small in "ぁぃぅぇぉ" and _SMALL[small] == vowel:  # drawn out
        return onset, vowel
    if small == "ゎ" or kana in _LIPS:
        return _LIPS.get(kana, (*onset, "w")), _SMALL[small]
    if vowel == "i":
        return _palatal(consonant), _SMALL[small]
    return onset, _SMALL[small]


def _palatal(consonant: str) -> tuple[str, ...]:
    if consonant in _SOFT:
        return (consonant,)
    if consonant in _PALATAL:
        return (consonant + "y",)
    return (consonant, "y") if consonant else ("y",)


def romaji_syllables(word: str) -> list[Syllable] | None:
    """Return the syllables of a word in romaji (Hepburn or Kunrei), None where it is none.

    A vowel with a macron is held for a note more. Doubled vowels (oo, ee) are no romaji: with these, words as
    doo and bee would be two syllables.

    Args:
        word: lower-case Latin letters, decomposed as by NFD.
    """
    if "oo" in word or "ee" in word:
        return None
    found: list[Syllable] = []
    at = 0
    while at < len(word):
        part = _ROMAJI.match(word, at)
        if part is None or not part[0]:
            return None
        found += _romaji(part, found)
        at = part.end()
    return found


def _romaji(part: re.Match[str], before: list[Syllable]) -> Iterator[Syllable]:
    if part["nasal"]:
        yield Syllable((), NASAL, text=part[0])
        return
    onset, vowel = part["onset"] or "", part["vowel"]
    if part["double"] and before:
        before[-1] = before[-1]._replace(coda=(CLOSURE,))
    onset = _SPELT.get(onset + vowel, _OTHER_NAMES.get(onset, onset))
    text = part[0].replace("\u0304", "")
    if text == "u" and before and _draws_out(before[-1]):
        vowel = "o"
    if onset == "fy":
        yield Syllable(("f", "y"), vowel, text=text)
    else:
        yield Syllable((onset,) if onset else (), vowel, text=text)
    if part["long"]:
        yield HOLDING
