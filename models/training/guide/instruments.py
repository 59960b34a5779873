"""Play the accompaniment of a made-up song on simple synthesizers: chords, bass and drums, in a room."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dsp.units import semitones_to_hz
from models.guide.steps import BEATS_PER_BAR, PER_BAR, PER_BEAT
from models.training.guide.songs import Song

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Random = np.random.Generator

RATE = 22050
"""Hertz of what is played."""
MAX_PARTIALS = 20
TAIL_SECONDS = 1.0
LEVEL = 0.1
"""RMS of a piece."""
WITHOUT_DRUMS = 0.15
"""Share of the songs."""
HUMAN_SECONDS = 0.006
"""Standard deviation of the timing of a note."""
DETUNE_CENTS = 30.0
"""By which a whole band is tuned up or down at most."""
BASS_LOW, CHORDS_LOW = 33, 52
"""Lowest MIDI note of the bass and of the chords."""


def accompaniment(song: Song, rng: Random) -> Float32:
    """Return the song without its melody, mono, shape (samples,), at `RATE`.

    Args:
        song: what is played.
        rng: what timbres, levels and the room are drawn from.
    """
    out = np.zeros(round((song.seconds + TAIL_SECONDS) * RATE))
    tuning = float(rng.uniform(-DETUNE_CENTS, DETUNE_CENTS)) / 100.0
    _comp(out, song, _Instrument(rng, tuning), rng)
    if song.style.pad:
        _pad(out, song, _Instrument(rng, tuning), rng)
    _bass(out, song, _Instrument(rng, tuning), rng)
    if rng.random() >= WITHOUT_DRUMS:
        _drums(out, song, rng)
    out = _in_a_room(out, rng)
    return np.asarray(LEVEL * out / (np.sqrt(np.mean(np.square(out))) + 1e-9), np.float32)


class _Instrument:
    """Partials of random levels that die away at random rates; keeps each note that it has played."""

    def __init__(self, rng: Random, tuning: float) -> None:
        h = np.arange(1, MAX_PARTIALS + 1)
        self._levels = h ** -rng.uniform(0.7, 2.0) * 10.0 ** (rng.normal(0.0, 3.0, h.size) / 20.0)
        if rng.random() < 0.25:
            self._levels[1::2] *= rng.uniform(0.0, 0.3)
        self._phases = rng.uniform(0.0, 2.0 * np.pi, h.size)
        self._detune = 2.0 ** (rng.uniform(0.0, 0.08) / 12.0)
        self._rise = rng.uniform(0.002, 0.02)
        self.decay = float(rng.uniform(0.15, 1.2))
        """Seconds of a plucked note's decay."""
        self._tuning = tuning
        self._kept: dict[tuple[int, int, bool], Float64] = {}

    def note(self, pitch: int, seconds: float, *, held: bool) -> Float64:
        """Return a note, held or plucked."""
        samples = max(64, round(seconds * RATE))
        key = (pitch, samples, held)
        if key not in self._kept:
            self._kept[key] = self._made(pitch, samples, held=held)
        return self._kept[key]

    def _made(self, pitch: int, samples: int, *, held: bool) -> Float64:
        hertz = semitones_to_hz(pitch + self._tuning)
        count = min(MAX_PARTIALS, int(0.45 * RATE / hertz))
        h = np.arange(1, count + 1)[:, None]
        t = np.arange(samples) / RATE
        turns = 2.0 * np.pi * hertz * h * t
        wave = np.sin(turns + self._phases[:count, None]) + 0.7 * np.sin(self._detune * turns)
        rise, fall = (0.05, 0.08) if held else (self._rise, 0.02)
        end = samples / RATE - t
        shape = np.minimum(1.0, t / rise) * np.minimum(1.0, end / fall)
        if held:
            return np.asarray(shape * (self._levels[:count] @ wave))
        return np.asarray(
            shape * np.einsum("h,hn,hn->n", self._levels[:count], wave, np.exp(-t / self.decay * h**0.5))
        )


def _add(out: Float64, seconds: float, x: Float64) -> None:
    at = max(0, round(seconds * RATE))
    piece = x[: max(0, out.size - at)]
    out[at : at + piece.size] += piece


def _hits(song: Song, pattern: str) -> Iterator[tuple[int, str, int]]:
    """Yield the signs of a pattern: at which step, which, and how many steps until the next."""
    places = [place for place, sign in enumerate(pattern) if sign != "."]
    for bar in range(song.bars):
        for place, after in zip(places, [*places[1:], PER_BAR], strict=False):
            yield bar * PER_BAR + place, pattern[place], after - place


