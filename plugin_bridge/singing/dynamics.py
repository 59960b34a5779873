"""How loud a sung melody is: velocity, pitch, and where in a phrase."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.units import HOPS_PER_SECOND
from models.notes import HELD, Note
from plugin_bridge.singing.melody import SungNote, phrases

Float64 = NDArray[np.float64]

USUAL_VELOCITY = 80
SILENT_DB = -60.0
"""In rests."""
_VELOCITY_DB = 40.0
"""For ten times the velocity, as General MIDI has it: 8 dB above the usual at 127, 12 below at 40."""
_LOWEST_VELOCITY_DB = -24.0
# Figures are of pjs001 to pjs080 where no other reason is named.
_PITCH_DB = 0.66
"""For each semitone above the middle of the melody, ..."""
_MAX_PITCH_DB = 8.0
"""... at most so much either way."""
_LOUDEST_DB = 9.0
"""Of velocity and pitch together: a voice shouts no louder, and the stem does not clip."""
_ARC_DB = 1.0
"""By which the middle of a phrase is louder than its ends: by ear, pjs has less."""
_AGAIN_DB, _AGAIN_SECONDS = -3.0, 0.03
"""Where a vowel begins after another without a consonant, and how wide that dip is."""
_RELEASE = ((-0.35, 0.0), (-0.2, -2.0), (-0.1, -3.5), (0.0, -4.5))
"""Seconds from the end of a phrase, and the level there in dB. The last 50 ms, as the attack, are in the
pronunciation."""
_RELEASE_SHARE = 0.6
"""The most of the last note that its release takes."""
_BEFORE, _AFTER = 0.8, 0.05
"""Seconds beyond a phrase in which it has a level, for a breath and consonants, and the last release."""
_NOTE_DB = 1.0
"""By which notes differ by chance (standard deviation); 3 in pjs, where words are in it."""
_SWAY_DB, _SWAY_SECONDS = 0.5, 0.4
"""The same within notes, and the seconds between its knots."""
_SALT = 0x6C6F7564


def loudness_line(notes: Sequence[SungNote], frames: int, seed: int = 0) -> Float64:
    """Return the level of each frame of 10 ms in dB, 0 for an ordinary note, shape (frames,).

    Args:
        notes: of one voice, in order.
        frames: wanted; frame k is at k * 10 ms.
        seed: names what is irregular.
    """
    line = np.full(frames, SILENT_DB)
    if not notes:
        return line
    middle = float(np.median([one.note.pitch for one in notes]))
    sway = _drawn(seed, 0, int(frames / HOPS_PER_SECOND / _SWAY_SECONDS) + 3) * _SWAY_DB
    strays = iter((_drawn(seed, 1, len(notes)) * _NOTE_DB).tolist())
    end = 0
    for phrase in phrases(notes):
        start, stop = phrase[0].note.start - _BEFORE, phrase[-1].note.stop + _AFTER
        first = max(end, int(start * HOPS_PER_SECOND))
        end = min(frames, max(first, round(stop * HOPS_PER_SECOND)))
        at = np.arange(first, end) / HOPS_PER_SECOND
        levels = [_level(one.note, middle) + next(strays) for one in phrase]
        line[first:end] = _phrase(phrase, at, np.array(levels))
        line[first:end] += np.interp(at, np.arange(sway.size) * _SWAY_SECONDS, sway)
    return line


def _drawn(seed: int, stream: int, count: int) -> Float64:
    return np.random.Generator(np.random.Philox(key=[seed, _SALT + stream])).standard_normal(count)


def _phrase(phrase: Sequence[SungNote], at: Float64, levels: Float64) -> Float64:
    starts = np.array([one.note.start for one in phrase])
    # Straight from note to note, within the 60 ms in which the next one begins.
    edges = np.stack([starts[1:] - 0.06, starts[1:]], axis=1).ravel()
    values = np.stack([levels[:-1], levels[1:]], axis=1).ravel()
    edges = np.maximum.accumulate(np.concatenate([starts[:1], edges]))
    line = np.interp(at, edges, np.concatenate([levels[:1], values]))
    begin, stop = phrase[0].note.start, phrase[-1].note.stop
    place = np.clip((at - begin) / (stop - begin), 0.0, 1.0)
    line += _ARC_DB * (np.sin(np.pi * place) - 0.5) * min(1.0, (stop - begin) / 2.0)
    for one in phrase[1:]:
        if not one.syllable.onset and one.syllable.nucleus != HELD:
            near = slice(*np.searchsorted(at, [one.note.start - 0.1, one.note.start + 0.1]))
            line[near] += _AGAIN_DB * np.exp(-0.5 * np.square((at[near] - one.note.start) / _AGAIN_SECONDS))
    return np.asarray(line + _release(at, phrase[-1].note))


def _level(note: Note, middle: float) -> float:
    by_velocity = max(_LOWEST_VELOCITY_DB, _VELOCITY_DB * float(np.log10(note.velocity / USUAL_VELOCITY)))
    by_pitch = float(np.clip(_PITCH_DB * (note.pitch - middle), -_MAX_PITCH_DB, _MAX_PITCH_DB))
    return min(_LOUDEST_DB, by_velocity + by_pitch)


def _release(at: Float64, note: Note) -> Float64:
    times, levels = np.array(_RELEASE).T
    shorter = min(1.0, _RELEASE_SHARE * note.seconds / -times[0])
    return np.asarray(np.interp(at - note.stop, times * shorter, levels))
