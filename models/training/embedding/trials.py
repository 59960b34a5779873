"""Pieces of held-out recordings, as they are and changed in the ways recordings of one singer differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pedalboard import HighShelfFilter, LowShelfFilter, Plugin, Reverb

from models.metrics.accompaniment import audible, excerpt, mixed
from models.metrics.verification import Piece
from models.training.corpus import TRAINING_RATE, read_voice, shifted

Float32 = NDArray[np.float32]
Change = Callable[[Float32, int], Float32]
"""Takes a piece at 48 kHz and its number."""

SECONDS = (1.0, 3.0, 10.0)
USUAL = 3.0
MOST = 12
"""Pieces of one singer and length, spread evenly."""
MUSIC_DB = 10.0
"""Of a voice over the accompaniment."""
SEMITONES = 3.0
EQ_DB = 8.0
"""Below 300 Hz, and as much the other way above 3 kHz."""


def pieces_of(recordings: Mapping[str, Sequence[Path]], seconds: float) -> tuple[list[Piece], list[Float32]]:
    """Cut the recordings of singers, silences left out, into pieces of one length.

    Args:
        recordings: by singer; short ones are put one after the other.
        seconds: of each piece.

    Returns:
        What each is made of, and its audio, mono at 48 kHz.
    """
    size = round(seconds * TRAINING_RATE)
    pieces: list[Piece] = []
    audio: list[Float32] = []
    for singer, paths in recordings.items():
        parts = [voiced(read_voice(path)) for path in paths]
        whole = np.concatenate(parts)
        ends = np.cumsum([part.size for part in parts])
        starts = range(0, whole.size - size + 1, size)
        for start in [starts[at] for at in _spread(len(starts))]:
            first, last = np.searchsorted(ends, [start, start + size - 1], side="right")
            pieces.append(Piece(singer, frozenset(str(path) for path in paths[first : last + 1])))
            audio.append(whole[start : start + size])
    return pieces, audio


def voiced(audio: Float32) -> Float32:
    """Return a recording at 48 kHz without what is 40 dB below its loudest."""
    return audio[audible(audio, TRAINING_RATE)]


def changes(music: Sequence[Float32]) -> dict[str, Change]:
    """Return ways to change a piece, by name.

    Args:
        music: accompaniments, mono at 48 kHz; may be empty.
    """
    shelves = [[LowShelfFilter(300.0, -way), HighShelfFilter(3000.0, way)] for way in (EQ_DB, -EQ_DB)]
    room = [Reverb(room_size=0.6, wet_level=0.25, dry_level=0.5)]
    found: dict[str, Change] = {
        "pitch up": lambda x, _: shifted(x, SEMITONES),
        "pitch down": lambda x, _: shifted(x, -SEMITONES),
        "EQ": lambda x, number: _through(shelves[number % 2], x),
        "reverb": lambda x, _: _through(room, x),
    }
    if music:
        found["music"] = lambda x, number: mixed(
            x,
            excerpt(music[number % len(music)], x.size, np.random.default_rng(number)),
            MUSIC_DB,
            TRAINING_RATE,
        )
    return found


def _through(effects: Sequence[Plugin], x: Float32) -> Float32:
    for effect in effects:
        x = np.asarray(effect(x, TRAINING_RATE), np.float32)
    return x


def _spread(count: int) -> list[int]:
    return sorted(set(np.linspace(0, count - 1, min(count, MOST)).round().astype(int).tolist()))
