"""Songs varied for the training: vowels held longer or shorter, rests put in, told of another pitch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dsp.units import HOPS_PER_SECOND
from models.pronunciation.file import LOWEST_DB
from models.pronunciation.phones import PAUSE, VOWELS, Sound, first_frame
from models.training.pronunciation.targets import Song

STRETCH_OCTAVES = 0.7
"""Standard deviation of how much longer the middle of a vowel is held."""
MAX_STRETCH = 6.0
EDGE_FRAMES = 8
"""At both ends of a vowel, which are as long as they were."""
REST = 0.35
"""The chance of a rest between a vowel and what follows."""
REST_FRAMES = (5, 120)
MASKED_FRAMES = 8
"""So near to a rest nothing counts: the singer made none there. The rest itself counts after `SETTLED`."""
SETTLED_FRAMES = 20
PITCH_OCTAVES = 0.25
"""The pitch that is told is off by up to so much, so that filters do not cling to what a singer sang."""


def varied(song: Song, rng: np.random.Generator) -> Song:
    """Return a variation of a song, drawn by `rng`."""
    sounds: list[Sound] = []
    taken: list[NDArray[np.intp]] = []
    rests: list[tuple[int, int]] = []
    frames = len(song.controls)
    at = 0  # frames taken so far; sounds are moved by whole frames, so that bursts stay on their samples
    for index, sound in enumerate(song.sounds):
        first, last = (min(frames, first_frame(time)) for time in (sound.start, sound.stop))
        places = np.arange(first, last)
        later = at - first
        held = _held(places, rng) if _is_vowel(sound) else places
        moved = later + held.size - places.size
        sounds.append(sound._replace(start=_moved(sound.start, later), stop=_moved(sound.stop, moved)))
        taken.append(held)
        at += held.size
        after = song.sounds[index + 1].base if index + 1 < len(song.sounds) else PAUSE
        if _is_vowel(sound) and after != PAUSE and rng.random() < REST:
            rest = int(rng.integers(*REST_FRAMES))
            start = sounds[-1].stop
            sounds.append(Sound(PAUSE, False, False, start, _moved(start, rest)))
            rests.append((at, at + rest))
            taken.append(np.full(rest, min(last, frames - 1)))
            at += rest
    order = np.concatenate(taken)
    controls, weights = song.controls[order], song.weights[order]
    for start, stop in rests:
        weights[max(0, start - MASKED_FRAMES) : stop + MASKED_FRAMES] = 0.0
        controls[start:stop, -2:] = LOWEST_DB / 10.0, 0.0
        weights[start + SETTLED_FRAMES : stop - MASKED_FRAMES, 2] = 1.0
    f0 = song.f0[order] * 2.0 ** rng.uniform(-PITCH_OCTAVES, PITCH_OCTAVES)
    return replace(
        song, sounds=sounds, f0=f0, contour=song.contour[order], controls=controls, weights=weights
    )


def _moved(time: float, frames: int) -> float:
    return time + frames / HOPS_PER_SECOND


def _is_vowel(sound: Sound) -> bool:
    return sound.base in VOWELS or sound.base == "N"


def _held(places: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return which frames are taken where the middle of some is held longer or shorter."""
    middle = places.size - 2 * EDGE_FRAMES
    if middle < 2:
        return places
    factor = min(MAX_STRETCH, 2.0 ** rng.normal(0.0, STRETCH_OCTAVES))
    count = max(1, round(factor * middle))
    inside = np.linspace(EDGE_FRAMES, places.size - EDGE_FRAMES - 1, count).round().astype(np.intp)
    return np.concatenate([places[:EDGE_FRAMES], places[inside], places[places.size - EDGE_FRAMES :]])
