"""Compare two pitch tracks: cents, correlation, gross and octave errors, and agreement on what is voiced."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FRAMES_PER_SECOND = 100
GROSS_CENTS = 50.0
"""Beyond a quarter tone a frame counts as wrong, as in the raw pitch accuracy of MIREX."""
OCTAVE_TOLERANCE_CENTS = 100.0
# Below this spread of the wanted pitch a held note has no melody to correlate with.
LEAST_SPREAD_CENTS = 1.0


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
    correlation: float
    """Of log f0 over frames voiced in both, -1..1; a held note has little to correlate, see `spread`."""
    spread: float
    """Standard deviation of the wanted pitch over those frames, cents."""
    gross: float
    """Share of frames voiced in both that differ by more than `GROSS_CENTS`, 0..1."""
    octave: float
    """Share of frames voiced in both that differ by whole octaves, within a semitone, 0..1."""
    voicing_f1: float
    """Harmonic mean of precision and recall of the voiced frames, 0..1."""


def compare_pitch(wanted: PitchTrack, measured: PitchTrack) -> PitchScores:
    """Score a measured track against a wanted one, over the frames that both have."""
    frames = min(wanted.f0.size, measured.f0.size)
    asked, found = wanted.voiced[:frames], measured.voiced[:frames]
    both = asked & found
    total = int(asked.sum() + found.sum())
    f1 = 2.0 * float(both.sum()) / total if total else math.nan
    if not both.any():
        return PitchScores(math.nan, math.nan, math.nan, math.nan, math.nan, f1)
    a = 1200.0 * np.log2(wanted.f0[:frames][both])
    b = 1200.0 * np.log2(measured.f0[:frames][both])
    off = np.abs(b - a)
    octaves = np.rint(off / 1200.0)
    flipped = (octaves > 0) & (np.abs(off - 1200.0 * octaves) <= OCTAVE_TOLERANCE_CENTS)
    return PitchScores(
        cents=float(np.median(off)),
        correlation=_correlation(a, b),
        spread=float(a.std()),
        gross=float(np.mean(off > GROSS_CENTS)),
        octave=float(np.mean(flipped)),
        voicing_f1=f1,
    )


def transposed(track: PitchTrack, semitones: float) -> PitchTrack:
    """Return the track at another pitch."""
    return PitchTrack(track.f0 * 2.0 ** (semitones / 12.0), track.voiced)


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    if min(float(a.std()), float(b.std())) < LEAST_SPREAD_CENTS:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])
