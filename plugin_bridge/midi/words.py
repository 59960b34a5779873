"""Find the words of a MIDI file: its lyric events, or the text of a karaoke file, in any usual encoding."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from plugin_bridge.files.printable import printable
from plugin_bridge.midi.smf import MidiSong

_ENCODINGS = ("utf-8", "cp932")
_JAPANESE = re.compile("[ぁ-ヿ]")
_KARAOKE = re.compile(rb"@[KLTVI]|[\\/]")
_LINE = "\\/"
"""What begins a line in a karaoke file."""


class Word(NamedTuple):
    """A syllable of a file."""

    tick: int
    text: str


def words(song: MidiSong, tracks: Sequence[int]) -> list[Word]:
    """Return the syllables of a file in order; none where it has no words.

    Lyric events count. Where there are none, those text events do that begin where notes may, if any of them
    begins as only karaoke files have it: with @K, @L, @T and so on for titles, or with a line's mark.

    Args:
        song: a parsed file.
        tracks: that count; of those with words, the first with the most.
    """
    lyrics = max((song.tracks[number].lyrics for number in tracks), key=len, default=[])
    if not lyrics:
        texts = [track.texts for track in song.tracks if any(_KARAOKE.match(data) for _, data in track.texts)]
        lyrics = [row for row in max(texts, key=len, default=[]) if not row[1].startswith(b"@")]
    decoded = _decoded([data for _, data in lyrics])
    found = [
        Word(tick, printable(text).strip(_LINE + " "))
        for (tick, _), text in zip(lyrics, decoded, strict=True)
    ]
    return [word for word in found if word.text]


def _decoded(parts: Sequence[bytes]) -> list[str]:
    """Decode all parts alike: a byte alone tells little."""
    for encoding in _ENCODINGS:
        try:
            texts = [part.decode(encoding) for part in parts]
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or _JAPANESE.search("".join(texts)):
            return texts
    return [part.decode("latin-1") for part in parts]
