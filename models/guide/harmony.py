"""The chord of each beat and the key of a backing track: templates, and a hidden Markov model."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.guide.chords import SCALES, Chord, Key
from models.guide.listening import Heard
from models.guide.steps import BEATS_PER_BAR, PER_BEAT

Float64 = NDArray[np.float64]

HEARD = ("", "m", "dim", "sus4", "7", "m7", "maj7")
"""Qualities that are told apart."""
RARITY = (0.0, 0.0, 0.6, 0.5, 0.5, 0.3, 0.4)
"""Loss of each, in the units of the fit."""
CHORDS = tuple(Chord(root, quality) for quality in HEARD for root in range(12))
FIT = 16.0
"""Weight of the likeness of tones to a template, 0 to 1."""
ROOT_IN_BASS = 2.0
"""Weight of the root's share in the bass, 0 to 1."""
IN_KEY = 0.6
"""Bonus of a chord whose tones all belong to the key."""
CHANGE = (1.5, 3.5, 2.5, 3.5)
"""Loss of a change of chord on each beat of a bar."""
# Temperley 1999: how much each degree belongs to a key.
_PROFILES = {
    "major": (5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0),
    "minor": (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 3.0, 2.5),
}
KEYS = tuple(Key(tonic, mode) for mode in SCALES for tonic in range(12))


class Harmony(NamedTuple):
    """What is played."""

    chords: tuple[Chord, ...]
    """Of each beat."""
    key: Key
    certainty: float
    """Of the key: by how much it fits better than the next one that has other tones, 0 to 1."""


def harmony_of(heard: Heard, key: Key | None = None) -> Harmony:
    """Find chords and key.

    Args:
        heard: the backing track, of whole bars.
        key: the key, where it is known.
    """
    tones, bass = _of_beats(heard.chroma), _of_beats(heard.bass)
    fit = _fit(tones, bass)
    path = _path(fit)
    found, certainty = _key(tones, [CHORDS[state] for state in path])
    key = key or found
    scale = set(key.scale)
    belongs = np.array([set(chord.tones) <= scale for chord in CHORDS])
    path = _path(fit + IN_KEY * belongs)
    return Harmony(tuple(CHORDS[state] for state in path), key, certainty)


def _of_beats(rows: NDArray[np.float32]) -> Float64:
    """Return the mean of the steps of each beat, (beats, 12)."""
    return np.asarray(rows.reshape(-1, PER_BEAT, 12).mean(axis=1, dtype=np.float64))


def _templates() -> Float64:
    found = np.zeros((len(CHORDS), 12))
    for row, chord in zip(found, CHORDS, strict=True):
        for place, tone in enumerate(chord.tones):
            level = 1.0 if place < 3 else 0.7
            row[tone] += level
            row[(tone + 7) % 12] += 0.2 * level  # the third partial
            row[(tone + 4) % 12] += 0.1 * level  # the fifth
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


_TEMPLATES = _templates()


def _fit(tones: Float64, bass: Float64) -> Float64:
    """Return how well each chord goes with each beat, (beats, chords)."""
    length = np.linalg.norm(tones, axis=1, keepdims=True)
    like = tones / np.maximum(length, 1e-6) @ _TEMPLATES.T
    root = bass[:, [chord.root for chord in CHORDS]]
    rarity = np.repeat(RARITY, 12)
    return np.asarray(FIT * like + ROOT_IN_BASS * root - rarity)


def _path(fit: Float64) -> list[int]:
    """Return the likeliest chords, by Viterbi: a chord stays, or any other follows at a loss."""
    score, back = fit[0], np.zeros(fit.shape, np.int64)
    stay = np.arange(fit.shape[1])
    for beat in range(1, len(fit)):
        best = int(score.argmax())
        changed = score[best] - CHANGE[beat % BEATS_PER_BAR]
        back[beat] = np.where(score >= changed, stay, best)
        score = np.maximum(score, changed) + fit[beat]
    path = [int(score.argmax())]
    for beat in range(len(fit) - 1, 0, -1):
        path.append(int(back[beat, path[-1]]))
    return path[::-1]


def _key(tones: Float64, chords: list[Chord]) -> tuple[Key, float]:
    """Return the key that the tones and the chords fit best, and how clearly."""
    played = np.zeros(12)
    for chord in chords:
        played[list(chord.tones)] += 1.0
        played[chord.root] += 0.5
    played[list(chords[-1].tones)] += 1.0
    weight = played / played.sum() + tones.sum(axis=0) / max(float(tones.sum()), 1e-9)
    likeness = []
    for key in KEYS:
        profile = np.roll(_PROFILES[key.mode], key.tonic)
        tonic = Chord(key.tonic, "m" if key.mode == "minor" else "")
        home = np.mean([chord.tones[:3] == tonic.tones for chord in chords])
        likeness.append(float(np.corrcoef(weight, profile)[0, 1]) + 0.3 * float(home))
    best = int(np.argmax(likeness))
    others = [
        value for key, value in zip(KEYS, likeness, strict=True) if set(key.scale) != set(KEYS[best].scale)
    ]
    return KEYS[best], float(np.clip(likeness[best] - max(others), 0.0, 1.0))
