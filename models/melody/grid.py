"""Where the melody network looks: pitch candidates, and the spectral bins their harmonics fall between."""

from __future__ import annotations

import numpy as np

BIN_HZ = 10.0
"""Spacing of the spectra: a tenth of a second is transformed, a whole number of samples at every rate."""
BINS = 401
"""Bins from 0 to 4 kHz."""
WINDOWS = 2
"""The long window and the short one."""
CANDIDATES = 224
LOWEST_HZ = 55.0
PER_OCTAVE = 50
"""Candidates an octave: 24 cents apart."""
LONG_MULTIPLES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
"""Harmonics read through the long window, and places between them, which speak for a lower pitch."""
SHORT_MULTIPLES = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
CHANNELS = len(LONG_MULTIPLES) + len(SHORT_MULTIPLES)
NOTHING = WINDOWS * BINS
"""Index of the zero put after all bins, read where a harmonic lies beyond them."""

candidates = LOWEST_HZ * 2.0 ** (np.arange(CANDIDATES) / PER_OCTAVE)
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
