"""Melodies for the tests of this room: any kind a file may hold."""

from __future__ import annotations

import random

from models.notes import Note
from plugin_bridge.singing.lyrics import syllables
from plugin_bridge.singing.melody import SungNote, one_voice, with_words

WORDS = "strand la love - んー がっこう hey yeah a a N a sky - - ふぁ っ"
_LENGTHS = [0.002, 0.01, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0]
_GAPS = [0.0, 0.0, 0.0, 0.0, 0.02, 0.1, 0.3, 0.6, -0.05]


def line(*pitches: int, seconds: float = 0.5, start: float = 1.0, lyric: str = "") -> list[Note]:
    """Notes that touch, all of one length."""
    return [Note(start + i * seconds, seconds, pitch, 80, lyric) for i, pitch in enumerate(pitches)]


def sung(notes: list[Note], words: str = "") -> list[SungNote]:
    """Notes of one voice with their words."""
    return with_words(one_voice(notes), syllables(words))


def wild(seed: int, count: int = 60) -> list[SungNote]:
    """A melody of short, long, touching, overlapping and far notes with all kinds of syllables."""
    chance = random.Random(seed)  # noqa: S311 - any melody will do
    at, pitch, notes = chance.choice([0.0, 0.01, 0.5]), 60, []
    for _ in range(count):
        seconds = chance.choice(_LENGTHS)
        pitch = min(127, max(0, pitch + chance.randint(-12, 12)))
        notes.append(Note(max(0.0, at), seconds, pitch, chance.randint(1, 127)))
        at += seconds + chance.choice(_GAPS)
    return sung(notes, WORDS)
