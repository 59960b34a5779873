"""Compare two pitch tracks: cents, F0RMSE, F0CORR, gross and octave errors, agreement on voicing."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FRAMES_PER_SECOND = 100
GROSS_CENTS = 50.0
"""Beyond a quarter tone a frame counts as wrong, as in the raw pitch accuracy of MIREX."""
OCTAVE_TOLERANCE_CENTS = 100.0
LN_PER_CENT = math.log(2.0) / 1200.0
# Below this spread of the wanted pitch a held note has no melody to correlate with.
MIN_SPREAD_CENTS = 1.0


class PitchTrack(NamedTuple):
    """The pitch of one voice; frame k is centred at k * 10 ms."""

    f0: NDArray[np.float64]
    """Hertz, shape (frames,), positive and finite in unvoiced frames as well."""
    voiced: NDArray[np.bool_]
    """Shape (frames,)."""


@dataclass(frozen=True)
class PitchScores:
    """How one track agrees with another; what cannot be told is not a number."""

    cents: float
    """Median absolute difference over frames voiced in both."""
    rmse: float
    """F0RMSE: root mean square difference of ln f0 over frames voiced in both; an octave is 0.69."""
    correlation: float
    """F0CORR: of log f0 over those frames, -1..1; a held note has little to correlate, see `spread`."""
    spread: float
    """Standard deviation of the wanted pitch over those frames, cents."""
    gross: float
    """Share of frames voiced in both that differ by more than `GROSS_CENTS`, 0..1."""
    octave: float
    """Share of frames voiced in both that differ by whole octaves, within a semitone, 0..1."""
    voicing_f1: float
    """Harmonic mean of precision and recall of the voiced frames, 0..1."""
    accuracy: float
    """Share of all frames that are right: unvoiced in both, or voiced in both and not gross, 0..1.

    The overall accuracy of MIREX: who calls the difficult frames unvoiced gains in all the others but F1.
    """


def compare_pitch(
    wanted: PitchTrack, measured: PitchTrack, scored: NDArray[np.bool_] | None = None
) -> PitchScores:
    """Score a measured track against a wanted one, over the frames that both have.

    Args:
        wanted: what is right.
        measured: what is to be scored.
        scored: the frames of `wanted` that count, shape (frames,); None for all.
    """
    frames = min(wanted.f0.size, measured.f0.size)
    counted = np.ones(frames, bool) if scored is None else scored[:frames]
    asked, found = wanted.voiced[:frames] & counted, measured.voiced[:frames] & counted
    both = asked & found
    total = int(asked.sum() + found.sum())
    f1 = 2.0 * float(both.sum()) / total if total else math.nan
    right = int(counted.sum() - asked.sum() - found.sum() + both.sum())
    if not both.any():
        accuracy = right / int(counted.sum()) if counted.any() else math.nan
        return PitchScores(*6 * (math.nan,), f1, accuracy)
    a = 1200.0 * np.log2(wanted.f0[:frames][both])
    b = 1200.0 * np.log2(measured.f0[:frames][both])
    off = np.abs(b - a)
    octaves = np.rint(off / 1200.0)
    flipped = (octaves > 0) & (np.abs(off - 1200.0 * octaves) <= OCTAVE_TOLERANCE_CENTS)
    right += int(np.sum(off <= GROSS_CENTS))
    return PitchScores(
        cents=float(np.median(off)),
        rmse=float(np.sqrt(np.mean(np.square(off)))) * LN_PER_CENT,
        correlation=_correlation(a, b),
        spread=float(a.std()),
        gross=float(np.mean(off > GROSS_CENTS)),
        octave=float(np.mean(flipped)),
        voicing_f1=f1,
        accuracy=right / int(counted.sum()),
    )


def transposed(track: PitchTrack, semitones: float) -> PitchTrack:
    """Return the track at another pitch."""
    return PitchTrack(track.f0 * 2.0 ** (semitones / 12.0), track.voiced)


def joined(tracks: Iterable[PitchTrack]) -> PitchTrack:
    """Return tracks, one or more, behind each other."""
    return PitchTrack(*(np.concatenate(parts) for parts in zip(*tracks, strict=True)))


def busiest(voiced: NDArray[np.bool_], seconds: float) -> slice:
    """Return the stretch of so many seconds with the most voiced frames, in frames; all where that is 0."""
    frames = round(seconds * FRAMES_PER_SECOND)
    if not 0 < frames < voiced.size:
        return slice(0, voiced.size)
    counts = np.concatenate([[0], np.cumsum(voiced)])
    first = int(np.argmax(counts[frames:] - counts[:-frames]))
    return slice(first, first + frames)


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    if min(float(a.std()), float(b.std())) < MIN_SPREAD_CENTS:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])
