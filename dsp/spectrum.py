"""Streaming spectrum analysis: power spectrum, loudness, and the pitch-adaptive smooth envelope."""

from __future__ import annotations

from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from dsp.filters import NOISE_GRID
from dsp.fourier import RealTransform
from dsp.sliding import SlidingWindows
from dsp.units import CACHED_HOPS, hop_size

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

BIN_HZ = 25.0
ENVELOPE_GRID = NOISE_GRID
"""Band centres of the envelope in hertz, shape (bands,)."""
ENVELOPE_FLOOR_DB = -80.0
SILENCE_DB = -100.0
MIN_WIDTH_HZ = 100.0
UNVOICED_WIDTH_HZ = 200.0

_SILENCE = 10.0 ** (SILENCE_DB / 10.0)
_SAFE_GRID = np.maximum(ENVELOPE_GRID, 1.0)
_NOTHING = 1e-30  # of power: 120 dB below the floor of the softest frame
BAND_WIDTH_HZ = np.maximum(MIN_WIDTH_HZ, np.gradient(ENVELOPE_GRID)).astype(np.float64)
"""The least that a band of the envelope is smoothed over, shape (bands,)."""


def _in_bins(hz: Float64) -> Float64:
    """Bin k covers [k - 1/2, k + 1/2] * 25 Hz, and starts at k in the running sum."""
    return hz / BIN_HZ + 0.5


BAND_MIDDLE = _in_bins(ENVELOPE_GRID)
"""Band centres in running sums of power, bins, shape (bands,)."""
_TO_EDGES = np.array([[-0.5], [0.5]]) / BIN_HZ
"""From a band's width in hertz to where it begins and ends around its middle."""


class Spectrum(NamedTuple):
    """Analysis frames that follow on each other."""

    power: Float64
    """Power per 25 Hz bin from 0 Hz to Nyquist, shape (n, bins); full-scale sine = 0.5 in sum."""
    loudness: Float64
    """A-weighted level in dB re full scale, not below `SILENCE_DB`, shape (n,)."""


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
    """Turn hops of audio into spectra; with hop j comes the frame centred at sample j * hop.

    Args:
        sample_rate: a native rate in hertz.
    """

    def __init__(self, sample_rate: int) -> None:
        self.hop = hop_size(sample_rate)
        self.latency = self.hop
        size = 4 * self.hop
        window = analysis_window(sample_rate)
        # Parseval for a one-sided spectrum: the sum over bins is the windowed mean square.
        self._window = (window * np.sqrt(2.0 / (size * np.sum(window**2)))).astype(np.float32)[None]
        self._weight = a_weighting(np.arange(size // 2 + 1, dtype=np.float64) * BIN_HZ)
        self._windows = SlidingWindows(3 * self.hop, self.hop, CACHED_HOPS)
        self._transform = RealTransform(size, 1, CACHED_HOPS, inverse=False)
        self._windowed = self._transform.signal[:, : 3 * self.hop]
        self._parts = self._transform.spectrum.view(np.float32).reshape(CACHED_HOPS, -1, 2)

    def process(self, x: Float32) -> Spectrum:
        """Analyse the next hops.

        Args:
            x: mono audio, shape (n * hop,), float32, n >= 1.
        """
        power = np.empty((x.size // self.hop, self._weight.size))
        for start in range(0, power.shape[0], CACHED_HOPS):
            out = power[start : start + CACHED_HOPS]
            self._transformed(x[start * self.hop : (start + out.shape[0]) * self.hop], out)
        power[:, :: self._weight.size - 1] *= 0.5  # the first bin and the last
        level = np.maximum(np.vecdot(power, self._weight), _SILENCE)
        return Spectrum(power, 10.0 * np.log10(level))

    def _transformed(self, x: Float32, out: Float64) -> None:
        count = out.shape[0]
        parts = self._parts[:count]
        np.multiply(self._windows.process(x), self._window, out=self._windowed[:count])
        self._transform.forward(count)
        np.multiply(parts, parts, out=parts)
        np.add(parts[..., 0], parts[..., 1], dtype=np.float64, out=out)

    def reset(self) -> None:
        """Forget all audio."""
        self._windows.reset()


@overload
def loudness_gain(loudness: float) -> float: ...
@overload
def loudness_gain(loudness: Float64) -> Float64: ...
def loudness_gain(loudness: float | Float64) -> float | Float64:
    """Return the linear gain of a loudness in dB: exactly 0 at `SILENCE_DB`, continuous above it.

    Args:
        loudness: a number, or an array: its powers may differ in the last bit, so that silence has a gain of
            up to 1e-20 there.
    """
    gain = 10.0 ** (loudness / 20.0) - 10.0 ** (SILENCE_DB / 20.0)
    return gain if isinstance(gain, np.ndarray) else float(gain)


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
    bins, count = power.shape[-1], centres.size
    if centres is ENVELOPE_GRID:
        middle, natural = BAND_MIDDLE, BAND_WIDTH_HZ
    else:
        middle, natural = _in_bins(centres), BAND_WIDTH_HZ * np.maximum(centres / _SAFE_GRID, 0.5)
    edges = np.empty((*power.shape[:-1], 2, count))
    np.multiply(np.maximum(natural, np.asarray(width_hz)[..., None, None]), _TO_EDGES, out=edges)
    edges += middle
    np.maximum(edges, 0.0, out=edges)
    sums = _sums_at(power, np.minimum(edges, bins).reshape(*power.shape[:-1], 2 * count))
    db = sums[..., count:] - sums[..., :count]
    db /= edges[..., 1, :] - edges[..., 0, :]
    np.maximum(db, _NOTHING, out=db)
    np.log10(db, out=db)
    db *= 10.0
    db -= np.asarray(loudness)[..., None]
    np.maximum(db, ENVELOPE_FLOOR_DB, out=db)
    return np.minimum(db, 40.0, out=db).astype(np.float32)


def _sums_at(rows: Float64, position: Float64) -> Float64:
    """Return the running sums of rows, (..., bins), at fractional bins from 0 to `bins`, (..., n)."""
    bins = rows.shape[-1]
    sums = np.empty((*rows.shape[:-1], bins + 2))
    sums[..., 0] = 0.0
    np.add.accumulate(rows, axis=-1, out=sums[..., 1:-1])
    sums[..., -1] = sums[..., -2]
    index = position.astype(np.intp)
    part = position - index
    if rows.size > bins:
        index += np.arange(0, sums.size, bins + 2).reshape(*rows.shape[:-1], 1)
    flat = sums.reshape(-1)
    left, right = flat.take(index), flat[1:].take(index)
    right -= left
    right *= part
    left += right
    return left
