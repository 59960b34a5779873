"""What the melody network sees: pitch candidates, the bins their harmonics fall between, and levels."""

from __future__ import annotations

import numpy as np

BIN_HZ = 10.0
"""Spacing of the spectra: a tenth of a second is transformed, a whole number of samples at every rate."""
BINS = 401
"""Bins from 0 to 4 kHz."""
WINDOWS = 2
"""The long window and the short one."""
CANDIDATES = 128
MIN_HZ = 55.0
PER_OCTAVE = 25
"""Candidates per octave, 48 cents apart."""
NEAR = 2
"""The pitch is averaged over the best candidate and this many on either side of it."""
LONG_MULTIPLES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
"""Harmonics read through the long window, and points between them, which are evidence of a lower pitch."""
SHORT_MULTIPLES = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
CHANNELS = len(LONG_MULTIPLES) + len(SHORT_MULTIPLES)
LEVEL_RANGE_DB = 60.0
"""Dynamic range below the loudest sound so far, which is taken to be at least this far below full scale."""
SCALE_DB = 20.0
"""The level difference that the network sees as 1."""
FALL_DB = 0.03
"""Decay of the loudest level per frame."""
MIN_POWER = 1e-12
SINE_DB = 5.97
"""Sum of the short window's bins for a sine of amplitude 1: 960 * 1.5 / 364, in dB."""
MIN_SHARE_DB = -40.0
"""The lowest level of the voice relative to the whole sound."""
COARSE_BINS = 10
COARSE = WINDOWS * (BINS // COARSE_BINS)
BACK = (2, 4)
"""How many frames back the past frames lie that the network sees besides the present one."""
POOL_STRIDE = 4
"""Candidates pooled into one for the recurrent part."""
NOTHING = WINDOWS * BINS
"""Index of a zero after all bins, read where a harmonic lies above them."""

candidates = MIN_HZ * 2.0 ** (np.arange(CANDIDATES) / PER_OCTAVE)
"""Hertz, shape (CANDIDATES,)."""


def _places() -> tuple[
    np.ndarray[tuple[int, int], np.dtype[np.int64]], np.ndarray[tuple[int, int], np.dtype[np.float32]]
]:
    multiples = np.array([LONG_MULTIPLES, SHORT_MULTIPLES])
    bins = multiples.reshape(-1, 1) * candidates / BIN_HZ
    below = bins.astype(np.int64)
    beyond = below >= BINS - 1
    start = np.repeat(np.arange(WINDOWS) * BINS, multiples.shape[1])[:, None]
    return np.where(beyond, NOTHING, below + start), np.where(beyond, 0.0, bins - below).astype(np.float32)


below, share = _places()
"""The bin under each harmonic, (CHANNELS, CANDIDATES), and how far towards the next the harmonic lies."""
salience_order = np.arange(CANDIDATES).reshape(-1, POOL_STRIDE).T.reshape(-1)
"""The candidates in the order of the salience: every fourth, then those after them, and so on."""
