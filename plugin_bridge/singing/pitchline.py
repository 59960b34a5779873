"""The pitch of a sung melody: glides with overshoot, scoops, late vibrato and drift, not steps."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.units import HOPS_PER_SECOND
from models.notes import Note
from plugin_bridge.singing.melody import SungNote, phrases

Float64 = NDArray[np.float64]

# Figures are of pjs001 to pjs080 where no other source is named: 2,800 notes against their MIDI.
_CENTRE_UP, _CENTRE_DOWN = (-0.012, -0.035), (-0.025, -0.06)
"""Seconds from a note's start to the middle of the glide to it, without and with a consonant before it: there
it happens in the consonant."""
_RISE_UP, _RISE_DOWN = (0.085, 0.005), (0.055, 0.002)
"""Seconds from a tenth to nine tenths of a glide, and more a semitone; singers fall faster than they rise."""
_MAX_RISE = 0.12
_DAMPING_UP, _DAMPING_DOWN, _MAX_DAMPING = (0.68, 0.02), (0.58, 0.025), 0.9
"""Of the second-order system that a glide is (Saitou et al. 2005): at 0, more a semitone, at most.
Overshoot is 11 % of a semitone down, 5 % of one up, and 1 % of an octave."""
_SETTLED = 0.6
"""Seconds after which it has arrived."""
_SHARE = 0.6
"""The most that a glide takes of the shorter of its notes."""
_DIP, _DIP_SECONDS = 0.12, 0.03
"""Semitones that a voice first moves the other way, for a step of three and more, and how long."""
_SCOOP, _SCOOP_SECONDS = 0.6, 0.05
"""Semitones below its first note at which a phrase begins, and the time constant of the way up; half as much
and half as much again, by chance."""
_FALL, _FALL_SECONDS = 0.3, 0.05
"""Semitones that a phrase falls at its end, and the time constant."""
_VIBRATO_HZ, _VIBRATO_SPREAD = 5.6, 0.2
_VIBRATO_DEPTH = 0.65
"""Semitones to either side; pjs has 0.8 after half a second and 0.5 after two, others 0.3 to 0.8."""
_VIBRATO_NOTES = (0.3, 0.6)
"""Seconds for which one pitch is held, with hardly any vibrato and with all of it."""
_VIBRATO_ONSET = (0.15, 0.45)
"""Seconds after a note's start between which it grows."""
_VIBRATO_END = 0.12
"""Seconds before the next note in which it is given up."""
_DRIFT, _DRIFT_SECONDS = 0.04, 0.25
"""Semitones, and seconds between its knots."""
_TREMBLE, _TREMBLE_SECONDS = 0.02, 0.03
_BEFORE, _AFTER = 0.25, 0.1
"""Seconds beyond a phrase for which its pitch is told, for consonants and the release."""
_SALT = 0x70697463


def pitch_line(notes: Sequence[SungNote], frames: int, seed: int = 0) -> Float64:
    """Return the pitch in hertz of each frame of 10 ms, 0 in rests, shape (frames,).

    Args:
        notes: of one voice, in order.
        frames: wanted; frame k is at k * 10 ms.
        seed: names the vibrato's irregularities and the drift.
    """
    line = np.zeros(frames)
    count = -(-frames // HOPS_PER_SECOND)
    drift = _wander(seed, 0, count, _DRIFT_SECONDS, frames) * _DRIFT
    drift += _wander(seed, 1, count, _TREMBLE_SECONDS, frames) * _TREMBLE
    end = 0
    for number, phrase in enumerate(phrases(notes)):
        start, stop = phrase[0].note.start - _BEFORE, phrase[-1].note.stop + _AFTER
        first = max(end, int(start * HOPS_PER_SECOND))
        end = min(frames, max(first, round(stop * HOPS_PER_SECOND)))
        at = np.arange(first, end) / HOPS_PER_SECOND
        semitones = _melody(phrase, at, _phrase_chance(seed, number))
        line[first:end] = 440.0 * 2.0 ** ((semitones + drift[first:end] - 69.0) / 12.0)
    return line


def _phrase_chance(seed: int, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, _SALT + 2 + number]))


def _wander(seed: int, stream: int, seconds: int, knot: float, frames: int) -> Float64:
    """Return a smooth random line of mean square 1; longer ones begin with the shorter."""
    chance = np.random.Generator(np.random.Philox(key=[seed, _SALT + stream]))
    knots = chance.standard_normal(int(seconds / knot) + 3)
    place = np.arange(frames) / HOPS_PER_SECOND / knot
    index = place.astype(int)
    weight = 0.5 - 0.5 * np.cos(np.pi * (place - index))
    line = (1.0 - weight) * knots[index] + weight * knots[index + 1]
    return np.asarray(line * np.sqrt(4.0 / 3.0))


