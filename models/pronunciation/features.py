"""What the network is told of each frame: phones around it, times to their borders, pitch and voice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.units import HOPS_PER_SECOND
from models.pronunciation.phones import BASES, Sound, first_frame

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

AROUND = (-2, -1, 0, 1, 2)
"""Sounds that are told, counted from the one of the frame."""
_KIND = len(BASES) + 2
_DECAYS = 1.0 / np.array([0.01, 0.03, 0.1, 0.3])  # of the times to borders, per second
_TIMES = 2 * (_DECAYS.size + 1) + 1
_SHORTEST = 0.005
LONGEST = 1.0
"""Seconds; what is longer, or farther away, is told as so much: few phones of a recording are longer."""
PITCH_HZ = 220.0
"""The pitch that is told as 0, and is taken where there is none."""


def width(voices: int) -> int:
    """Return how many numbers tell of a frame, given how many voices there are."""
    return len(AROUND) * (_KIND + 1) + _TIMES + 2 + voices


def features(every: Sequence[Sound], f0: Float64, voice: Float32) -> Float32:
    """Return what is told of each frame.

    Args:
        every: sounds that leave no gap (`models.pronunciation.phones.sounds`).
        f0: hertz, 0 where nothing is sung, shape (frames,).
        voice: weight of each voice, shape (voices,), or of each frame, (frames, voices).

    Returns:
        Shape (frames, width), float32.
    """
    at = np.arange(f0.size) / HOPS_PER_SECOND
    starts, stops = (np.array([getattr(sound, end) for sound in every]) for end in ("start", "stop"))
    firsts = [first_frame(sound.start) for sound in every]
    here = np.clip(np.searchsorted(firsts, np.arange(f0.size), "right") - 1, 0, len(every) - 1)
    kinds = np.zeros((len(every) + 2 * max(AROUND), _KIND + 1), np.float32)
    kinds[:, 0] = 1.0  # a pause before the first, and after the last
    inside = kinds[max(AROUND) : -max(AROUND)]
    inside[:, 0] = 0.0
    for row, sound, length in zip(inside, every, _length(stops - starts), strict=True):
        row[BASES.index(sound.base)] = 1.0
        row[-3:] = sound.palatal, sound.released, length
    since, until = at - starts[here], stops[here] - at
    times = [_length(stops[here] - starts[here])[:, None]]
    for time in (np.clip(since, 0.0, LONGEST), np.clip(until, 0.0, LONGEST)):
        times += [np.exp(-np.multiply.outer(time, _DECAYS)), np.tanh(time)[:, None]]
    octaves = pitch(f0)
    parts = [kinds[here + max(AROUND) + place] for place in AROUND]
    parts += [part.astype(np.float32) for part in times]
    parts.append(np.stack([octaves, np.square(octaves)], axis=1).astype(np.float32))
    parts.append(np.broadcast_to(voice, (f0.size, voice.shape[-1])).astype(np.float32))
    return np.concatenate(parts, axis=1)


def pitch(f0: Float64) -> Float64:
    """Return octaves above `PITCH_HZ`, drawn straight through where f0 is 0, shape (frames,)."""
    sung = np.flatnonzero(f0 > 0.0)
    if not sung.size:
        return np.zeros(f0.size)
    return np.asarray(np.interp(np.arange(f0.size), sung, np.log2(f0[sung] / PITCH_HZ)))


def _length(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a length as a number around 0: 0 for 100 ms, 1 for ten times as long and longer."""
    return np.log10(np.clip(seconds, _SHORTEST, LONGEST) / 0.1)
