"""Small real singers for tests: they turn the source's own envelope into filters, without a network."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from dsp.filters import HARMONIC_GRID, NOISE_GRID
from dsp.synth import HARMONICS, DdspAdd, SawSing, Synthesizer

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_NEPER_PER_DB = np.log(10.0) / 20.0


class CopyEstimator:
    """Envelope in, filters out, smoothed over two frames so that there is a state to carry."""

    def __init__(self, kind: str, tilt_db: float) -> None:
        self._kind = kind
        self._tilt = tilt_db
        self.reset()

    def reset(self) -> None:
        self._before = np.zeros(NOISE_GRID.size, np.float32)

    def process(
        self,
        seen: Float32,
        movement: Float32,
        f0: Float64,
        voicing: Float64,
        loudness: Float64,
        likeness: Float64,
        steps: Float64,
    ) -> tuple[Float32, Float32]:
        del movement, voicing, loudness, steps
        frames = zip(seen, f0.tolist(), likeness.tolist(), strict=True)
        harmonic, noise = zip(*(self._frame(*frame) for frame in frames), strict=True)
        return np.stack(harmonic), np.stack(noise)

    def _frame(self, envelope: Float32, f0: float, likeness: float) -> tuple[Float32, Float32]:
        level = 0.5 * (envelope + self._before) * (1.0 - 0.5 * likeness)
        self._before = envelope
        hertz = HARMONIC_GRID if self._kind == "sawsing" else np.arange(1, HARMONICS + 1) * f0
        # Power per 25 Hz to amplitude per harmonic; the sawtooth's own 2 / (pi k) is undone.
        own = np.log(np.maximum(hertz, 50.0) / f0 * np.pi / 2.0) if self._kind == "sawsing" else 0.0
        octaves = np.log2(np.maximum(hertz, 100.0) / 1000.0)
        db = np.interp(hertz, NOISE_GRID, level) + 10.0 * np.log10(f0 / 25.0) + self._tilt * octaves
        harmonic = (_NEPER_PER_DB * db + own).astype(np.float32)
        return harmonic, (_NEPER_PER_DB * (level - 10.0)).astype(np.float32)


@dataclass(frozen=True)
class CopySinger:
    """A singer as the engine knows one, for `Engine(..., singers=[CopySinger("dark", -3.0)])`."""

    id: str
    tilt_db: float = 0.0
    """Spectral tilt, dB per octave."""
    f0_median: float = 220.0
    kind: str = "sawsing"
    content: None = None

    @property
    def manifest(self) -> SimpleNamespace:
        f0 = {"f0_low": 0.7 * self.f0_median, "f0_median": self.f0_median, "f0_high": 1.4 * self.f0_median}
        return SimpleNamespace(**f0, refiner=None)

    def start(self) -> CopyEstimator:
        return CopyEstimator(self.kind, self.tilt_db)

    def synthesizer(self, sample_rate: int, seed: int = 0) -> Synthesizer:
        return SawSing(sample_rate, seed) if self.kind == "sawsing" else DdspAdd(sample_rate, seed)


class NanEstimator(CopyEstimator):
    """Says nothing that is a number."""

    def _frame(self, envelope: Float32, f0: float, likeness: float) -> tuple[Float32, Float32]:
        harmonic, noise = super()._frame(envelope, f0, likeness)
        return harmonic * np.float32(np.nan), noise


@dataclass(frozen=True)
class NanSinger(CopySinger):
    """A singer whose network is broken."""

    def start(self) -> CopyEstimator:
        return NanEstimator(self.kind, self.tilt_db)


DARK = CopySinger("dark", -2.0, 130.0)
BRIGHT = CopySinger("bright", 2.0, 260.0)
BROKEN = NanSinger("broken")
ADDED = CopySinger("added", 0.0, 220.0, "ddsp-add")


def sung(
    sample_rate: int, seconds: float, f0: float = 220.0, vibrato: float = 0.0, level: float = 0.3
) -> Float32:
    """Return a buzzing vowel, shape (1, samples): 20 harmonics under two formants, faded over 20 ms.

    Args:
        sample_rate: hertz.
        seconds: length.
        f0: hertz.
        vibrato: semitones either way, at 5.5 Hz.
        level: greatest sample, about.
    """
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    hertz = f0 * 2.0 ** (vibrato / 12.0 * np.sin(2.0 * np.pi * 5.5 * t))
    phase = np.cumsum(hertz) / sample_rate
    wave = np.zeros_like(t)
    for k in range(1, 21):
        if k * f0 * 1.1 < sample_rate / 2:
            formants = 1.0 / (1.0 + ((k * f0 - 700.0) / 300.0) ** 2) + 0.5 / (
                1.0 + ((k * f0 - 1800.0) / 400.0) ** 2
            )
            wave += (formants + 0.02) * np.sin(2.0 * np.pi * k * phase + k)
    fade = np.minimum(1.0, np.minimum(t, t[-1] - t) / 0.02)
    return np.asarray(level / np.abs(wave).max() * wave * fade, np.float32)[None, :]


def blocks(total: int, size: int | None, seed: int = 0) -> list[int]:
    """Return block lengths that sum to `total`: all of one size, or random ones from 0 to 3000 for None."""
    rng = np.random.default_rng(seed)
    sizes = []
    while total > 0:
        n = min(total, int(rng.integers(0, 3001)) if size is None else size)
        sizes.append(n)
        total -= n
    return sizes
