"""Streaming spectra for the melody network: a long and a short window, 20 ms of look-ahead, any rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.decimator import Decimator
from dsp.fourier import RealTransform
from dsp.units import hop_size
from models.melody.grid import BIN_HZ, BINS, WINDOWS

Float32 = NDArray[np.float32]

LOOK_AHEAD_HOPS = 2


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

    The call with samples [j*hop, (j+1)*hop) returns the frame centred at sample (j-1)*hop, as
    `dsp.pitch.PitchTracker` does.

    Args:
        sample_rate: one of `dsp.units.RATES`, in hertz.

    Raises:
        ValueError: the rate is not native.
    """

    def __init__(self, sample_rate: int) -> None:
        self.latency = LOOK_AHEAD_HOPS * hop_size(sample_rate)
        """Samples from a frame's centre to the end of the hop that completes it."""
        self._decimator = Decimator(sample_rate)
        self._hop = self._decimator.hop
        self._windows, _ = windows(self._hop, self._decimator.delay)
        size = self._windows.shape[1]
        assert size == round(self._decimator.rate / BIN_HZ)
        self._memory = np.zeros(size, np.float32)
        self._transform = RealTransform(size, WINDOWS)
        self._parts = self._transform.spectrum[:, :BINS]

    def process(self, x: Float32, out: Float32) -> None:
        """Take the next hop.

        Args:
            x: mono audio, shape (hop,), float32, finite.
            out: filled with power per bin of 10 Hz, shape (2, 401), float32: long window, short window.
        """
        memory, hop = self._memory, self._hop
        memory[:-hop] = memory[hop:]
        memory[-hop:] = self._decimator.process(x)
        np.multiply(memory, self._windows, out=self._transform.signal)
        self._transform.forward()
        np.square(self._parts.real, out=out)
        out += np.square(self._parts.imag)

    def reset(self) -> None:
        """Forget all audio."""
        self._decimator.reset()
        self._memory[:] = 0.0
