"""Accompaniment for training: recordings, and pieces made up of chords, bass, drums and noise."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from dsp.units import semitones_to_hz
from models.training.cache import Arrays, cached, digest
from models.training.corpus import TRAINING_RATE, read_voice
from models.training.melody.lines import melody
from models.training.melody.takes import FRAME, RATE, decimated

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Random = np.random.Generator

VERSION = 2  # raise it when music is heard otherwise, so that what is on disk is made again
SPEEDS = (-4.0, -2.0, 0.0, 1.0, 3.0)
"""Semitones by which a recording is sped up, for other keys and tempi."""
HELD_OUT_SHARE = 1.0 / 3.0
"""The share at the end of a recording that is held out for the scores."""
PIECE_SECONDS = 20.0
TOP_HZ = 4400.0
MAX_PARTIALS = 24
PHRASE_FRAMES = 80
"""Of so many a solo rests at times."""
CHORDS = ((0, 4, 7), (0, 3, 7), (0, 4, 7, 11), (0, 3, 7, 10), (0, 5, 7), (0, 3, 6))


def recorded(path: Path, cache: Path) -> list[Float32]:
    """Return the first two thirds of a music file at several speeds, as the features hear them.

    Args:
        path: an audio file.
        cache: a folder in which they are kept; safe to delete.
    """
    stored = cache / f"{digest(json.dumps([VERSION, SPEEDS]), path)}-music.npz"
    return list(cached(stored, lambda: _at_speeds(path)).values())


def _at_speeds(path: Path) -> Arrays:
    audio = read_voice(path)
    audio = audio[: round(audio.size * (1.0 - HELD_OUT_SHARE))]
    ratios = [2.0 ** (speed / 12.0) for speed in SPEEDS]
    moved = (soxr.resample(audio, TRAINING_RATE * ratio, TRAINING_RATE) for ratio in ratios)
    return {f"arr_{number}": decimated(np.asarray(part, np.float32)) for number, part in enumerate(moved)}


def made_up(rng: Random) -> Float32:
    """Return a random piece of 20 s at `RATE`, of RMS 1."""
    samples = round(PIECE_SECONDS * RATE)
    beat = round(60.0 / rng.uniform(60.0, 160.0) * RATE)
    key = float(rng.uniform(40.0, 52.0))
    score: Score = [
        (at, key + float(rng.choice([0, 2, 3, 4, 5, 7, 9, 10])), CHORDS[int(rng.integers(6))])
        for at in range(0, samples, 4 * beat)
    ]
    parts: list[tuple[float, Callable[[], Float64]]] = [
        (0.7, lambda: _chords(samples, 4 * beat, score, rng)),
        (0.6, lambda: _plucked(samples, beat, score, rng)),
        (0.25, lambda: _lead(samples, key, rng)),
        (0.7, lambda: _bass(samples, beat, score, rng)),
        (0.7, lambda: _drums(samples, beat, rng)),
        (0.2, lambda: _noise(samples, rng)),
    ]
    out = np.zeros(samples)
    for chance, part in parts:
        if rng.random() < chance or not out.any():
            out += 10.0 ** (rng.uniform(-12.0, 0.0) / 20.0) * _unit(part())
    return _unit(out)


def _unit(x: NDArray[np.floating]) -> Float32:
    return np.asarray(x / (np.sqrt(np.mean(np.square(x))) + 1e-9), np.float32)


Score = list[tuple[int, float, tuple[int, ...]]]


class _Instrument:
    """Partials of random levels."""

    def __init__(self, rng: Random) -> None:
        h = np.arange(1, MAX_PARTIALS + 1)
        self.levels = h ** -rng.uniform(0.4, 2.2) * 10.0 ** (rng.normal(0.0, 4.0, h.size) / 20.0)
        if rng.random() < 0.25:
            self.levels[1::2] *= rng.uniform(0.0, 0.3)
        self._stretch = rng.uniform(0.0, 4e-4) * (rng.random() < 0.4)
        self._rng = rng

    def note(self, hertz: float, samples: int) -> Float64:
        """A steady note."""
        h = np.arange(1, MAX_PARTIALS + 1)
        partials = hertz * h * np.sqrt(1.0 + self._stretch * h * h)
        heard = partials < TOP_HZ
        turns = 2.0 * np.pi / RATE * partials[heard]
        phase = self._rng.uniform(0.0, 2.0 * np.pi, heard.sum())
        n = np.arange(samples)
        return np.asarray(self.levels[: heard.sum()] @ np.sin(np.outer(turns, n) + phase[:, None]))


def _hits(samples: int, step: int, chance: float, rng: Random) -> Iterator[int]:
    """Times on a grid, some left out."""
    for at in range(0, samples, step):
        if rng.random() < chance:
            yield at


def _add(out: Float64, at: int, x: Float64) -> None:
    piece = x[: out.size - at]
    out[at : at + piece.size] += piece


def _chords(samples: int, length: int, score: Score, rng: Random) -> Float64:
    out, instrument = np.zeros(samples), _Instrument(rng)
    n = np.arange(length + RATE // 4)
    rise = rng.uniform(0.005, 0.3) * RATE
    fade = np.minimum(np.minimum(1.0, n / rise), np.minimum(1.0, (n.size - n) / (RATE / 4)))
    for at, root, chord in score:
        for step in chord:
            _add(out, at, fade * instrument.note(semitones_to_hz(root + 12 + step), n.size))
    return out


def _plucked(samples: int, beat: int, score: Score, rng: Random) -> Float64:
    out, instrument = np.zeros(samples), _Instrument(rng)
    decay = np.exp(-np.arange(RATE) / (rng.uniform(0.08, 0.6) * RATE))
    decay *= np.minimum(1.0, np.arange(RATE) / 20.0)
    for at in _hits(samples, max(1, beat // int(rng.choice([1, 2, 4]))), 0.7, rng):
        _, root, chord = score[min(at // (4 * beat), len(score) - 1)]
        note = root + 12.0 * rng.integers(1, 4) + chord[int(rng.integers(len(chord)))]
        _add(out, at, decay * instrument.note(semitones_to_hz(note), RATE))
    return out


def _lead(samples: int, key: float, rng: Random) -> Float64:
    """A solo with glides, vibrato and rests, on an instrument of constant timbre."""
    frames = samples // FRAME
    line = semitones_to_hz(key + 12.0 * rng.uniform(0.5, 3.0)) * np.exp2(melody(frames + 1, rng))
    breath = np.repeat(rng.random(frames // PHRASE_FRAMES + 2) < 0.7, PHRASE_FRAMES)[: frames + 1]
    fade = np.convolve(breath.astype(float), np.full(5, 0.2), "same")
    hertz, level = (np.interp(np.arange(samples), FRAME * np.arange(frames + 1), x) for x in (line, fade))
    turn = 2.0 * np.pi / RATE * np.cumsum(hertz)
    out = np.zeros(samples)
    for h, strength in enumerate(_Instrument(rng).levels, 1):
        heard = h * hertz < TOP_HZ
        out[heard] += strength * np.sin(h * turn[heard])
    return level * out if breath.any() else out


def _bass(samples: int, beat: int, score: Score, rng: Random) -> Float64:
    out, instrument = np.zeros(samples), _Instrument(rng)
    length = round(beat * rng.uniform(0.5, 1.0))
    n = np.arange(length)
    fade = np.minimum(1.0, np.minimum(n / 40.0, (length - n) / 200.0)) * np.exp(
        -n / (rng.uniform(0.2, 2.0) * RATE)
    )
    for at in _hits(samples, beat, 0.8, rng):
        _, root, chord = score[min(at // (4 * beat), len(score) - 1)]
        note = root - 12.0 + (chord[int(rng.integers(len(chord)))] if rng.random() < 0.3 else 0)
        _add(out, at, fade * instrument.note(semitones_to_hz(note), length))
    return out


def _drums(samples: int, beat: int, rng: Random) -> Float64:
    out = np.zeros(samples)
    n = np.arange(RATE // 2)
    sweep = 45.0 + rng.uniform(50.0, 150.0) * np.exp(-n / (0.03 * RATE))
    kick = np.sin(2.0 * np.pi * np.cumsum(sweep) / RATE) * np.exp(-n / (rng.uniform(0.05, 0.15) * RATE))
    hiss = rng.standard_normal(n.size)
    snare = hiss * np.exp(-n / (0.06 * RATE)) + np.sin(2.0 * np.pi * 190.0 * n / RATE) * np.exp(
        -n / (0.04 * RATE)
    )
    hat = np.diff(hiss, append=0.0) * np.exp(-n / (rng.uniform(0.01, 0.06) * RATE))
    for sound, step, chance, level in (
        (kick, 2 * beat, 0.9, 1.5),
        (kick, beat, 0.3, 1.2),
        (snare, beat, 0.45, 0.6),
        (hat, max(1, beat // 2), 0.8, 0.3),
    ):
        for at in _hits(samples, step, chance, rng):
            _add(out, at, level * rng.uniform(0.6, 1.0) * sound)
    return out


def _noise(samples: int, rng: Random) -> Float64:
    """Coloured noise, sometimes with hum."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    hertz = np.fft.rfftfreq(samples, 1.0 / RATE)
    out = np.fft.irfft(spectrum * np.maximum(hertz, 20.0) ** rng.uniform(-1.0, 0.3), samples)
    out /= out.std()
    if rng.random() < 0.5:
        mains = float(rng.choice([50.0, 60.0]))
        out += 10.0 ** (rng.uniform(-10.0, 10.0) / 20.0) * _unit(_Instrument(rng).note(mains, samples))
    return out
