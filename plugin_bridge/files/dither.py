"""Round audio to 16 or 24 bit with triangular dither, drawn from seed, channel and sample position."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DITHER_SEED = 20_220_711
"""The seed of every dithered file unless another is given; a fixed one makes files repeatable."""
_WORDS_PER_COUNT = 4  # one Philox4x64 counter step gives four 64-bit words


class Quantizer:
    """Round float audio to integers with TPDF dither of two steps peak to peak.

    One 64-bit Philox word is drawn for each sample of each channel; the difference of its halves is the
    dither (Lipshitz, Wannamaker and Vanderkooy 1992, "Quantization and dither: a theoretical survey"). A
    sample that is exactly zero stays zero, so that silence stays silent. Values out of range are clipped.

    Args:
        bits: 16 or 24.
        channels: rows of the audio.
        seed: >= 0.

    Raises:
        ValueError: other bits.
    """

    latency = 0

    def __init__(self, bits: int, channels: int, seed: int = DITHER_SEED) -> None:
        if bits not in {16, 24}:
            raise ValueError(f"{bits!r} bits cannot be dithered here; use 16 or 24")
        self._bits = bits
        self._seed = seed
        self._channels = channels
        self.reset()

    def process(self, x: NDArray[np.float32]) -> NDArray[np.int32]:
        """Return samples of the given bits in the upper bits of int32, in the shape of `x`.

        Args:
            x: float32 (channels, n), full scale -1..1.
        """
        y = x.astype(np.float64)
        y *= 2.0 ** (self._bits - 1)
        dither = self._draw(x.shape[1])
        dither *= y != 0.0
        y += dither
        np.rint(y, out=y)
        limit = 2 ** (self._bits - 1)
        np.clip(y, -limit, limit - 1, out=y)
        steps = y.astype(np.int32)
        steps <<= 32 - self._bits
        return steps

    def reset(self, position: int = 0) -> None:
        """Go to an absolute sample position (>= 0)."""
        self._generators = []
        for channel in range(self._channels):
            bits = np.random.Philox(key=np.array([self._seed, channel], np.uint64))
            bits.advance(position // _WORDS_PER_COUNT)
            if position % _WORDS_PER_COUNT:
                bits.random_raw(position % _WORDS_PER_COUNT)
            self._generators.append(bits)

    def _draw(self, n: int) -> NDArray[np.float64]:
        """Triangular values of -1..1 steps, shape (channels, n)."""
        drawn = np.empty((self._channels, n))
        for row, generator in zip(drawn, self._generators, strict=True):
            words = generator.random_raw(n)
            high = words >> np.uint64(32)
            words &= np.uint64(0xFFFFFFFF)
            np.subtract(high, words, dtype=np.float64, out=row)
        drawn *= 2.0**-32
        return drawn
