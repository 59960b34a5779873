"""Noise, shimmer, jitter and movement, of voices made with known ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from models.metrics.liveliness import BANDS_HZ, Liveliness, liveliness, mean_liveliness
from tests.support.extras import needs

Float32 = NDArray[np.float32]

RATE = 48000


def harmonics(f0: float, rate: int, seconds: float = 2.0) -> NDArray[np.float64]:
    n = np.arange(round(seconds * rate)) / rate
    phases = np.random.default_rng(1).uniform(0.0, 2.0 * np.pi, int(0.45 * rate / f0))
    parts = [np.cos(2.0 * np.pi * f0 * k * n + p) / k for k, p in enumerate(phases, 1)]
    return np.asarray(np.sum(parts, axis=0))


@pytest.mark.parametrize("rate", [24000, 48000])
@pytest.mark.parametrize("f0", [130.0, 440.0])
def test_the_hnr_of_each_band_is_that_of_the_noise_put_in(rate: int, f0: float) -> None:
    needs("parselmouth")
    wanted = (20.0, 15.0, 10.0, 5.0)
    voice = harmonics(f0, rate)
    clean, noise = np.fft.rfft(voice), np.fft.rfft(np.random.default_rng(0).normal(0.0, 1.0, voice.size))
    hertz = np.fft.rfftfreq(voice.size, 1.0 / rate)
    gains = np.zeros(hertz.size)
    for (low, high), hnr in zip(BANDS_HZ, wanted, strict=True):
        band = (hertz >= low) & (hertz < high)
        gains[band] = np.linalg.norm(clean[band]) / np.linalg.norm(noise[band]) * 10.0 ** (-hnr / 20.0)
    x = np.asarray(0.05 * (voice + np.fft.irfft(noise * gains, voice.size)), np.float32)
    assert liveliness(x, rate).hnr == pytest.approx(wanted, abs=1.0)


def pulses(shimmer: float, jitter: float) -> Float32:
    """Return two seconds at 200 Hz whose periods are in turn louder and weaker, longer and shorter."""
    signs = np.where(np.arange(400) % 2, -1.0, 1.0)
    starts = np.cumsum(0.005 * (1.0 + 0.5 * jitter * signs))
    loud = 0.4 * (1.0 + 0.5 * shimmer * signs)
    n = np.arange(2 * RATE) / RATE
    x = np.zeros(n.size)
    for start, level in zip(starts, loud, strict=True):
        first = max(0, round((start - 0.0012) * RATE))
        part = slice(first, min(n.size, first + 116))
        x[part] += level * np.exp(-0.5 * ((n[part] - start) / 3e-4) ** 2)
    return np.asarray(x, np.float32)


@pytest.mark.parametrize(
    ("shimmer", "jitter"), [(0.0, 0.0), (0.03, 0.0), (0.06, 0.0), (0.0, 0.01), (0.03, 0.02)]
)
def test_shimmer_and_jitter_are_read_from_pulses(shimmer: float, jitter: float) -> None:
    needs("parselmouth")
    found = liveliness(pulses(shimmer, jitter), RATE)
    assert found.shimmer == pytest.approx(shimmer, abs=0.004)
    assert found.jitter == pytest.approx(jitter, abs=0.0015)


@pytest.mark.parametrize("slope", [0.0, 20.0, 50.0])
def test_movement_is_the_slope_of_the_bands(slope: float) -> None:
    """Of a voice all above 1 kHz, which is weak, goes up and down by `slope` dB a second."""
    needs("parselmouth")
    f0 = 200.0
    n = np.arange(3 * RATE) / RATE
    swing = slope * np.abs((n % 0.5) - 0.25)
    low = np.sum([np.cos(2.0 * np.pi * f0 * k * n) / k for k in range(1, 5)], axis=0)
    high = np.sum([np.cos(2.0 * np.pi * f0 * k * n + k * k) / k for k in range(5, 110)], axis=0)
    x = np.asarray(0.05 * (low + 0.03 * high * 10.0 ** (swing / 20.0)), np.float32)
    moved = liveliness(x, RATE).movement
    still = liveliness(np.asarray(0.05 * (low + 0.03 * high), np.float32), RATE).movement
    assert still < 0.05
    assert moved == pytest.approx(0.01 * slope * share_above(1000.0), abs=0.05 + 0.1 * 0.01 * slope)


def share_above(hertz: float) -> float:
    """Return the share of the bands up to 8 kHz that lie above a frequency."""
    from dsp.spectrum import ENVELOPE_GRID
    from models.metrics.liveliness import MAX_MOVEMENT_HZ

    return float(np.mean(ENVELOPE_GRID[ENVELOPE_GRID <= MAX_MOVEMENT_HZ] > hertz))


@pytest.mark.parametrize("samples", [0, 100, 2000, 48000])
def test_silence_has_no_life(samples: int) -> None:
    needs("parselmouth")
    found = liveliness(np.zeros(samples, np.float32), RATE)
    assert all(map(math.isnan, (*found.hnr, found.shimmer, found.jitter, found.movement)))


def test_means_leave_out_what_could_not_be_told() -> None:
    one = Liveliness((20.0, 10.0, 5.0, math.nan), 0.02, math.nan, 1.0)
    other = Liveliness((10.0, math.nan, 7.0, math.nan), 0.04, math.nan, math.nan)
    mean = mean_liveliness([one, other])
    assert mean.hnr[:3] == (15.0, 10.0, 6.0)
    assert math.isnan(mean.hnr[3])
    assert mean.shimmer == pytest.approx(0.03)
    assert mean.movement == 1.0
    assert math.isnan(mean.jitter)
