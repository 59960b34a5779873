"""Streaming spectra for the melody network: a long and a short window, 20 ms of look-ahead, any rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.decimator import Decimator
from dsp.fourier import RealTransform
from dsp.sliding import SlidingWindows
from dsp.units import MAX_HOPS, hop_size
from models.melody.grid import BIN_HZ, BINS, WINDOWS

Float32 = NDArray[np.float32]

LOOK_AHEAD_HOPS = 2
_TOGETHER = 8  # hops whose transforms fit a cache of 512 KB


def windows(hop: int, delay: int) -> tuple[Float32, int]:
    """Return the long and the short window, and how many of their samples follow the frame's centre.

    Both are Hann windows that peak at the centre and end with the newest sample. The short one, of 38 ms, is
    symmetric; the long one rises over 81 ms and so tells the harmonics of a deep voice from those of a bass,
    at the price of looking back.

    Args:
        hop: samples of a hop at the rate of analysis.
        delay: samples by which the analysed signal is late.

    Returns:
        Shape (2, 10 * hop), float32; a sine of amplitude 1 has power 1 at its peak.
    """
    size, after = 10 * hop, LOOK_AHEAD_HOPS * hop - delay
    n = np.arange(size) - (size - after)
    fall = np.where(n >= 0, n / after, 0.0)
    rises = (n / (size - after), np.maximum(n / after, -1.0))
    both = np.stack([0.5 + 0.5 * np.cos(np.pi * np.where(n < 0, rise, fall)) for rise in rises])
    return (2.0 * both / both.sum(axis=1, keepdims=True)).astype(np.float32), after


class MelodySpectra:
    """Turn hops of audio into two power spectra each.

    Samples [j*hop, (j+1)*hop) bring the frame centred at sample (j-1)*hop, as in `dsp.pitch.PitchTracker`.

    Args:
        sample_rate: one of `dsp.units.RATES`, in hertz.

    Raises:
        ValueError: the rate is not native.
    """

    def __init__(self, sample_rate: int) -> None:
        self.latency = LOOK_AHEAD_HOPS * hop_size(sample_rate)
        """Samples from a frame's centre to the end of the hop that completes it."""
        self._decimator = Decimator(sample_rate)
        hop = self._decimator.hop
        self._windows, _ = windows(hop, self._decimator.delay)
        size = self._windows.shape[1]
        assert size == round(self._decimator.rate / BIN_HZ)
        self._stream = SlidingWindows(size, hop, MAX_HOPS)
        self._transform = RealTransform(size, WINDOWS, _TOGETHER)
        self._windowed = self._transform.signal.reshape(_TOGETHER, WINDOWS, size)
        parts = self._transform.spectrum.view(np.float32).reshape(_TOGETHER, WINDOWS, -1)
        self._parts = parts[..., : 2 * BINS]
        self._power = np.zeros((MAX_HOPS, WINDOWS, BINS), np.float32)

    def process(self, x: Float32) -> Float32:
        """Take the next hops.

        Args:
            x: mono audio, shape (n * hop,), float32, finite, n from 1 to `dsp.units.MAX_HOPS`.

        Returns:
            Power per bin of 10 Hz, shape (n, 2, 401), float32: of each frame the long window and the short
            one; the next call overwrites it.
        """
        pieces = self._stream.process(self._decimator.process(x))
        power = self._power[: len(pieces)]
        for start in range(0, len(pieces), _TOGETHER):
            out = power[start : start + _TOGETHER]
            count = len(out)
            parts = self._parts[:count]
            np.multiply(pieces[start : start + count, None], self._windows, out=self._windowed[:count])
            self._transform.forward(count)
            np.square(parts, out=parts)
            np.add(parts[..., ::2], parts[..., 1::2], out=out)
        return power

    def reset(self) -> None:
        """Forget all audio."""
        self._decimator.reset()
        self._stream.reset()
