"""Streaming spectrum analysis: power spectrum, loudness, and the pitch-adaptive smooth envelope."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.filters import NOISE_GRID
from dsp.units import hop_size

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

BIN_HZ = 25.0
ENVELOPE_GRID = NOISE_GRID
"""Band centres of the envelope in hertz, shape (bands,)."""
ENVELOPE_FLOOR_DB = -80.0
SILENCE_DB = -100.0
LOWEST_WIDTH_HZ = 100.0
UNVOICED_WIDTH_HZ = 200.0

_SAFE_GRID = np.maximum(ENVELOPE_GRID, 1.0)
_BAND_WIDTH = np.maximum(LOWEST_WIDTH_HZ, np.gradient(ENVELOPE_GRID)).astype(np.float64)


class Spectrum(NamedTuple):
    """One analysis frame."""

    power: Float64
    """Power per 25 Hz bin from 0 Hz to Nyquist, shape (bins,); full-scale sine = 0.5 in sum."""
    loudness: float
    """A-weighted level in dB re full scale, not below `SILENCE_DB`."""


def a_weighting(hz: Float64) -> Float64:
    """Return the A-weighting power gain (IEC 61672-1, 0 dB at 1 kHz) at frequencies in hertz."""
    f2 = np.square(hz)
    numerator = 12194.0**2 * f2**2
    denominator = (f2 + 20.6**2) * np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2)) * (f2 + 12194.0**2)
    return np.asarray((10 ** (2.0 / 20.0) * numerator / denominator) ** 2)


def analysis_window(sample_rate: int) -> Float64:
    """Return the asymmetric analysis window, shape (3 * hop,): 20 ms of rise, 10 ms of fall.

    The peak is at the frame centre, one hop before the newest sample, so that the look-ahead is 10 ms while
    the window is as long as three periods of a 100 Hz voice.
    """
    hop = hop_size(sample_rate)
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(2 * hop) + 0.5) / (2 * hop))
    fall = 0.5 + 0.5 * np.cos(np.pi * (np.arange(hop) + 0.5) / hop)
    return np.concatenate([rise, fall])


class Analyzer:
    """Turn hops of audio into spectra; frame j is centred at sample j * hop.

    Args:
        sample_rate: a native rate in hertz.
    """

    def __init__(self, sample_rate: int) -> None:
        self.hop = hop_size(sample_rate)
        self.latency = self.hop
        self._size = 4 * self.hop
        window = analysis_window(sample_rate)
        self._window = window.astype(np.float32)
        # Parseval for a one-sided spectrum: the sum over bins is the windowed mean square.
        scale = np.full(self._size // 2 + 1, 2.0 / (self._size * np.sum(window**2)))
        scale[0] *= 0.5
        scale[-1] *= 0.5
        self._scale = scale
        self._weight = a_weighting(np.arange(self._size // 2 + 1, dtype=np.float64) * BIN_HZ)
        self._history = np.zeros(3 * self.hop, np.float32)

    def process(self, x: Float32) -> Spectrum:
        """Analyse the next hop.

        Args:
            x: mono audio, shape (hop,), float32.
        """
        history, hop = self._history, self.hop
        history[:-hop] = history[hop:]
        history[-hop:] = x
        bins = np.fft.rfft(history * self._window, self._size)
        power = (bins.real**2 + bins.imag**2) * self._scale
        level = float(power @ self._weight)
        floor = 10.0 ** (SILENCE_DB / 10.0)
        return Spectrum(power, 10.0 * np.log10(max(level, floor)))

    def reset(self) -> None:
        """Forget all audio."""
        self._history[:] = 0.0


def loudness_gain(loudness: float) -> float:
    """Return the linear gain of a loudness in dB: exactly 0 at `SILENCE_DB`, continuous above it."""
    return float(10.0 ** (loudness / 20.0) - 10.0 ** (SILENCE_DB / 20.0))


def envelope(
    power: Float64,
    loudness: NDArray[np.floating] | float,
    width_hz: Float64 | float,
    centres: Float64 = ENVELOPE_GRID,
) -> Float32:
    """Smooth power spectra over one harmonic spacing and sample them in bands.

    A rectangle as wide as f0 holds exactly one harmonic wherever it stands, so the result carries the
    vocal tract and not the pitch (the smoothing step of CheapTrick, Morise 2015, done on fixed bands).

    Args:
        power: `Spectrum.power` of one or many frames, shape (..., bins).
        loudness: `Spectrum.loudness`, dB, shape (...).
        width_hz: f0 in hertz, or `UNVOICED_WIDTH_HZ`, shape (...); a band is at least as wide as its spacing.
        centres: where the bands read the spectrum, hertz, shape (bands,); not the grid to warp formants.

    Returns:
        Band levels in dB relative to the frame's loudness, shape (..., bands), float32, clipped to
        [`ENVELOPE_FLOOR_DB`, 40]; bands above Nyquist are at the floor.
    """
    bins = power.shape[-1]
    cumulative = np.zeros((power.size // bins, bins + 2))
    np.cumsum(power.reshape(-1, bins), axis=1, out=cumulative[:, 1:-1])
    cumulative[:, -1] = cumulative[:, -2]
    natural = _BAND_WIDTH if centres is ENVELOPE_GRID else _BAND_WIDTH * np.maximum(centres / _SAFE_GRID, 0.5)
    half = 0.5 * np.maximum(natural, np.reshape(width_hz, (-1, 1)))
    # Bin k covers [k - 1/2, k + 1/2] * 25 Hz, and starts at k in the cumulative sum.
    edges = np.concatenate([centres - half, centres + half], axis=1) / BIN_HZ + 0.5
    np.maximum(edges, 0.0, out=edges)
    count = centres.size
    below = _read(cumulative, np.minimum(edges, bins))
    level = np.reshape(loudness, (-1, 1))
    floor = 10.0 ** ((level + ENVELOPE_FLOOR_DB) / 10.0)
    density = (below[:, count:] - below[:, :count]) / (edges[:, count:] - edges[:, :count])
    db = 10.0 * np.log10(np.maximum(density, floor)) - level
    return np.asarray(np.minimum(db, 40.0).reshape(*power.shape[:-1], count), np.float32)


def _read(rows: Float64, position: Float64) -> Float64:
    index = position.astype(np.int64)
    here = np.arange(rows.shape[0])[:, None]
    left = rows[here, index]
    return np.asarray(left + (rows[here, index + 1] - left) * (position - index))
