"""The singer's long-term average spectrum (LTAS), towards which the converted voice is brought."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.controls import VOICED
from dsp.filters import HARMONIC_GRID, NOISE_GRID
from dsp.ltas import Audible
from dsp.units import NEPER_PER_DB

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_STEP = 4.0  # between knots, in twelfths of an octave of 1 + f / 300 Hz: as coarse as a formant
_MAX_SHIFT = 6.0 * NEPER_PER_DB
NEW_SOUND = 0.6
"""Mean difference from the previous frame, in nepers over the knots, at which a frame counts fully."""
MIN_COUNT = 0.05
"""Weight of a frame of a held sound."""
PRIOR_FRAMES = 25.0
"""After this many frames, half of the correction is applied."""
MEMORY_FRAMES = 3000.0


def _hats(grid: Float64) -> Float64:
    """Return overlapping triangles that add up to 1 at every grid point, shape (knots, points)."""
    place = 12.0 * np.log2(1.0 + grid / 300.0)
    knots = np.linspace(0.0, place[-1], round(place[-1] / _STEP) + 1)
    return np.stack([np.interp(place, knots, row) for row in np.eye(knots.size)])


_KNOTS = _hats(HARMONIC_GRID).shape[0]  # of either grid, as both end at the same frequency
LTAS_SIZE = 2 * _KNOTS
"""Numbers in an LTAS."""


class SingerLtas:
    """Bring the running mean of a singer's log-magnitudes to that of the singer's own recordings.

    The counterpart of `LtasNormalizer` at the output: what is left of the source's vocal tract after the
    network is a slowly varying tilt and a few broad hills, which a listener takes for the source's voice.
    Broad, causal and shrunk while little has been learned, for the same reason as there. The less a frame
    differs from the one before, the less it counts: a vowel held for seconds is one sound, not hundreds.

    Args:
        target: from `ltas_of`.

    Raises:
        ValueError: it has not `LTAS_SIZE` numbers.
    """

    latency = 0

    def __init__(self, target: Sequence[float]) -> None:
        wanted = np.asarray(target, np.float64)
        if wanted.shape != (LTAS_SIZE,):
            raise ValueError(f"an LTAS of {wanted.size} numbers does not fit; give {LTAS_SIZE}")
        self._target = wanted.reshape(2, _KNOTS)
        # Both filters side by side; the knots of one do not touch the other.
        self._spread = np.zeros((LTAS_SIZE, HARMONIC_GRID.size + NOISE_GRID.size), np.float32)
        self._spread[:_KNOTS, : HARMONIC_GRID.size] = _hats(HARMONIC_GRID)
        self._spread[_KNOTS:, HARMONIC_GRID.size :] = _hats(NOISE_GRID)
        pool = self._spread / self._spread.sum(axis=1, keepdims=True)
        self._pool: Float32 = np.ascontiguousarray(pool.T, np.float32)
        self._audible = Audible()
        self.reset()

    def reset(self) -> None:
        """Return to the initial state."""
        self._audible.reset()
        self._mean: Float64 = np.zeros((2, _KNOTS))
        self._counts = (0.0, 0.0)
        self._last: Float32 | None = None

    def process(
        self, harmonic: Float32, noise: Float32, voicing: Float64, loudness: Float64
    ) -> tuple[Float32, Float32]:
        """Learn from the controls of the next n frames, one by one, and return them with the singer's LTAS.

        Args:
            harmonic: natural-log magnitudes on `HARMONIC_GRID`, shape (n, 142), float32.
            noise: natural-log magnitudes on `NOISE_GRID`, shape (n, 72), float32.
            voicing: 0 to 1, shape (n,).
            loudness: A-weighted dB re full scale, shape (n,).

        Returns:
            New arrays of the shapes given.
        """
        levels = np.concatenate((harmonic, noise), axis=1)
        # A stack of small products, one a frame: the bits of a large one depend on how many rows it has.
        pooled = (levels[:, None] @ self._pool)[:, 0]
        steps = self._steps(voicing.tolist(), loudness.tolist(), self._novelty(pooled))
        moves, shares = np.array(steps)[..., None].swapaxes(0, 1)
        mean, means = self._mean, pooled.reshape(-1, 2, _KNOTS).astype(np.float64)
        for after, move in zip(means, moves, strict=True):
            np.subtract(after, mean, after)
            np.multiply(after, move, after)
            mean = np.add(after, mean, after)
        self._mean = mean
        away = self._target - means
        np.maximum(away, -_MAX_SHIFT, out=away)
        np.minimum(away, _MAX_SHIFT, out=away)
        away *= shares
        levels += (away.astype(np.float32).reshape(-1, 1, LTAS_SIZE) @ self._spread)[:, 0]
        return levels[:, : HARMONIC_GRID.size], levels[:, HARMONIC_GRID.size :]

    def _novelty(self, pooled: Float32) -> list[list[float]]:
        """Return how new the sound of each frame is, from 0, in the harmonics and in the noise."""
        frames = np.concatenate((pooled[:1] if self._last is None else self._last, pooled))
        self._last = pooled[-1:]
        steps = np.abs(frames[1:] - frames[:-1])
        sums = np.add.reduce(steps.reshape(-1, 2, _KNOTS), axis=2)
        sums *= np.float32(1.0 / (_KNOTS * NEW_SOUND))
        novelty: list[list[float]] = sums.tolist()
        return novelty

    def _steps(
        self, voicing: list[float], loudness: list[float], novelty: list[list[float]]
    ) -> list[tuple[tuple[float, float], tuple[float, float]]]:
        """Return how far each frame moves the two means, and how much of each correction applies."""
        harmonic, noise = self._counts
        rows = []
        audible = self._audible.process(loudness)
        for voice, heard, (in_harmonics, in_noise) in zip(voicing, audible, novelty, strict=True):
            move_harmonic = move_noise = 0.0
            if heard:
                count = min(1.0, max(MIN_COUNT, in_noise))
                noise = min(noise + count, MEMORY_FRAMES)
                move_noise = count / noise
                if voice > VOICED:  # consonants say nothing of the harmonics
                    count = min(1.0, max(MIN_COUNT, in_harmonics))
                    harmonic = min(harmonic + count, MEMORY_FRAMES)
                    move_harmonic = count / harmonic
            shares = harmonic / (harmonic + PRIOR_FRAMES), noise / (noise + PRIOR_FRAMES)
            rows.append(((move_harmonic, move_noise), shares))
        self._counts = harmonic, noise
        return rows


def ltas_of(harmonic: Float32, noise: Float32, voicing: Float32, loudness: Float32) -> Float64:
    """Return the LTAS of controls, the target of `SingerLtas`.

    Args:
        harmonic: natural-log magnitudes, shape (frames, 142), of one recording or several in a row.
        noise: shape (frames, 72).
        voicing: shape (frames,).
        loudness: shape (frames,) dB.

    Returns:
        Shape (LTAS_SIZE,), float64.
    """
    audible = np.array(Audible().process(loudness.tolist()))
    parts = []
    for levels, grid, kept in (
        (harmonic, HARMONIC_GRID, audible & (voicing > VOICED)),
        (noise, NOISE_GRID, audible),
    ):
        hats = _hats(grid)
        own = levels[kept] if kept.any() else levels
        parts.append(hats @ own.mean(axis=0, dtype=np.float64) / hats.sum(axis=1))
    return np.concatenate(parts)
