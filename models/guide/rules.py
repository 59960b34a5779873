"""Write a melody by rule: the pitches of planned phrases drawn by chords, key, intervals and motifs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.guide.chords import Chord, Key
from models.guide.ground import Ground
from models.guide.phrases import Slot, planned
from models.guide.range import Range, comfortable
from models.guide.steps import PER_BEAT, GridNote
from models.guide.styles import Style
from models.guide.tables import INTERVALS, KINDS, MAX_INTERVAL, MAX_STEP, kind_of, shipped

Float64 = NDArray[np.float64]
Random = np.random.Generator

# Losses, in natural logarithms of a chance where there is one.
FOREIGN = 1.3
"""Of a tone of the key that is not in the chord, for a quarter on the beat."""
AVOIDED = 2.6
"""Of one a semitone above a tone of the chord."""
OUTSIDE = 9.0
"""Of one that belongs neither to the key nor to the chord."""
BORROWED = 0.4
"""Of a tone of the chord that is not in the key."""
SEVENTH = 0.4
"""Of the seventh of a chord, on which a melody does not rest."""
HEIGHT_SEMITONES = 2.5
"""Standard deviation around the height that is planned."""
LARGE_LEAP = 0.35
"""For each semitone of an interval above a fifth."""
MOTIF = 2.5
"""Of another pitch than the last statement of the phrase had at this place."""
OPEN_END, CLOSED_END = 0.8, 1.8
"""Of a phrase within a section that ends on the tonic, and of a section that does not."""
END = 2.0
"""Factor of the losses by chord on the last note of a phrase."""
START = 0.1
"""For each semitone between the end of a phrase and the start of the next."""
TEMPERATURE = 1.0
"""1 draws lines as likely as the tables tell, less those that are likelier."""
_SIZES = np.array(INTERVALS)
_IS_KIND = np.array([[kind_of(step) == kind for step in INTERVALS] for kind in KINDS])


def composed(ground: Ground, voice: Range, style: Style, density: float, rng: Random) -> list[GridNote]:
    """Return a melody.

    Args:
        ground: the backing track.
        voice: what can be sung.
        style: how.
        density: 0 for few notes, 1 for many.
        rng: what is drawn from.
    """
    phrases = planned(ground, style, density, rng)
    writer = _Writer(ground, comfortable(voice), style, rng)
    return [note for phrase in phrases for note in writer.write(phrase)]


class _Writer:
    """Finds the pitches of one phrase after the other, and remembers what was sung."""

    def __init__(self, ground: Ground, voice: Range, style: Style, rng: Random) -> None:
        self._ground, self._rng = ground, rng
        self._pitches = np.arange(voice.low, voice.high + 1)
        self._middle = 0.5 * (voice.low + voice.high)
        self._room = 0.5 * (voice.high - voice.low)
        self._sung: dict[tuple[str, int], int] = {}
        self._before: int | None = None
        self._moves = -shipped().intervals.copy()
        self._moves -= self._moves.min(axis=1, keepdims=True)
        self._moves += LARGE_LEAP * np.maximum(0, np.abs(_SIZES) - 7)
        self._moves[:, MAX_INTERVAL] -= style.repeats
        self._moves[:, np.abs(_SIZES) > MAX_STEP] -= style.leaps

    def write(self, phrase: list[Slot]) -> list[GridNote]:
        """Return the phrase with pitches."""
        losses = np.stack([self._loss(slot) for slot in phrase])
        path = self._path(losses)
        notes = [
            GridNote(slot.step, slot.length, int(self._pitches[place]))
            for slot, place in zip(phrase, path, strict=True)
        ]
        self._sung |= {slot.motif: note.pitch for slot, note in zip(phrase, notes, strict=True)}
        self._before = notes[-1].pitch
        return notes

    def _loss(self, slot: Slot) -> Float64:
        """Return the loss of each pitch, whatever is sung before."""
        weight = (0.5 + min(slot.length, 8) / 4.0) * (1.0 if slot.step % PER_BEAT == 0 else 0.55)
        weight *= END if slot.ends else 1.0
        loss = weight * self._by_chord(slot)
        wanted = self._middle + float(np.clip(slot.height, -self._room + 1.0, self._room - 1.0))
        loss += 0.5 * np.square((self._pitches - wanted) / HEIGHT_SEMITONES)
        if slot.ends:
            home = self._pitches % 12 == self._ground.key.tonic
            loss += (
                np.where(home, OPEN_END, 0.0) if slot.ends == "phrase" else np.where(home, 0.0, CLOSED_END)
            )
        before = self._sung.get(slot.motif)
        if before is not None:
            loss += np.where(self._pitches == before, 0.0, MOTIF)
        return loss

    def _by_chord(self, slot: Slot) -> Float64:
        """Return the mean of the losses by the chords during a note, the first of them counting twice."""
        steps = [slot.step, *range(slot.step, slot.step + slot.length, PER_BEAT)]
        rows = [_by_class(self._ground.chord_at(step), self._ground.key) for step in steps]
        return np.asarray(np.mean(rows, axis=0)[self._pitches % 12])

    def _path(self, losses: Float64) -> list[int]:
        """Draw the places of the pitches, each line as likely as its losses tell.

        The likeliest line would repeat notes for ever; one that is drawn has the intervals of the tables.
        States are the pitch and the kind of interval that led to it: forward the sums of the chances of all
        lines that end in a state, backward the draw.
        """
        count = self._pitches.size
        first = losses[0].copy()
        if self._before is not None:  # a phrase may begin anywhere near the end of the last one
            first += START * np.abs(self._pitches - self._before)
        chance = np.zeros((len(KINDS), count))
        chance[KINDS.index("repeat")] = _chances(first)
        step = self._pitches[None, :] - self._pitches[:, None]  # from row to column
        column = np.clip(step + MAX_INTERVAL, 0, len(INTERVALS) - 1)
        inside = np.abs(step) <= MAX_INTERVAL
        moves = np.where(inside, np.exp(-self._moves[:, column] / TEMPERATURE), 0.0)
        kinds = [
            np.flatnonzero((_IS_KIND[number][column] & inside).reshape(-1)) for number in range(len(KINDS))
        ]
        forward = [chance]
        for loss in losses[1:]:
            reached = np.einsum("kq,kqp->qp", forward[-1], moves).reshape(-1)
            after = np.zeros_like(chance)
            for number, places in enumerate(kinds):
                np.add.at(after[number], places % count, reached[places])
            after *= _chances(loss)
            forward.append(after / after.sum())
        state = self._drawn(forward[-1])
        path = [state % count]
        for before in reversed(forward[:-1]):
            kind, pitch = divmod(state, count)
            led = before * moves[:, :, pitch] * _IS_KIND[kind][column[:, pitch]]
            state = self._drawn(led)
            path.append(state % count)
        return path[::-1]

    def _drawn(self, chance: Float64) -> int:
        sums = np.cumsum(chance.reshape(-1))
        return int(np.searchsorted(sums, self._rng.random() * sums[-1], side="right"))


def _chances(loss: Float64) -> Float64:
    return np.asarray(np.exp(-(loss - loss.min()) / TEMPERATURE))


def _by_class(chord: Chord, key: Key) -> Float64:
    """Return the loss of each pitch class while a chord sounds."""
    loss = np.full(12, OUTSIDE)
    for tone in key.scale:
        loss[tone] = FOREIGN
    for tone in chord.tones[:3]:
        above = (tone + 1) % 12
        loss[above] = max(loss[above], AVOIDED)
    for place, tone in enumerate(chord.tones):
        loss[tone] = (SEVENTH if place == 3 else 0.0) + (0.0 if tone in key.scale else BORROWED)
    return loss
