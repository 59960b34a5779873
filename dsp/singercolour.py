"""The long-term colour of a singer's own recordings, towards which what they are made to sing is brought."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.colour import Audible, trust
from dsp.controls import VOICED
from dsp.filters import HARMONIC_GRID, NOISE_GRID

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_STEP = 8.0  # between knots, in twelfths of an octave of 1 + f / 300 Hz: coarser than a formant
_FURTHEST = 12.0 * np.log(10.0) / 20.0  # 12 dB
MEMORY_FRAMES = 3000.0


def _hats(grid: Float64) -> Float64:
    """Return overlapping triangles that add up to 1 at every grid point, shape (knots, points)."""
    place = 12.0 * np.log2(1.0 + grid / 300.0)
    knots = np.linspace(0.0, place[-1], round(place[-1] / _STEP) + 1)
    return np.stack([np.interp(place, knots, row) for row in np.eye(knots.size)])


class _Part:
    """One of the two filters: its mean so far and what brings it to the target."""

    def __init__(self, grid: Float64, target: Float64) -> None:
        spread = _hats(grid).astype(np.float32)
        self._spread = np.ascontiguousarray(spread.T)
        self._pool = spread / spread.sum(axis=1, keepdims=True)
        self._target = target
        self.reset()

    def reset(self) -> None:
        self._mean = np.zeros_like(self._target)
        self._frames = 0.0

    def process(self, levels: Float32, learn: bool) -> Float32:
        if learn:
            self._frames = min(self._frames + 1.0, MEMORY_FRAMES)
            self._mean += (self._pool @ levels - self._mean) / self._frames
        away = np.clip(self._target - self._mean, -_FURTHEST, _FURTHEST) * trust(self._frames)
        moved: Float32 = levels + self._spread @ away.astype(np.float32)
        return moved


class SingerColour:
    """Add to a singer's log-magnitudes what brings their running mean to that of the singer's own recordings.

    The counterpart of `ColourNormalizer` at the output: what is left of the source's vocal tract after the
    network is a slowly varying tilt and a few broad hills, which a listener takes for the source's voice.
    Broad, causal and shrunk while little was heard, for the same reason as there.

    Args:
        target: from `colour_of`.
    """

    latency = 0

    def __init__(self, target: Sequence[float]) -> None:
        wanted = np.asarray(target, np.float64)
        if wanted.shape != (COLOUR_SIZE,):
            raise ValueError(f"a colour of {wanted.size} numbers does not fit; give {COLOUR_SIZE}")
        self._harmonic = _Part(HARMONIC_GRID, wanted[:_HARMONIC_KNOTS])
        self._noise = _Part(NOISE_GRID, wanted[_HARMONIC_KNOTS:])
        self._audible = Audible()

    def process(
        self, harmonic: Float32, noise: Float32, voicing: float, loudness: float
    ) -> tuple[Float32, Float32]:
        """Learn from the controls of one frame and return them in the singer's colour.

        Args:
            harmonic: natural-log magnitudes on `HARMONIC_GRID`, float32.
            noise: natural-log magnitudes on `NOISE_GRID`, float32.
            voicing: 0 to 1.
            loudness: A-weighted dB re full scale.
        """
        audible = self._audible.process(loudness)
        return (
            self._harmonic.process(harmonic, audible and voicing > VOICED),
            self._noise.process(noise, audible),
        )

    def reset(self) -> None:
        """Forget what was sung."""
        self._harmonic.reset()
        self._noise.reset()
        self._audible.reset()


_HARMONIC_KNOTS = _hats(HARMONIC_GRID).shape[0]
COLOUR_SIZE = _HARMONIC_KNOTS + _hats(NOISE_GRID).shape[0]
"""Numbers in a colour."""


def colour_of(harmonic: Float32, noise: Float32, voicing: Float32, loudness: Float32) -> Float64:
    """Return the long-term colour of controls, what `SingerColour` is to bring others to.

    Args:
        harmonic: natural-log magnitudes, shape (frames, 142), of one recording or several in a row.
        noise: shape (frames, 72).
        voicing: shape (frames,).
        loudness: shape (frames,) dB.

    Returns:
        Shape (COLOUR_SIZE,), float64.
    """
    heard = Audible()
    audible = np.array([heard.process(float(level)) for level in loudness])
    parts = []
    for levels, grid, kept in (
        (harmonic, HARMONIC_GRID, audible & (voicing > VOICED)),
        (noise, NOISE_GRID, audible),
    ):
        hats = _hats(grid)
        own = levels[kept] if kept.any() else levels
        parts.append(hats @ own.mean(axis=0, dtype=np.float64) / hats.sum(axis=1))
    return np.concatenate(parts)
