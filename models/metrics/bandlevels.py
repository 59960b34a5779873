"""The levels of a voice in bands, every 5 ms: what its variation and its distance from others are told by."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dsp.spectrum import (
    ENVELOPE_GRID,
    SILENCE_DB,
    UNVOICED_WIDTH_HZ,
    a_weighting,
    envelope,
)
from dsp.units import MAX_HOPS, hop_size
from models.metrics.pitch import PitchTrack
from models.metrics.trackers import TRACKERS

STEPS_PER_SECOND = 200
"""Modulation is so told up to 100 Hz."""
MAX_HZ = 12000.0
_BANDS = (ENVELOPE_GRID > 0.0) & (ENVELOPE_GRID <= MAX_HZ)
BANDS_HZ = ENVELOPE_GRID[_BANDS]
"""Centres of the bands, shape (bands,): 100 Hz apart up to 2.2 kHz, then a fourteenth of an octave."""
_TOP = 0.45
"""Of the sample rate: above it the filters of converters and resamplers are heard, not the voice."""

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


class BandLevels(NamedTuple):
    """Frames of 20 ms, frame k centred at k * 5 ms."""

    levels: Float64
    """Of each of `BANDS_HZ` relative to the frame's loudness, dB, shape (frames, bands), not below -80; not a
    number in bands near or above half the sample rate."""
    loudness: Float64
    """A-weighted, dB re full scale, shape (frames,)."""
    voiced: NDArray[np.bool_]
    """Shape (frames,)."""


def band_levels(audio: Float32, sample_rate: int, track: PitchTrack | None = None) -> BandLevels:
    """Measure the levels of a voice that sings alone.

    The power spectrum under a Hann window of 20 ms is averaged in each band over one harmonic spacing, or
    over the band where that is wider, so that harmonics which pass from band to band leave no mark.

    Args:
        audio: mono, shape (samples,), float32.
        sample_rate: a native rate in hertz.
        track: its pitch; None to hear it as the engine does.
    """
    hop = hop_size(sample_rate)
    track = TRACKERS["periodicity"].track(audio, sample_rate) if track is None else track
    count = 2 * track.f0.size
    if not count:
        return BandLevels(np.zeros((0, BANDS_HZ.size)), np.zeros(0), np.zeros(0, bool))
    early, late = np.arange(count) // 2, np.minimum(np.arange(1, count + 1) // 2, track.f0.size - 1)
    voiced = track.voiced[early] & track.voiced[late]
    width = np.where(voiced, np.sqrt(track.f0[early] * track.f0[late]), UNVOICED_WIDTH_HZ)
    starts = np.rint(np.arange(count) * sample_rate / STEPS_PER_SECOND).astype(np.intp)
    windows = sliding_window_view(np.pad(audio, (hop, 3 * hop)), 2 * hop)
    size = 4 * hop
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * (np.arange(2 * hop) + 0.5) / (2 * hop))
    window *= np.sqrt(2.0 / (size * np.sum(window**2)))
    weight = a_weighting(np.fft.rfftfreq(size, 1.0 / sample_rate).astype(np.float64))
    levels, loudness = np.empty((count, BANDS_HZ.size)), np.empty(count)
    for first in range(0, count, MAX_HOPS):
        part = slice(first, first + MAX_HOPS)
        power = np.abs(np.fft.rfft(windows[starts[part]] * window, size)) ** 2
        loudness[part] = np.maximum(SILENCE_DB, 10.0 * np.log10(power @ weight + 1e-30))
        levels[part] = envelope(power, loudness[part], width[part])[:, _BANDS]
    levels[:, _TOP * sample_rate < BANDS_HZ] = np.nan
    return BandLevels(levels, loudness, voiced)
