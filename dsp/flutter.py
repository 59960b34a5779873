"""The small movements of a held sound's spectrum, drawn by frame: no throat holds still as a network does."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dsp.units import NEPER_PER_DB

Float32 = NDArray[np.float32]

DEPTH_DB = 0.4
"""Standard deviation of a control, dB: as much as brings the change within 10 ms near that of real vowels."""
TOGETHER = 9
"""Controls over which a movement fades to either side: about as wide as a formant."""
FRAMES = 1009
"""After these it comes again; 10 s, and prime, so that it never falls in step with music."""
MAX_CONTROLS = 150
SEED = 20


class Flutter:
    """Draw the movements of the controls of consecutive frames, the same ones from every start."""

    latency = 0

    def __init__(self) -> None:
        self._table = _movements()
        self._frame = 0

    def process(self, frames: int, controls: int) -> Float32:
        """Return what to add to log-magnitudes, nepers, shape (frames, controls), up to `MAX_CONTROLS`."""
        places = np.arange(self._frame, self._frame + frames)
        self._frame = (self._frame + frames) % FRAMES
        return self._table.take(places, axis=0, mode="wrap")[:, :controls]

    def reset(self) -> None:
        """Return to the first frame."""
        self._frame = 0


@lru_cache(maxsize=1)
def _movements() -> Float32:
    drawn = np.random.default_rng(SEED).standard_normal((FRAMES, MAX_CONTROLS + 2 * TOGETHER))
    fade = np.hanning(2 * TOGETHER + 3)[1:-1]
    smooth = np.lib.stride_tricks.sliding_window_view(drawn, fade.size, axis=1) @ fade
    return np.asarray(DEPTH_DB * NEPER_PER_DB / np.linalg.norm(fade) * smooth, np.float32)
