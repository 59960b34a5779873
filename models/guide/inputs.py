"""What the melody network sees of a backing track: rows for each sixteenth, moved to C major or A minor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.guide.chords import Key
from models.guide.ground import Ground
from models.guide.listening import Heard
from models.guide.steps import BEATS_PER_BAR, PER_BAR, PER_BEAT

Float32 = NDArray[np.float32]

WINDOW = 4 * PER_BAR
"""Steps that the network sees at once: four bars."""
CLASSES = ("chroma", "bass", "tones", "root", "scale")
"""Rows of 12 pitch classes each, which come first in a row of inputs."""
PITCHED = 12 * len(CLASSES)
RHYTHM = 5
"""Onset and the four levels."""
INPUTS = PITCHED + RHYTHM + PER_BAR + 4 + 3
"""Then onset and levels; place in the bar and bar of the window, one-hot; minor key, rest and density."""
BAR_PLACES = PITCHED + RHYTHM + PER_BAR
MINOR, REST, DENSITY = BAR_PLACES + 4, INPUTS - 2, INPUTS - 1
"""Columns: the first of the bars of a window, the mode, where no note is wanted, how many are."""
USUAL_NOTES = 6.0
"""Notes in a bar at which the density is 0; twice as many are 1."""
# Tokens of a step: nothing is sung, the note goes on, or one begins.
SILENT, HOLDS, FIRST = 0, 1, 2
LOWEST, HIGHEST = 36, 84
"""MIDI notes that tokens stand for, before the move back to the key."""
TOKENS = FIRST + HIGHEST - LOWEST + 1
MIDDLE = 60
"""Melodies are moved by octaves so that the middle of their range comes nearest to this."""


def tonic_of(key: Key) -> int:
    """Return the tonic of a key, or of the major key of the same tones."""
    return key.tonic if key.mode == "major" else (key.tonic + 3) % 12


def inputs_of(heard: Heard, ground: Ground) -> Float32:
    """Return the inputs of all steps, (steps, `INPUTS`), float32; rest and density are still 0.

    Args:
        heard: the backing track.
        ground: its chords and key.
    """
    steps = heard.steps
    beats = np.arange(steps) // PER_BEAT
    tones, root = (
        np.zeros((len(ground.chords), 12), np.float32),
        np.zeros((len(ground.chords), 12), np.float32),
    )
    for row, chord in enumerate(ground.chords):
        tones[row, list(chord.tones)] = 1.0
        root[row, chord.root] = 1.0
    scale = np.zeros((1, 12), np.float32)
    scale[0, list(ground.key.scale)] = 1.0
    rows = (heard.chroma, heard.bass, tones[beats], root[beats], np.repeat(scale, steps, axis=0))
    found = np.zeros((steps, INPUTS), np.float32)
    moved = [np.roll(row, -tonic_of(ground.key), axis=1) for row in rows]
    found[:, : PITCHED + RHYTHM] = np.column_stack([*moved, heard.onset, heard.levels])
    number = np.arange(steps)
    found[number, PITCHED + RHYTHM + number % PER_BAR] = 1.0
    found[number, BAR_PLACES + number // PER_BAR % BEATS_PER_BAR] = 1.0
    found[:, MINOR] = ground.key.mode == "minor"
    return found


def density_of(notes_per_bar: float) -> float:
    """Return the density as the network sees it."""
    return float(np.log2(max(notes_per_bar, 0.5) / USUAL_NOTES))
