"""Uniform noise keyed by sample position, so that any seek or restart draws the same samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_HALF, _WIDTH = np.float32(0.5), np.float32(np.sqrt(12.0))
_DRAWS_PER_COUNT = 8  # one Philox4x64 counter step gives four 64-bit words, that is eight float32 draws


class UniformNoise:
    """White noise of unit variance, uniform in [-sqrt(3), sqrt(3)).

    Args:
        seed: the key of the Philox generator (Salmon et al. 2011).
    """

    latency = 0

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self.reset()

    def process(self, n: int) -> NDArray[np.float32]:
        """Return the next n samples, shape (n,), float32."""
        self._position += n
        draws = self._generator.random(n, dtype=np.float32)
        draws -= _HALF
        draws *= _WIDTH
        return draws

    def skip(self, n: int) -> None:
        """Leave out the next n samples."""
        self.reset(self._position + n)

    def reset(self, position: int = 0) -> None:
        """Go to an absolute sample position (>= 0)."""
        self._position = position
        bits = np.random.Philox(key=self._seed)
        bits.advance(position // _DRAWS_PER_COUNT)
        self._generator = np.random.Generator(bits)
        self._generator.random(position % _DRAWS_PER_COUNT, dtype=np.float32)
