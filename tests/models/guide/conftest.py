"""Backing tracks made of known chords at a known tempo, and what is heard in them, once for all tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from models.guide.chords import Chord, Key
from models.guide.listening import Heard, hear
from models.guide.steps import BEATS_PER_BAR
from models.training.guide.instruments import RATE, accompaniment
from models.training.guide.songs import Song
from models.training.guide.styles import STYLES
from tests.support.extras import needs

needs("librosa")

Float32 = NDArray[np.float32]
Backing = tuple[Song, Float32]


def chord_of(name: str) -> Chord:
    """Return a chord of a name without signs."""
    return Chord({"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9}[name[0]], name[1:])


PROGRESSIONS = {
    mode: tuple(map(chord_of, names.split()))
    for mode, names in {"major": "C G Am F C F G C", "minor": "Am F C G Am Dm Em Am"}.items()
}
"""Of eight bars, in C major and A minor."""


def song_of(mode: str, shift: int, bpm: float, style: str, start: float) -> Song:
    """Return a song of 16 bars without a melody."""
    bars = [chord.moved(shift) for chord in 2 * PROGRESSIONS[mode]]
    chords = tuple(chord for chord in bars for _ in range(BEATS_PER_BAR))
    key = Key(0).moved(shift) if mode == "major" else Key(9, "minor").moved(shift)
    return Song("", bpm, start, key, next(one for one in STYLES if one.name == style), chords, ())


@pytest.fixture(scope="session")
def backing() -> Callable[..., Backing]:
    """Make a song and its sound."""
    made: dict[object, Backing] = {}

    def make(
        mode: str = "major", shift: int = 0, bpm: float = 112.0, style: str = "rock", start: float = 0.4
    ) -> Backing:
        asked = (mode, shift, bpm, style, start)
        if asked not in made:
            song = song_of(*asked)
            made[asked] = song, accompaniment(song, np.random.default_rng(4))
        return made[asked]

    return make


@pytest.fixture(scope="session")
def heard(backing: Callable[..., Backing]) -> Callable[..., Heard]:
    """Hear a song of `backing`."""
    known: dict[object, Heard] = {}

    def listen(**song: object) -> Heard:
        asked = tuple(sorted(song.items()))
        if asked not in known:
            known[asked] = hear(backing(**song)[1], RATE)
        return known[asked]

    return listen
