"""Pitch lines to sing for training: sung ones, shifted and bent, or random melodies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.units import MAX_F0, MIN_F0

Float64 = NDArray[np.float64]
Random = np.random.Generator

FRAMES_PER_SECOND = 100
MEDIAN_HZ = (85.0, 640.0)
"""The range from which the middle of a line is drawn, hertz."""
VIBRATO_DEPTH = (0.0, 2.5)
"""Range of factors for the depth of the sung vibrato."""
SMOOTHING_FRAMES = 25
NOTE_SECONDS = (0.08, 1.2)
STEP_SEMITONES = 3.5
"""Standard deviation of the interval from note to note."""
RANGE_SEMITONES = 11.0
PORTAMENTO_SECONDS = (0.02, 0.15)
VIBRATO_HZ = (4.5, 7.0)
VIBRATO_SEMITONES = 1.2
DRIFT_SEMITONES = 0.15
SCOOP_CHANCE, SCOOP_SEMITONES = 0.3, 3.0


def drawn_line(sung: Float64, voiced: NDArray[np.bool_], rng: Random) -> Float64:
    """Return a new pitch line for a recording, hertz, (frames,).

    Args:
        sung: its own pitch, hertz, (frames,).
        voiced: (frames,).
        rng: what is drawn from.
    """
    middle = float(rng.uniform(*np.log2(MEDIAN_HZ)))
    line = moved(np.log2(sung), voiced, rng) if rng.random() < 0.5 else melody(sung.size, rng)
    return np.clip(np.exp2(line + middle), MIN_F0, MAX_F0)


def moved(sung: Float64, voiced: NDArray[np.bool_], rng: Random) -> Float64:
    """Return a sung line around 0 with its vibrato deepened or flattened, octaves."""
    index = np.arange(sung.size)
    if voiced.any():
        sung = np.interp(index, index[voiced], sung[voiced])
    padded = np.pad(sung, SMOOTHING_FRAMES // 2, mode="edge")
    slow = np.convolve(padded, np.full(SMOOTHING_FRAMES, 1.0 / SMOOTHING_FRAMES), "valid")
    line = slow + rng.uniform(*VIBRATO_DEPTH) * (sung - slow)
    return np.asarray(line - np.median(line))


def melody(frames: int, rng: Random) -> Float64:
    """Return a melody around 0: notes with glides, vibrato, scoops and drift, in octaves, (frames,)."""
    steps = np.zeros(frames)
    depth = np.zeros(frames)
    at, note = 0, 0.0
    while at < frames:
        length = max(4, round(np.exp(rng.uniform(*np.log(NOTE_SECONDS))) * FRAMES_PER_SECOND))
        note = float(
            np.clip(note + STEP_SEMITONES * rng.standard_normal(), -RANGE_SEMITONES, RANGE_SEMITONES)
        )
        span = slice(at, min(frames, at + length))
        steps[span] = note
        n = np.arange(span.stop - at)
        if rng.random() < SCOOP_CHANCE:
            steps[span] -= rng.uniform(0.0, SCOOP_SEMITONES) * np.exp(-n / rng.uniform(2.0, 8.0))
        depth[span] = VIBRATO_SEMITONES * rng.random() ** 2 * np.minimum(1.0, n / rng.uniform(5.0, 40.0))
        at += length
    glide = max(2, round(rng.uniform(*PORTAMENTO_SECONDS) * FRAMES_PER_SECOND))
    kernel = np.hanning(glide + 2)[1:-1]
    smooth = np.convolve(
        np.pad(steps, (glide // 2, glide - 1 - glide // 2), mode="edge"), kernel / kernel.sum(), "valid"
    )
    rate = rng.uniform(*VIBRATO_HZ) * (1.0 + 0.05 * rng.standard_normal(frames))
    swing = depth * np.sin(2.0 * np.pi * np.cumsum(rate) / FRAMES_PER_SECOND + rng.uniform(0.0, 6.28))
    drift = np.cumsum(rng.standard_normal(frames))
    drift *= DRIFT_SEMITONES / max(1.0, float(drift.std()))
    return np.asarray((smooth + swing + drift) / 12.0)
