"""What the recording beside a tune tells of its notes: the vowel of each, and how loud it is sung."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.guide.lyrics import VELOCITY, VOWELS
from models.guide.steps import PER_BEAT
from models.training.corpus import TRAINING_RATE, read_voice
from models.training.guide.tunes import Tune

Float64 = NDArray[np.float64]

NEAR_SECONDS = 0.12
"""Between a note of the score and the vowel that is sung on it."""
MAX_SHIFT_SECONDS = 2.5
"""By which a recording begins before or after its score."""
PER_DB = 2.0
"""MIDI velocity for a decibel."""
_TICKS = 1e7
"""Of the labels, a second."""


class Sung(NamedTuple):
    """Of each note of a tune."""

    vowels: tuple[int, ...]
    """Of `VOWELS`; -1 where none is found."""
    velocities: tuple[int, ...]
    """MIDI."""


def sung_of(tune: Tune, labels: Path, recording: Path) -> Sung:
    """Return vowels and velocities of a tune's notes.

    Args:
        tune: the score.
        labels: phones with start and end in units of 100 ns, a line each.
        recording: of the voice.
    """
    rows = [line.split() for line in labels.read_text(encoding="utf-8").splitlines()]
    phones = [(float(row[0]) / _TICKS, row[2].lower()) for row in rows if len(row) == 3]
    starts = np.array([at for at, phone in phones if phone in VOWELS])
    classes = [VOWELS.index(phone) for _, phone in phones if phone in VOWELS]
    times = np.array([note.step for note in tune.notes]) * 60.0 / (tune.bpm * PER_BEAT)
    shifts = np.arange(-MAX_SHIFT_SECONDS, MAX_SHIFT_SECONDS, 0.01)
    off = np.abs(times[:, None, None] + shifts[:, None] - starts).min(axis=2)
    shift = float(shifts[(off < 0.5 * NEAR_SECONDS).sum(axis=0).argmax()])
    nearest = np.abs(times[:, None] + shift - starts).argmin(axis=1)
    far = np.abs(times + shift - starts[nearest]) > NEAR_SECONDS
    vowels = tuple(-1 if is_far else classes[place] for place, is_far in zip(nearest, far, strict=True))
    return Sung(vowels, _velocities(tune, times + shift, read_voice(recording)))


def _velocities(tune: Tune, times: Float64, audio: NDArray[np.float32]) -> tuple[int, ...]:
    levels = []
    for note, at in zip(tune.notes, times, strict=True):
        stop = at + note.length * 60.0 / (tune.bpm * PER_BEAT)
        piece = audio[max(0, round(at * TRAINING_RATE)) : max(1, round(stop * TRAINING_RATE))]
        levels.append(10.0 * np.log10(float(np.mean(np.square(piece))) + 1e-7) if piece.size else -70.0)
    middle = float(np.median(levels))
    return tuple(int(np.clip(round(VELOCITY + PER_DB * (level - middle)), 40, 120)) for level in levels)
