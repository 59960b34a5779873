"""How consonants strike: the steepest rises of the high band, in a source and in what was made of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dsp.fourier import fast_size
from dsp.spectrum import a_weighting

EDGES_HZ = (1500.0, 2500.0)
"""Bursts are looked for above: from nothing at the first to all at the second, so that the filter is short. A
steeper one rings from a note near its edge into the silence before a burst."""
WINDOW_SECONDS = 0.004
STEP_SECONDS = 0.001
MIN_RISE_DB = 25.0
"""Of the source: what rises less within 4 ms is no burst."""
_NEAR_SECONDS = 0.03
_APART_SECONDS = 0.08
_FLOOR = 1e-9  # of power: 90 dB below full scale

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


class OnsetScores(NamedTuple):
    """Medians over the source's bursts; not a number where it has none."""

    source_rise: float
    """dB within 4 ms, above 2 kHz."""
    rise: float
    """The same of the output, within 30 ms of the source's."""
    lead: float
    """By how many milliseconds the output's rise comes before the source's."""
    bursts: int
    """Of the source."""


def compare_onsets(source: Float32, output: Float32, sample_rate: int) -> OnsetScores:
    """Find the source's bursts and measure what the output makes of each.

    Args:
        source: mono, shape (samples,), float32.
        output: of the same shape, aligned to the sample.
        sample_rate: hertz.
    """
    before, after = (_rises(audio, sample_rate) for audio in (source, output))
    near, apart = (round(seconds / STEP_SECONDS) for seconds in (_NEAR_SECONDS, _APART_SECONDS))
    rows = []
    left = before.copy()
    while left.size and left.max() >= MIN_RISE_DB:
        peak = int(left.argmax())
        left[max(0, peak - apart) : peak + apart] = 0.0
        start = max(0, peak - near)
        window = after[start : peak + near + 1]
        rows.append(
            (before[peak], window.max(), (peak - start - int(window.argmax())) * 1000.0 * STEP_SECONDS)
        )
    if not rows:
        return OnsetScores(float("nan"), float("nan"), float("nan"), 0)
    middle = np.median(np.array(rows), axis=0)
    return OnsetScores(float(middle[0]), float(middle[1]), float(middle[2]), len(rows))


def level_db(audio: Float32, sample_rate: int) -> float:
    """Return the A-weighted level of a whole recording, dB re a full-scale square wave."""
    size = fast_size(audio.size)
    spectrum = np.abs(np.fft.rfft(audio, size)) ** 2
    weighted = spectrum * a_weighting(np.fft.rfftfreq(size, 1.0 / sample_rate).astype(np.float64))
    return float(10.0 * np.log10(max(_FLOOR, 2.0 * weighted.sum() / (size * audio.size))))


def _rises(audio: Float32, sample_rate: int) -> Float64:
    """Return by how many dB the high band rises from 4 ms to the next, for every millisecond."""
    length, step = round(WINDOW_SECONDS * sample_rate), round(STEP_SECONDS * sample_rate)
    if audio.size < 2 * length:
        return np.zeros(0)
    size = fast_size(audio.size)
    spectrum = np.fft.rfft(audio, size)
    way = np.interp(np.fft.rfftfreq(size, 1.0 / sample_rate), EDGES_HZ, (0.0, 1.0))
    spectrum *= 0.5 - 0.5 * np.cos(np.pi * way)
    power = np.fft.irfft(spectrum, size)[: audio.size] ** 2
    levels = 10.0 * np.log10(np.maximum(_FLOOR, sliding_window_view(power, length)[::step].mean(axis=1)))
    ahead = round(WINDOW_SECONDS / STEP_SECONDS)
    return np.asarray(np.maximum(0.0, levels[ahead:] - levels[:-ahead]))
