"""Examples for the melody network: songs are played, heard as a user's would be, and cut into windows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.errors import BackingError
from models.guide.ground import ground_of
from models.guide.inputs import (
    BAR_PLACES,
    DENSITY,
    FIRST,
    HIGHEST,
    HOLDS,
    INPUTS,
    LOWEST,
    MIDDLE,
    REST,
    SILENT,
    WINDOW,
    density_of,
    inputs_of,
    tonic_of,
)
from models.guide.listening import hear
from models.guide.lyrics import VOWELS, velocities, vowel_of
from models.guide.steps import PER_BAR
from models.training.cache import Arrays, cached
from models.training.guide.instruments import RATE, accompaniment
from models.training.guide.songs import Song, arranged, made
from models.training.guide.sung import Sung, sung_of
from models.training.guide.tunes import Tune

Float32 = NDArray[np.float32]
Random = np.random.Generator
Shown = Callable[[Sequence[int]], Iterable[int]]

VERSION = 2
"""Raise it when songs are made or heard otherwise, so that what is on disk is made again."""
NO_VOWEL = -1
LONG_REST = 3
"""Steps of a silence that is told to the network as one that is asked for."""
BREATH = (2, 5)
"""Steps by which a note is cut short at the end of a phrase."""
CUT = 0.6
"""Share of the examples in which notes are."""
TOLD = 0.7
"""Share of the examples in which rests are told."""


class Heard(NamedTuple):
    """A song as it is heard, on its grid."""

    inputs: Float32
    """(steps, INPUTS)."""
    tokens: NDArray[np.int64]
    """(steps,)."""
    vowels: NDArray[np.int64]
    """(steps,), `NO_VOWEL` where no note begins or none is known."""
    levels: Float32
    """(steps,), 0 where no note begins, else its velocity over 127."""


class Batch(NamedTuple):
    """Windows."""

    inputs: Tensor
    tokens: Tensor
    past: Tensor
    vowels: Tensor
    levels: Tensor
    counted: Tensor
    """1 for steps within the song, (batch, steps)."""


def heard_tunes(
    tunes: Sequence[tuple[Tune, Sung | None]], variants: int, cache: Path, shown: Shown = iter
) -> list[Heard]:
    """Return songs of tunes, heard once and kept on disk.

    Args:
        tunes: melodies, with what their recordings tell.
        variants: arrangements of each.
        cache: a folder; safe to delete.
        shown: wraps numbers, such as a progress bar.
    """
    found = []
    for variant in shown(range(variants)):
        for place, (tune, sung) in enumerate(tunes):
            rng = np.random.default_rng([VERSION, 1, place, variant])
            stored = cache / f"{VERSION}-{tune.name}-{variant}.npz"
            found.append(_kept(stored, partial(_arranged, tune, sung, rng)))
    return [song for song in found if (song.tokens >= FIRST).any()]


def heard_rules(count: int, cache: Path, shown: Shown = iter) -> list[Heard]:
    """Return so many songs whose melody is made by rule, as `heard_tunes`."""
    found = []
    for number in shown(range(count)):
        rng = np.random.default_rng([VERSION, 2, number])
        found.append(_kept(cache / f"{VERSION}-made-{number}.npz", partial(_made, rng)))
    return [song for song in found if (song.tokens >= FIRST).any()]


def _made(rng: Random) -> Arrays:
    return _heard(made(rng), None, rng)


def _arranged(tune: Tune, sung: Sung | None, rng: Random) -> Arrays:
    return _heard(arranged(tune, rng), sung, rng)


def sung_tunes(tunes: Sequence[Tune], folder: Path) -> list[tuple[Tune, Sung | None]]:
    """Return tunes with what the recording and the labels of the same name tell, where there are some."""
    found: list[tuple[Tune, Sung | None]] = []
    for tune in tunes:
        labels, recording = folder / f"{tune.name}.lab", folder / f"{tune.name}.flac"
        known = labels.exists() and recording.exists()
        found.append((tune, sung_of(tune, labels, recording) if known else None))
    return found


def _kept(stored: Path, make: Callable[[], Arrays]) -> Heard:
    arrays = cached(stored, make)
    return Heard(*(arrays[name] for name in Heard._fields))


def _heard(song: Song, sung: Sung | None, rng: Random) -> Arrays:
    try:
        heard = hear(accompaniment(song, rng), RATE)
    except BackingError:
        return dict(zip(Heard._fields, _silent(), strict=True))
    ground = ground_of(heard)
    tokens = np.full(heard.steps, SILENT)
    vowels = np.full(heard.steps, NO_VOWEL)
    levels = np.zeros(heard.steps, np.float32)
    shift = _shift(song, tonic_of(ground.key))
    loud = sung.velocities if sung else velocities(song.notes, [0.7] * len(song.notes))
    for place, note in enumerate(song.notes):
        start, stop = (int(np.abs(heard.times[:-1] - song.at(at)).argmin()) for at in (note.step, note.stop))
        if tokens[start] >= FIRST:  # on a coarser grid only the first of two notes stays
            continue
        tokens[start] = FIRST + int(np.clip(note.pitch + shift, LOWEST, HIGHEST)) - LOWEST
        tokens[start + 1 : max(start + 1, stop)] = HOLDS
        vowels[start] = sung.vowels[place] if sung else VOWELS.index(vowel_of(note))
        levels[start] = loud[place] / 127.0
    return {"inputs": inputs_of(heard, ground), "tokens": tokens, "vowels": vowels, "levels": levels}


def _silent() -> tuple[NDArray[np.generic], ...]:
    return (np.zeros((1, INPUTS), np.float32), np.zeros(1, int), np.zeros(1, int), np.zeros(1, np.float32))


def _shift(song: Song, tonic: int) -> int:
    """Return the semitones to the key of C, in the octave in which the melody lies nearest to `MIDDLE`."""
    pitches = [note.pitch for note in song.notes]
    middle = 0.5 * (min(pitches) + max(pitches))
    return -tonic + 12 * round((MIDDLE - (middle - tonic)) / 12.0)


def drawn(songs: Sequence[Heard], weights: NDArray[np.float64], size: int, rng: Random) -> Batch:
    """Return a batch of random windows.

    Args:
        songs: what they are cut from.
        weights: chance of each song.
        size: how many.
        rng: what is drawn from.
    """
    rows = [_window(songs[int(place)], rng) for place in rng.choice(len(songs), size, p=weights)]
    return Batch(*(torch.from_numpy(np.stack(part)) for part in zip(*rows, strict=True)))


def _window(song: Heard, rng: Random) -> tuple[NDArray[np.generic], ...]:
    sung = np.flatnonzero(song.tokens >= FIRST)
    first, last = sung[0] // PER_BAR, sung[-1] // PER_BAR
    start = PER_BAR * int(rng.integers(max(0, first - 1), max(first, last - 2) + 1))
    size = min(WINDOW, song.tokens.size - start)
    inputs, tokens = np.zeros((WINDOW, INPUTS), np.float32), np.full(WINDOW, SILENT)
    vowels, levels = np.full(WINDOW, NO_VOWEL), np.zeros(WINDOW, np.float32)
    inputs[:size] = song.inputs[start : start + size]
    tokens[:size] = song.tokens[start : start + size]
    vowels[:size], levels[:size] = song.vowels[start : start + size], song.levels[start : start + size]
    # The bars count from the start of the window, as they do where a melody is written.
    place = slice(BAR_PLACES, BAR_PLACES + 4)
    inputs[:, place] = np.eye(4, dtype=np.float32)[np.arange(WINDOW) // PER_BAR]
    past = np.full(2 * PER_BAR, SILENT)
    before = song.tokens[max(0, start - past.size) : start]
    past[past.size - before.size :] = before
    if tokens[0] == HOLDS and before.size == 0:
        tokens[: int(np.argmax(tokens != HOLDS))] = SILENT
    if rng.random() < CUT:
        _cut(tokens, rng)
    if rng.random() < TOLD:
        inputs[:, REST] = _long_rests(tokens)
    bars = max(1.0, np.count_nonzero(tokens != SILENT) / PER_BAR)
    inputs[:, DENSITY] = density_of(np.count_nonzero(tokens >= FIRST) / bars)
    return inputs, tokens, past, vowels, levels, (np.arange(WINDOW) < size).astype(np.float32)


def _cut(tokens: NDArray[np.int64], rng: Random) -> None:
    """Let a phrase of two or four bars end with a breath, as singers do whose score shows none."""
    every = int(rng.choice([2, 4])) * PER_BAR
    for end in range(every, WINDOW + 1, every):
        breath = int(rng.integers(*BREATH))
        tokens[end - breath : end] = SILENT
        if end < WINDOW and tokens[end] == HOLDS:
            stop = end + int(np.argmax(np.append(tokens[end:], SILENT) != HOLDS))
            tokens[end:stop] = SILENT


def _long_rests(tokens: NDArray[np.int64]) -> Float32:
    found = np.zeros(tokens.size, np.float32)
    start = 0
    for step in range(tokens.size + 1):
        if step < tokens.size and tokens[step] == SILENT:
            continue
        if step - start >= LONG_REST:
            found[start:step] = 1.0
        start = step + 1
    return found