def _melody(phrase: Sequence[SungNote], at: Float64, chance: np.random.Generator) -> Float64:
    """Return the pitch of a phrase at some times, MIDI note numbers."""
    notes = [one.note for one in phrase]
    line = np.full(at.size, float(notes[0].pitch))
    for before, following in itertools.pairwise(phrase):
        _glide(line, at, before.note, following)
    held = _held(phrase)
    for i, note in enumerate(held):
        after = held[i + 1].start if i + 1 < len(held) else None
        _vibrate(line, at, note, after, chance)
    _scoop(line, at, notes[0], 0.5 + chance.random())
    _fall(line, at, notes[-1])
    return line


def _held(phrase: Sequence[SungNote]) -> list[Note]:
    """Join notes of one pitch between which no consonant stands: a vibrato goes on through them."""
    found: list[Note] = []
    for note, syllable in phrase:
        if found and found[-1].pitch == note.pitch and not syllable.onset:
            found[-1] = found[-1]._replace(seconds=note.stop - found[-1].start)
        else:
            found.append(note)
    return found


def _glide(line: Float64, at: Float64, before: Note, following: SungNote) -> None:
    note = following.note
    step = note.pitch - before.pitch
    if step == 0:
        return
    shorter = min(before.seconds, note.seconds)
    least, more = _RISE_UP if step > 0 else _RISE_DOWN
    rise = min(least + more * abs(step), _MAX_RISE, _SHARE * shorter)
    floor, slope = _DAMPING_UP if step > 0 else _DAMPING_DOWN
    damping = min(_MAX_DAMPING, floor + slope * abs(step))
    speed = (0.6 + 2.16 * damping) / rise  # from a tenth to nine tenths of its response, in radians
    centre = (_CENTRE_UP if step > 0 else _CENTRE_DOWN)[bool(following.syllable.onset)]
    centre = max(centre, -0.5 * before.seconds)
    begin = note.start + centre - (1.0 + 0.7 * damping) / speed  # half of the step is made then
    place, late = np.searchsorted(at, [begin, begin + _SETTLED])
    past = at[place:late] - begin
    line[place:late] += step * _step_response(past * speed, damping)
    line[late:] += step
    if shorter > 0.15:
        dip = _DIP * min(1.0, abs(step) / 3.0) * np.sign(step)
        near = slice(*np.searchsorted(at, [begin - 3 * _DIP_SECONDS, begin + 3 * _DIP_SECONDS]))
        line[near] -= dip * np.exp(-0.5 * np.square((at[near] - begin) / _DIP_SECONDS))


def _step_response(angle: Float64, damping: float) -> Float64:
    """Return how far an underdamped second-order system has come, `angle` being time by natural frequency."""
    ringing = np.sqrt(1.0 - damping**2)
    wave = np.cos(ringing * angle) + damping / ringing * np.sin(ringing * angle)
    return np.asarray(1.0 - np.exp(-damping * angle) * wave)


def _scoop(line: Float64, at: Float64, note: Note, amount: float) -> None:
    """Let a phrase begin below its first note."""
    seconds = min(_SCOOP_SECONDS, 0.15 * note.seconds)
    depth = _SCOOP * amount * min(1.0, note.seconds / 0.3)
    line -= depth * np.exp(-np.maximum(at - note.start, 0.0) / seconds)


def _fall(line: Float64, at: Float64, note: Note) -> None:
    """Let a phrase sink at its end."""
    depth = _FALL * min(1.0, note.seconds / 0.4)
    line -= depth * np.exp(np.minimum(at - note.stop, 0.0) / _FALL_SECONDS)


def _vibrate(
    line: Float64, at: Float64, note: Note, after: float | None, chance: np.random.Generator
) -> None:
    rate, depth, drift = chance.standard_normal(3)  # drawn for every note: a longer one changes no other
    least, full = _VIBRATO_NOTES
    share = min(1.0, (note.seconds - least) / (full - least))
    if share <= 0.0:
        return
    stop = note.stop if after is None else after
    first, last = np.searchsorted(at, [note.start + _VIBRATO_ONSET[0], stop])
    past = at[first:last] - note.start - _VIBRATO_ONSET[0]
    grown = np.clip(past / (_VIBRATO_ONSET[1] - _VIBRATO_ONSET[0]), 0.0, 1.0)
    if after is not None:
        grown *= np.clip((stop - at[first:last]) / _VIBRATO_END, 0.0, 1.0)
    hertz = _VIBRATO_HZ + _VIBRATO_SPREAD * rate
    cycles = hertz * past + 0.06 * drift * np.sin(2.0 * np.pi * 0.7 * past)
    size = _VIBRATO_DEPTH * share * float(np.clip(1.0 + 0.15 * depth, 0.6, 1.4))
    line[first:last] += size * grown * grown * (3.0 - 2.0 * grown) * np.sin(2.0 * np.pi * cycles)
