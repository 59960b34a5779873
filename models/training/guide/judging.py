"""Judge some bars of a melody by the backing under them, and by how real melodies move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.guide.ground import Ground
from models.guide.listening import Heard
from models.guide.steps import PER_BAR, PER_BEAT, GridNote
from models.notes import Note

Float64 = NDArray[np.float64]

BARS = 8
"""Of a window."""
MIN_NOTES = 4
"""In a window that is judged."""
NEAR_SECONDS = 0.05
"""Between a note and an onset of the backing that it meets."""
STRONG = 0.5
"""Of an onset of the backing that counts."""
CONSONANT = {0: 1.0, 7: 1.0, 3: 0.8, 4: 0.8, 8: 0.8, 9: 0.8, 5: 0.5}
"""How consonant a tone is with the bass, by the semitones above it."""
PHRASE_REST = PER_BEAT
"""Steps of a rest that ends a phrase."""
MAX_INTERVAL, MAX_LENGTH = 12, 16
"""Semitones and steps; what is larger counts as these."""
MEASURES = (
    "chord tones",
    "in key",
    "bass",
    "onsets",
    "repeats",
    "octaves",
    "voiced",
    "range",
    "phrase",
    "notes/bar",
)
"""Of a window: shares of chord tones on beats and of tones in the key, consonance with the bass, onset
agreement (F1), shares of repeated notes and of jumps of an octave or more, share of the time that is sung,
semitones from the lowest to the highest note, mean length of the phrases in bars, and notes a bar."""


class Window(NamedTuple):
    """Some bars of a melody, with what they are judged by."""

    notes: list[GridNote]
    """Their steps count from the start of the song."""
    times: Float64
    """Seconds of each note's start."""
    heard: Heard
    ground: Ground
    bar: int


class Scores(NamedTuple):
    """Of one window."""

    values: dict[str, float]
    intervals: Float64
    """Counts."""
    durations: Float64


def on_grid(notes: Sequence[Note], heard: Heard) -> list[GridNote]:
    """Return notes on the grid of a song: starts and ends at the nearest steps."""
    number = np.arange(heard.times.size)
    found = []
    for note in notes:
        start, stop = (round(float(np.interp(at, heard.times, number))) for at in (note.start, note.stop))
        found.append(GridNote(start, max(1, stop - start), note.pitch))
    return found


def windows(line: Sequence[GridNote], heard: Heard, ground: Ground) -> Iterator[Window]:
    """Yield the bars in which there are notes."""
    for bar in range(0, ground.bars, BARS):
        first, stop = bar * PER_BAR, (bar + BARS) * PER_BAR
        notes = [note for note in line if first <= note.step < stop]
        if len(notes) >= MIN_NOTES:
            times = heard.times[[note.step for note in notes]]
            yield Window(notes, times, heard, ground, bar)


def score(window: Window) -> Scores:
    """Return the scores of a window."""
    notes, ground, heard = window.notes, window.ground, window.heard
    on_beat = [note for note in notes if note.step % PER_BEAT == 0] or notes
    chords = [note.pitch % 12 in ground.chord_at(note.step).tones for note in on_beat]
    in_key = [note.pitch % 12 in ground.key.scale for note in notes]
    bass = [
        CONSONANT.get((note.pitch - int(heard.bass[note.step : note.stop].sum(axis=0).argmax())) % 12, 0.0)
        for note in notes
    ]
    steps = [b.pitch - a.pitch for a, b in _neighbours(notes)]
    intervals, durations = histograms([notes])
    pitches = [note.pitch for note in notes]
    sung = sum(min(note.length, 4 * PER_BAR) for note in notes)
    values = {
        "chord tones": float(np.mean(chords)),
        "in key": float(np.mean(in_key)),
        "bass": float(np.mean(bass)),
        "onsets": _agreement(window),
        "repeats": float(np.mean([step == 0 for step in steps])) if steps else 0.0,
        "octaves": float(np.mean([abs(step) >= 12 for step in steps])) if steps else 0.0,
        "voiced": min(1.0, sung / (BARS * PER_BAR)),
        "range": float(max(pitches) - min(pitches)),
        "phrase": float(np.mean(_phrases(notes))),
        "notes/bar": len(notes) / BARS,
    }
    return Scores(values, intervals, durations)


def _neighbours(notes: Sequence[GridNote]) -> Iterator[tuple[GridNote, GridNote]]:
    """Yield notes with the next one of the same phrase."""
    for a, b in pairwise(notes):
        if b.step - a.stop < PHRASE_REST:
            yield a, b


def _phrases(notes: Sequence[GridNote]) -> list[float]:
    """Return the lengths of the phrases, bars."""
    found, start = [], notes[0].step
    for a, b in pairwise(notes):
        if b.step - a.stop >= PHRASE_REST:
            found.append((a.stop - start) / PER_BAR)
            start = b.step
    return [*found, (notes[-1].stop - start) / PER_BAR]


def _agreement(window: Window) -> float:
    """Return the F1 of the notes' starts and the strong onsets of the backing on eighths, within 50 ms."""
    first, stop = window.bar * PER_BAR, min((window.bar + BARS) * PER_BAR, window.heard.steps)
    strong = np.flatnonzero(window.heard.onset[first:stop] >= STRONG) + first
    onsets = window.heard.times[strong]
    if not onsets.size:
        return 0.0
    hits = np.abs(window.times[:, None] - onsets).min(axis=1) <= NEAR_SECONDS
    met = np.abs(window.times[:, None] - onsets).min(axis=0) <= NEAR_SECONDS
    precision, recall = float(hits.mean()), float(met.mean())
    return 2.0 * precision * recall / max(precision + recall, 1e-9)


def histograms(lines: Sequence[Sequence[GridNote]]) -> tuple[Float64, Float64]:
    """Return the counts of intervals in semitones, and of lengths in steps."""
    intervals, durations = np.zeros(2 * MAX_INTERVAL + 1), np.zeros(MAX_LENGTH)
    for line in lines:
        for a, b in _neighbours(line):
            intervals[int(np.clip(b.pitch - a.pitch, -MAX_INTERVAL, MAX_INTERVAL)) + MAX_INTERVAL] += 1
        for note in line:
            durations[min(note.length, MAX_LENGTH) - 1] += 1
    return intervals, durations


def divergence(one: Float64, other: Float64) -> float:
    """Return the Jensen-Shannon divergence of two histograms, bits, 0 to 1."""
    p, q = one / max(one.sum(), 1e-9), other / max(other.sum(), 1e-9)
    middle = 0.5 * (p + q)

    def of(x: Float64) -> float:
        there = x > 0.0
        return float(np.sum(x[there] * np.log2(x[there] / middle[there])))

    return 0.5 * of(p) + 0.5 * of(q)
