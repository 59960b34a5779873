"""Songs for training: a tune gets chords by rule, a style, a key and a tempo; `instruments` play it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.guide.chords import Chord, Key
from models.guide.ground import Ground
from models.guide.range import Range
from models.guide.rules import composed
from models.guide.steps import BEATS_PER_BAR, PER_BAR, PER_BEAT, GridNote
from models.guide.styles import styles
from models.notes import Note
from models.training.guide.styles import STYLES, Style
from models.training.guide.tunes import Tune

Random = np.random.Generator

SHIFTS = range(-6, 6)
"""Semitones by which a tune is moved."""
TEMPO_CHANGE = 0.2
"""Share by which a tempo goes up or down at most."""
LEAD_IN_SECONDS = 1.0
"""Of silence before the first bar, at most."""
MADE_BARS, LOOP_BARS = 16, 4
"""Of a song that is made by rule, and of the chords that come again in it."""
BORROWED = 0.04
"""Chance that a chord is drawn and not fitted, as composers surprise."""

_DEGREES = {
    "major": (Chord(0), Chord(2, "m"), Chord(4, "m"), Chord(5), Chord(7), Chord(9, "m")),
    "minor": (Chord(0, "m"), Chord(3), Chord(5, "m"), Chord(7), Chord(8), Chord(10)),
}
_WITH_SEVENTH = {"": "maj7", "m": "m7"}
# From row to column; what pop songs do: cadences by way of IV and V, steps down from I by VII in minor.
_MOVES = {
    "major": (
        (3, 2, 1, 5, 4, 5),
        (1, 1, 1, 2, 7, 1),
        (1, 2, 1, 5, 1, 5),
        (5, 2, 1, 2, 6, 2),
        (7, 1, 1, 3, 1, 5),
        (2, 3, 2, 6, 3, 1),
    ),
    "minor": (
        (3, 3, 4, 2, 5, 5),
        (2, 1, 2, 2, 4, 5),
        (4, 1, 1, 5, 2, 2),
        (7, 1, 1, 1, 3, 1),
        (2, 3, 2, 2, 1, 6),
        (5, 4, 1, 1, 3, 1),
    ),
}


@dataclass(frozen=True)
class Song:
    """A melody with its accompaniment, written down."""

    name: str
    bpm: float
    start: float
    """Seconds at which the first bar begins."""
    key: Key
    style: Style
    chords: tuple[Chord, ...]
    """Of each beat."""
    notes: tuple[GridNote, ...]

    @property
    def bars(self) -> int:
        """How many there are."""
        return len(self.chords) // BEATS_PER_BAR

    @property
    def seconds(self) -> float:
        """From the start of the recording to the end of the last bar."""
        return self.at(self.bars * PER_BAR)

    def at(self, step: float) -> float:
        """Return the second of a step of the grid."""
        return self.start + step * 60.0 / (self.bpm * PER_BEAT)

    def sung(self) -> list[Note]:
        """Return the melody in seconds, without lyrics."""
        return [
            Note(self.at(step), self.at(step + length) - self.at(step), pitch)
            for step, length, pitch in self.notes
        ]


def arranged(tune: Tune, rng: Random, *, moved: bool = True) -> Song:
    """Give a tune chords, a style, and another key and tempo.

    Args:
        tune: the melody.
        rng: what is drawn from.
        moved: whether it gets another key, tempo and start; where not, it stays as long as a recording of
            the tune that begins with the first bar.
    """
    shift = int(rng.choice(SHIFTS)) if moved else 0
    bpm = tune.bpm * (float(rng.uniform(1.0 - TEMPO_CHANGE, 1.0 + TEMPO_CHANGE)) if moved else 1.0)
    start = float(rng.uniform(0.0, LEAD_IN_SECONDS)) if moved else 0.0
    style = STYLES[int(rng.integers(len(STYLES)))]
    key = _mode_of(tune)
    chords = harmony(tune.notes, key, tune.bars, style, rng)
    return Song(
        tune.name,
        bpm,
        start,
        key.moved(shift),
        style,
        tuple(chord.moved(shift) for chord in chords),
        tuple(note._replace(pitch=note.pitch + shift) for note in tune.notes),
    )


def made(rng: Random) -> Song:
    """Return a song all of which is made by rule: four chords that come again, and a melody upon them."""
    style = STYLES[int(rng.integers(len(STYLES)))]
    key = Key(int(rng.integers(12)), str(rng.choice(list(_DEGREES))))
    chords = _loop(key, style, rng) * (MADE_BARS // LOOP_BARS)
    hits = np.array([sign != "." for sign in style.comp]) + np.array([sign != "." for sign in style.kick])
    bpm = float(rng.uniform(75.0, 150.0))
    ground = Ground(chords, key, np.ones(MADE_BARS), np.tile(hits.astype(float), MADE_BARS), bpm)
    low = int(rng.integers(45, 60))
    voice = Range(low, low + int(rng.integers(12, 20)))
    sung = list(styles().values())[int(rng.integers(len(styles())))]
    notes = composed(ground, voice, sung, float(rng.uniform(0.1, 0.8)), rng)
    start = float(rng.uniform(0.0, LEAD_IN_SECONDS))
    return Song("made", bpm, start, key, style, chords, tuple(notes))


def _loop(key: Key, style: Style, rng: Random) -> tuple[Chord, ...]:
    chords = [chord.moved(key.tonic) for chord in _DEGREES[key.mode]]
    place, found = 0, list[Chord]()
    for _ in range(LOOP_BARS * BEATS_PER_BAR // style.beats_per_chord):
        found += [_coloured(chords[place], key, style, rng)] * style.beats_per_chord
        weights = np.array(_MOVES[key.mode][place], float)
        place = int(rng.choice(len(chords), p=weights / weights.sum()))
    return tuple(found)


def _coloured(chord: Chord, key: Key, style: Style, rng: Random) -> Chord:
    """Add a seventh or suspend the third, at times."""
    if rng.random() < style.sevenths:
        seventh = "7" if chord == Chord((key.tonic + 7) % 12) else _WITH_SEVENTH[chord.quality]
        return Chord(chord.root, seventh)
    if chord.quality == "" and rng.random() < style.suspended:
        return Chord(chord.root, "sus4")
    return chord


def harmony(notes: tuple[GridNote, ...], key: Key, bars: int, style: Style, rng: Random) -> tuple[Chord, ...]:
    """Return a chord for each beat: a likely progression that fits the melody, with some chance in it."""
    unit = style.beats_per_chord
    units = bars * BEATS_PER_BAR // unit
    chords = [chord.moved(key.tonic) for chord in _DEGREES[key.mode]]
    fit = np.array([[_fit(notes, chord, u * unit, unit) for chord in chords] for u in range(units)])
    fit += rng.gumbel(0.0, style.surprise, fit.shape)
    fit[0, 0] += 1.0
    fit[-1, 0] += 2.0
    moves = np.log(np.array(_MOVES[key.mode], float) / np.sum(_MOVES[key.mode], axis=1, keepdims=True))
    path = best_path(fit, moves)
    found: list[Chord] = []
    for place in path:
        if rng.random() < BORROWED:
            place = int(rng.integers(len(chords)))  # noqa: PLW2901 - a surprise in place of what fits
        found += [_coloured(chords[place], key, style, rng)] * unit
    return tuple(found)


def best_path(fit: np.ndarray, moves: np.ndarray) -> list[int]:
    """Return the states of the highest sum of scores, by Viterbi.

    Args:
        fit: score of each state at each time, shape (times, states).
        moves: score of going from state (row) to state (column), shape (states, states).
    """
    score, back = fit[0], np.zeros(fit.shape, np.int64)
    for time in range(1, len(fit)):
        reached = score[:, None] + moves
        back[time] = reached.argmax(axis=0)
        score = reached.max(axis=0) + fit[time]
    path = [int(score.argmax())]
    for time in range(len(fit) - 1, 0, -1):
        path.append(int(back[time, path[-1]]))
    return path[::-1]


def _mode_of(tune: Tune) -> Key:
    """Return the key, or its relative minor where the melody leans on that."""
    weight = np.zeros(12)
    for note in tune.notes:
        weight[note.pitch % 12] += note.length
    weight[tune.notes[-1].pitch % 12] += 0.15 * weight.sum()
    tonic = tune.key.tonic
    sums = [sum(weight[pc] * share for pc, share in zip(chord.tones, (2.0, 1.0, 1.0), strict=True))
            for chord in (Chord(tonic), Chord((tonic + 9) % 12, "m"))]  # fmt: skip
    return tune.key if sums[0] >= sums[1] else Key((tonic + 9) % 12, "minor")


def _fit(notes: tuple[GridNote, ...], chord: Chord, beat: int, beats: int) -> float:
    """Return how well a chord goes with what is sung during some beats."""
    first, last = beat * PER_BEAT, (beat + beats) * PER_BEAT
    total = 0.0
    for note in notes:
        held = min(note.stop, last) - max(note.step, first)
        if held <= 0:
            continue
        weight = held * (1.5 if note.step % PER_BEAT == 0 else 1.0) / PER_BEAT
        above = {(tone + 1) % 12 for tone in chord.tones}
        pitch = note.pitch % 12
        total += weight * (1.0 if pitch in chord.tones else -1.2 if pitch in above else -0.4)
    return 1.5 * total
