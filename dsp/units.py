"""Sample rates, the hop, and conversions between decibels, semitones and hertz."""

from __future__ import annotations

import math

RATES = (16000, 24000, 32000, 44100, 48000, 88200, 96000)
HOPS_PER_SECOND = 100
NEPER_PER_DB = math.log(10.0) / 20.0
"""Natural logarithm of an amplitude ratio of one decibel."""
LN_POWER_PER_DB = math.log(10.0) / 10.0
"""Natural logarithm of a power ratio of one decibel."""
DB_PER_LN_POWER = 10.0 / math.log(10.0)
"""Decibels of a power ratio whose natural logarithm is 1."""
MAX_HOPS = 192
"""The most hops rendered at once; a hop's bits do not depend on how many are. A network spends most of its
time reading its weights, and Python most of its own between calls: with 64 they take an eighth longer."""
CACHED_HOPS = 8
"""The most hops transformed at once: each brings some 50 KB, and they are to fit a cache of 512 KB."""
MIN_F0, MAX_F0 = 50.0, 1600.0
"""The range of pitch that the trackers hear, hertz: below the lowest bass to above the highest soprano."""
MAX_SEED = 2**63 - 1
"""The largest seed of a noise."""


def hop_size(sample_rate: int) -> int:
    """Return the samples in one 10 ms hop.

    Args:
        sample_rate: one of `RATES`, in hertz.

    Raises:
        ValueError: the rate is not native.
    """
    if sample_rate not in RATES:
        known = ", ".join(str(rate) for rate in RATES)
        raise ValueError(
            f"sample rate {sample_rate!r} is not native; use one of {known} Hz or resample first"
        )
    return int(sample_rate) // HOPS_PER_SECOND


def db_to_gain(db: float) -> float:
    """Convert decibels to a linear amplitude ratio."""
    return float(10.0 ** (db / 20.0))


def gain_to_db(gain: float) -> float:
    """Convert a linear amplitude ratio to decibels; zero gives -inf."""
    return 20.0 * math.log10(gain) if gain > 0.0 else -math.inf


def semitones_to_ratio(semitones: float) -> float:
    """Convert an interval in semitones to a frequency ratio."""
    return float(2.0 ** (semitones / 12.0))


def hz_to_semitones(hz: float) -> float:
    """Convert a frequency in hertz (> 0) to a MIDI note number (A4 = 69 = 440 Hz)."""
    return 69.0 + 12.0 * math.log2(hz / 440.0)


def semitones_to_hz(note: float) -> float:
    """Convert a MIDI note number to hertz."""
    return float(440.0 * 2.0 ** ((note - 69.0) / 12.0))
