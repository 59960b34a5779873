"""Information perturbation: make one singer's features look like any singer's (NANSY, Choi et al. 2021)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.controls import VOICED
from dsp.spectrum import ENVELOPE_FLOOR_DB, ENVELOPE_GRID, UNVOICED_WIDTH_HZ, envelope
from dsp.units import LN_POWER_PER_DB

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


MAX_READ_HZ = 20000.0


@dataclass(frozen=True)
class Perturbation:
    """The ranges from which each example's perturbation is drawn."""

    warp: float = 1.15
    """Formants move by a ratio in [1 / warp, warp]; moved by 1.4 one vowel is another."""
    band_warp: float = 0.03
    """Each of six bands moves a further fraction in [-band_warp, band_warp]."""
    blur: float = 1.5
    """The smoothing width grows by a ratio in [1, blur], as if the source sang higher."""
    tilt_db: float = 6.0
    """A smooth EQ of up to this many dB at its knots."""
    level_db: float = 8.0
    """Loudness shown to the network is off by up to this much."""
    noise_db: tuple[float, float] = (-75.0, -35.0)
    """Background noise relative to the loud frames, in half of the examples."""
    cutoff_hz: tuple[float, float] = (4000.0, 22000.0)
    """Band limit of the source, in a third of the examples."""
    smear_db: tuple[float, float] = (1.0, 5.0)
    """Decay per frame of a reverberant source, in a quarter of the examples."""


def smoothing_width(f0: Float32, voicing: Float32) -> Float64:
    """Return the envelope's smoothing width per frame, hertz: f0 of the frame before where it is voiced."""
    width = np.where(voicing > VOICED, f0, UNVOICED_WIDTH_HZ).astype(np.float64)
    return np.concatenate([[UNVOICED_WIDTH_HZ], width[:-1]])


class EnvelopePerturbation:
    """One draw of perturbations: another singer's formants, another room, another microphone.

    Args:
        how: the ranges.
        loudest: dB of the recording's loud frames.
        rng: draws it.
    """

    def __init__(self, how: Perturbation, loudest: float, rng: np.random.Generator) -> None:
        # Above where a warped voice was recorded there is nothing: read what the top band held.
        self._centres = np.minimum(_warped_grid(how, rng), MAX_READ_HZ)
        self._blur = rng.uniform(1.0, how.blur)
        self._tilt = _smooth_curve(how.tilt_db, rng)
        self._smear_db = rng.uniform(*how.smear_db) if rng.random() < 0.25 else None
        self._noise = (
            loudest + rng.uniform(*how.noise_db) + _smooth_curve(10.0, rng) if rng.random() < 0.5 else None
        )
        self._cutoff = rng.uniform(*how.cutoff_hz) if rng.random() < 1 / 3 else np.inf

    def envelope(self, power: Float32, loudness: Float32, width: Float64) -> Float32:
        """Return the perturbed envelope.

        Args:
            power: (frames, bins), consecutive.
            loudness: (frames,) dB.
            width: smoothing width, (frames,) hertz.

        Returns:
            Band levels in dB, shape (frames, bands), float32.
        """
        levels = envelope(np.asarray(power, np.float64), loudness, width * self._blur, self._centres)
        levels += self._tilt.astype(np.float32)
        if self._smear_db is not None:
            levels = _smeared(levels, loudness, self._smear_db)
        if self._noise is not None:
            levels = _noisy(levels, loudness, self._noise)
        levels[:, self._cutoff < ENVELOPE_GRID] = ENVELOPE_FLOOR_DB
        return np.clip(levels, ENVELOPE_FLOOR_DB, 40.0).astype(np.float32)


def _warped_grid(how: Perturbation, rng: np.random.Generator) -> Float64:
    ratio = how.warp ** rng.uniform(-1.0, 1.0)
    knots = np.array([0.0, 600.0, 1500.0, 3000.0, 6000.0, 12000.0, 24000.0])
    wobble = 1.0 + rng.uniform(-how.band_warp, how.band_warp, knots.size)
    return np.asarray(ENVELOPE_GRID * ratio * np.interp(ENVELOPE_GRID, knots, wobble))


def _smooth_curve(depth_db: float, rng: np.random.Generator) -> Float64:
    knots = np.linspace(0, ENVELOPE_GRID.size - 1, 8)
    return np.interp(np.arange(ENVELOPE_GRID.size), knots, rng.uniform(-depth_db, depth_db, knots.size))


def _smeared(levels: Float32, loudness: Float32, decay_db: float) -> Float32:
    absolute = levels + loudness[:, None]
    for frame in range(1, absolute.shape[0]):
        np.maximum(absolute[frame], absolute[frame - 1] - decay_db, out=absolute[frame])
    return np.asarray(absolute - loudness[:, None], np.float32)


def _noisy(levels: Float32, loudness: Float32, noise: Float64) -> Float32:
    floor = noise - loudness[:, None]
    both = np.logaddexp(levels.astype(np.float64) * LN_POWER_PER_DB, floor * LN_POWER_PER_DB)
    return np.asarray(both / LN_POWER_PER_DB, np.float32)
