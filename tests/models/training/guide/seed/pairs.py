"""Small pairs for tests: each accompaniment is a band of its own, and the vocal follows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.training.guide.pairs.database import Clip, Database, Pair
from models.training.guide.pairs.spectrogram import CLIP, FRAMES, MELS, RATE
from models.training.guide.seed.examples import Examples, examples_of

Float32 = NDArray[np.float32]


def made_clips(count: int = 8) -> list[Clip]:
    """Return pairs of which the vocal is loud where the accompaniment is."""
    rng = np.random.default_rng(0)
    clips = []
    for index in range(count):
        low = 8 * (index % 8)
        accompaniment, vocal = 0.05 * rng.random((2, MELS, FRAMES)).astype(np.float32)
        accompaniment[low : low + 10] += 0.5
        vocal[MELS - 20 - low : MELS - low] += 0.6
        vocal[:, :: 200 + 10 * index] += 0.2
        clips.append(Clip({"song": f"song{index % 4}"}, accompaniment, vocal))
    return clips


def made_examples(size: tuple[int, int], count: int = 8) -> Examples:
    """Return such pairs in a size."""
    return examples_of(made_clips(count), size)


def write_pairs(folder: Path, songs: int = 3) -> Path:
    """Write a database of songs of tones, one clip each."""
    database = Database(folder)
    time = np.arange(CLIP) / RATE
    for index in range(songs):
        tones = [0.2 * np.sin(2.0 * np.pi * hertz * (index + 2) * time) for hertz in (110.0, 165.0)]
        backing, vocal = (np.asarray(tone, np.float32) for tone in tones)
        database.add(Pair(f"song{index}", "key", {"licence": "CC0"}, backing, vocal, ()))
    database.write_list()
    return folder
