"""Read lyrics: words in kana, romaji or Latin letters to syllables, one for each note."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from plugin_bridge.errors import ScoreError
from plugin_bridge.files.printable import printable
from plugin_bridge.singing.kana import kana_syllables, romaji_syllables
from plugin_bridge.singing.latin import latin_syllables
from plugin_bridge.singing.syllables import HOLDING, Syllable

MAX_LETTERS = 1_000_000
"""In lyrics; an opera has a tenth of that."""
_DASHES = str.maketrans({"‐": "-", "‑": "-", "–": "-", "—": "-", "−": "-", "〜": "~", "’": "'", "ʼ": "'"})
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "e", "œ": "e", "ø": "o", "đ": "d", "ð": "d", "þ": "s", "ł": "l", "ı": "i"}
)
_MACRON = "\u0304"
_WORD = re.compile(
    r"(?P<kana>[ぁ-ゖゝゞァ-ヺヽヾー]+)"
    rf"|(?P<latin>[a-z][a-z{_MACRON}]*(?:'[a-z{_MACRON}]*)*)"
    r"|(?P<hold>(?:(?<![^\s])|(?<=[ぁ-ヾ]))[-_+~]+(?![a-z]))"
    r"|(?P<alien>[^\W_]+)"
)
_ENCODINGS = ("utf-8-sig", "cp932")


def read_lyrics(path: Path) -> str:
    """Read lyrics from a text file in UTF-8, UTF-16 with its mark, or Shift-JIS.

    Raises:
        ScoreError: it is missing, too long, or no such text.
    """
    try:
        if path.stat().st_size > 4 * MAX_LETTERS:
            raise ScoreError(f"{path} is longer than {MAX_LETTERS} letters; give the lyrics of one song")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ScoreError(f"{path} does not exist; check the path of the lyrics") from error
    except OSError as error:
        raise ScoreError(f"{path} cannot be read: {error.strerror}; check the path of the lyrics") from error
    encodings = ("utf-16",) if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else _ENCODINGS
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ScoreError(f"{path} is neither UTF-8 nor Shift-JIS text; save the lyrics as UTF-8")


def syllables(text: str) -> list[Syllable]:
    """Return the syllables of lyrics, in order.

    Kana are sung one by one; words in Latin letters as romaji where all of them are romaji, else by rule. A
    lone "-", "_", "+" or "~", and these and "ー" after kana, hold on the vowel before for one more note;
    within a word "-" parts syllables. Other punctuation and line ends mean nothing.

    Args:
        text: of any length up to `MAX_LETTERS`.

    Raises:
        ValueError: it has letters that are neither kana nor Latin, or digits; one sentence.
    """
    if len(text) > MAX_LETTERS:
        raise ValueError(f"the lyrics have {len(text)} letters; give at most {MAX_LETTERS}")
    return note_syllables([text])[0]


def note_syllables(lyrics: Sequence[str]) -> list[list[Syllable]]:
    """Return the syllables of each note's own lyric; none for one without.

    Whether Latin letters are romaji is decided for all of them together.

    Raises:
        ValueError: as of `syllables`.
    """
    words = [list(_words(lyric)) for lyric in lyrics]
    japanese = all(
        romaji_syllables(word) is not None for some in words for kind, word in some if kind == "latin"
    )
    return [[s for kind, word in some for s in _sung(kind, word, japanese=japanese)] for some in words]


def _words(text: str) -> Iterator[tuple[str, str]]:
    """Yield words in a plain spelling, each with its kind, a group of `_WORD`."""
    text = unicodedata.normalize("NFKC", text).translate(_DASHES).translate(_LETTERS).lower()
    for word in _WORD.finditer("".join(map(_without_accents, text))):
        kind = str(word.lastgroup)
        if kind == "alien":
            raise ValueError(
                f"the lyrics have {printable(word[0][:20])!r}, which cannot be read; "
                "write it in kana or in Latin letters"
            )
        yield kind, word[0]


def _without_accents(letter: str) -> str:
    parts = unicodedata.normalize("NFD", letter)
    if not "a" <= parts[0] <= "z":
        return letter
    return "".join(part for part in parts if part == _MACRON or not unicodedata.combining(part))


def _sung(kind: str, word: str, *, japanese: bool) -> list[Syllable]:
    if kind == "hold":
        return [HOLDING] * len(word)
    if kind == "kana":
        return kana_syllables(word)
    found = romaji_syllables(word) if japanese else None
    return latin_syllables(word.translate({ord("'"): None, ord(_MACRON): None})) if found is None else found
