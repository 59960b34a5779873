"""The phones that can be sung, and phones in time: what a pronunciation reads."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from dsp.units import HOPS_PER_SECOND

VOWELS = ("a", "i", "u", "e", "o")
PAUSE, BREATH, CLOSURE = "pau", "br", "cl"
PLOSIVES = ("k", "g", "t", "d", "p", "b", "ts", "ch")
"""Consonants that close the mouth and open it at once, with a burst."""
_PALATAL = ("k", "g", "t", "d", "n", "h", "b", "p", "m", "r")
BASES = (
    *(PAUSE, BREATH, CLOSURE, *VOWELS, "N", *PLOSIVES),
    *("s", "sh", "z", "j", "n", "h", "f", "m", "r", "y", "w"),
)
"""The sounds; a palatal consonant is one of them before a y."""
PHONES = (*BASES, *(f"{base}y" for base in _PALATAL))
"""All that can be sung, spelt as Japanese label files spell them.

Pauses: `pau` (silence), `br` (a breath that is taken in), `cl` (the closure before a double consonant).
Vowels: a i u e o, and N, the nasal that is a syllable of its own. Consonants: k g t d p b, ts ch, s sh z j,
n m, h f, r, y w; palatal ones: ky gy ty dy ny hy by py my ry. r is a tap and the nearest there is to l; f is
made with both lips, and b is the nearest to v.
"""

MIN_SECONDS = 1e-4
"""Of a phone."""
_EXACT = 1e-4  # of a frame
RELEASED = 0.7
"""The most of a plosive that its burst and what follows may take."""


class SungPhone(NamedTuple):
    """One phone; between two of them there is a pause."""

    name: str
    """One of `PHONES`."""
    start: float
    """Seconds from the start of the song, >= 0."""
    stop: float
    """Seconds; after `start`, and not after the start of the next phone."""


class Sound(NamedTuple):
    """A phone, or the part of a plosive before or after its burst."""

    base: str
    """One of `BASES`."""
    palatal: bool
    released: bool
    """It begins with a burst."""
    start: float
    stop: float


def spelt(name: str) -> tuple[str, bool]:
    """Return the base of one of `PHONES`, and whether it is palatal."""
    return (name, False) if name in BASES else (name[:-1], True)


def check(phones: Sequence[SungPhone]) -> None:
    """Refuse phones that cannot be sung.

    Raises:
        ValueError: one is unknown, has no length, or begins before the one before has ended.
    """
    end = 0.0
    for name, start, stop in phones:
        if name not in PHONES:
            raise ValueError(f"phone {str(name)[:20]!r} is unknown; use one of {', '.join(PHONES)}")
        if not (math.isfinite(start) and math.isfinite(stop) and stop - start >= MIN_SECONDS):
            raise ValueError(
                f"phone {name!r} lasts from {start!r} to {stop!r} s; give it a start and a later stop"
            )
        if start < end - MIN_SECONDS:
            raise ValueError(f"phone {name!r} starts at {start:g} s, before {end:g} s; give phones in order")
        end = stop


def sounds(phones: Iterable[SungPhone], releases: dict[str, float], seconds: float) -> list[Sound]:
    """Split plosives at their bursts and fill the gaps, so that something is there from 0 s to the end.

    Args:
        phones: that `check` lets pass.
        releases: seconds from the burst of a plosive to its end, by base.
        seconds: of the song; phones may go on after it.
    """
    found: list[Sound] = []
    end = 0.0
    for name, start, stop in phones:
        if start > end + MIN_SECONDS:
            found.append(Sound(PAUSE, False, False, end, start))
        first = end if start <= end + MIN_SECONDS else start
        base, palatal = spelt(name)
        burst = stop - min(releases.get(base, 0.0), RELEASED * (stop - first))
        parts = (first, burst, stop) if base in PLOSIVES and burst < stop else (first, stop)
        for begin, close in pairwise(parts):
            found.append(Sound(base, palatal, len(parts) > 2 and close == stop, begin, close))
        end = stop
    if end < seconds or not found:
        found.append(Sound(PAUSE, False, False, end, max(seconds, end + MIN_SECONDS)))
    return found


def first_frame(time: float) -> int:
    """Return the first frame that is not before a time in seconds, give or take a microsecond."""
    return math.ceil(time * HOPS_PER_SECOND - _EXACT)


def bursts(every: Iterable[Sound]) -> list[float]:
    """Return when plosives burst, seconds, in order."""
    return [sound.start for sound in every if sound.released]