def _voicing(song: Song, step: int) -> list[int]:
    chord = song.chords[step // PER_BEAT]
    return sorted(CHORDS_LOW + (tone - CHORDS_LOW) % 12 for tone in chord.tones)


def _late(rng: Random) -> float:
    return float(rng.normal(0.0, HUMAN_SECONDS))


def _comp(out: Float64, song: Song, instrument: _Instrument, rng: Random) -> None:
    level = 10.0 ** (rng.uniform(-6.0, 0.0) / 20.0)
    step_seconds = song.at(1) - song.at(0)
    for step, sign, steps in _hits(song, song.style.comp):
        tones = _voicing(song, step)
        if sign.isdigit():
            place = int(sign)
            tones = [tones[place % len(tones)] + 12 * (place // len(tones))]
        seconds = (steps if sign != "c" else min(steps, 2)) * step_seconds
        strength = level * float(rng.uniform(0.7, 1.0))
        for tone in tones:
            _add(out, song.at(step) + _late(rng), strength * instrument.note(tone, seconds + 0.1, held=False))


def _pad(out: Float64, song: Song, instrument: _Instrument, rng: Random) -> None:
    level = 0.4 * song.style.pad * 10.0 ** (rng.uniform(-6.0, 3.0) / 20.0)
    unit = song.style.beats_per_chord
    for beat in range(0, song.bars * BEATS_PER_BAR, unit):
        seconds = song.at((beat + unit) * PER_BEAT) - song.at(beat * PER_BEAT)
        for tone in _voicing(song, beat * PER_BEAT):
            _add(out, song.at(beat * PER_BEAT), level * instrument.note(tone, seconds + 0.05, held=True))


def _bass(out: Float64, song: Song, instrument: _Instrument, rng: Random) -> None:
    level = 1.3 * 10.0 ** (rng.uniform(-6.0, 2.0) / 20.0)
    step_seconds = song.at(1) - song.at(0)
    for step, sign, steps in _hits(song, song.style.bass):
        chord = song.chords[step // PER_BEAT]
        root = BASS_LOW + (chord.root - BASS_LOW) % 12
        fifth = chord.tones[2] - chord.root
        pitch = root + {"1": 0, "5": fifth % 12, "8": 12}[sign]
        note = instrument.note(pitch, min(steps, 6) * step_seconds, held=False)
        _add(out, song.at(step) + _late(rng), level * float(rng.uniform(0.8, 1.0)) * note)


def _drums(out: Float64, song: Song, rng: Random) -> None:
    t = np.arange(RATE // 3) / RATE
    sweep = 45.0 + rng.uniform(50.0, 150.0) * np.exp(-t / 0.03)
    kick = np.sin(2.0 * np.pi * np.cumsum(sweep) / RATE) * np.exp(-t / rng.uniform(0.05, 0.15))
    hiss = rng.standard_normal(t.size)
    snare = 0.6 * hiss * np.exp(-t / rng.uniform(0.04, 0.1))
    snare += np.sin(2.0 * np.pi * rng.uniform(160.0, 240.0) * t) * np.exp(-t / 0.04)
    hat = np.diff(hiss, append=0.0) * np.exp(-t / rng.uniform(0.01, 0.06))
    loud = 2.0 * 10.0 ** (rng.uniform(-10.0, 2.0) / 20.0)
    parts = ((kick, song.style.kick, 1.4), (snare, song.style.snare, 0.7), (hat, song.style.hat, 0.25))
    for sound, pattern, level in parts:
        for step, _, _ in _hits(song, pattern):
            _add(out, song.at(step) + _late(rng), loud * level * float(rng.uniform(0.7, 1.0)) * sound)


def _in_a_room(x: Float64, rng: Random) -> Float64:
    """Add a reverb and tilt the spectrum."""
    seconds = float(rng.uniform(0.1, 0.8))
    tail = rng.standard_normal(round(seconds * RATE)) * np.exp(
        -6.0 * np.linspace(0.0, 1.0, round(seconds * RATE))
    )
    tail *= 10.0 ** (rng.uniform(-30.0, -8.0) / 20.0) / np.sqrt(np.sum(np.square(tail)))
    size = 1 << int(np.ceil(np.log2(x.size + tail.size)))
    tail[0] += 1.0
    hertz = np.fft.rfftfreq(size, 1.0 / RATE)
    tilt = np.maximum(hertz / 500.0, 0.05) ** rng.uniform(-0.3, 0.3)
    return np.asarray(np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(tail, size) * tilt, size)[: x.size])
