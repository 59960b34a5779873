"""Global variance, modulation and distance of bands, of sounds whose values follow from their formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from models.metrics.bandlevels import BANDS_HZ, BandLevels, band_levels
from models.metrics.pitch import PitchTrack
from models.metrics.spectral import log_spectral_distance
from models.metrics.variation import RANGES_HZ, compare_variation, mean_variation, variation

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

RATE = 48000
F0 = 200.0
LONG = np.arange(4 * RATE) / RATE


def harmonics(first: int, last: int, rate: int = RATE) -> Float64:
    n = np.arange(4 * rate) / rate
    numbers = range(first, min(last, int(0.45 * rate / F0)))
    return np.asarray(np.sum([np.cos(2.0 * np.pi * F0 * k * n + k * k) / k for k in numbers], axis=0))


LOW, HIGH = harmonics(1, 5), harmonics(5, 108)


def modulated(hertz: float, db: float) -> Float32:
    """Return a voice whose level swings as a sine of this peak in decibels."""
    swing = db * np.sin(2.0 * np.pi * hertz * LONG)
    return np.asarray(0.05 * (LOW + HIGH) * 10.0 ** (swing / 20.0), np.float32)


def kept(hertz: float, rate: int = RATE) -> float:
    """Return how much of a modulation the window of 20 ms leaves."""
    n = np.arange(rate // 50) + 0.5
    window = np.sin(np.pi * n / n.size) ** 4
    return float(abs(window @ np.exp(2j * np.pi * hertz * n / rate)) / window.sum())


@pytest.mark.parametrize(("hertz", "place"), [(7.0, 0), (15.0, 1), (40.0, 2)])
def test_modulation_of_a_known_depth_is_found_in_its_range_alone(hertz: float, place: int) -> None:
    found = np.nanmean(variation(band_levels(modulated(hertz, 1.0), RATE)).modulation, axis=1)
    assert found[place] == pytest.approx(20.0 * math.log10(kept(hertz) / math.sqrt(2.0)), abs=0.5)
    others = np.delete(found, place)
    assert others.max() < found[place] - 15.0


@pytest.mark.parametrize(("hertz", "place"), [(7.0, 0), (15.0, 1), (40.0, 2)])
def test_twice_the_depth_is_6_db_more_modulation_and_the_other_way_round(hertz: float, place: int) -> None:
    once, twice = (variation(band_levels(modulated(hertz, db), RATE)) for db in (0.75, 1.5))
    assert compare_variation(twice, once).modulation[place] == pytest.approx(6.02, abs=0.15)
    assert compare_variation(once, twice).modulation[place] == pytest.approx(-6.02, abs=0.15)
    assert compare_variation(once, once).modulation == (0.0, 0.0, 0.0)


def swinging(db: float, rate: int = RATE) -> Float32:
    """Return a voice whose weak part above 1 kHz swings slowly against the rest."""
    low, high = harmonics(1, 5, rate), harmonics(5, 108, rate)
    gain = 10.0 ** (db * np.sin(2.0 * np.pi * 2.0 * np.arange(low.size) / rate) / 20.0)
    return np.asarray(0.05 * (low + 0.03 * high * gain), np.float32)


@pytest.mark.parametrize("rate", [24000, 48000])
def test_the_global_variance_is_that_of_the_swing(rate: int) -> None:
    found = variation(band_levels(swinging(4.0, rate), rate)).variance
    above = (BANDS_HZ > 1300.0) & (0.4 * rate > BANDS_HZ)
    assert found[above] == pytest.approx(4.0**2 / 2.0, rel=0.05)
    assert found[BANDS_HZ < 700.0].max() < 0.05
    assert np.isnan(found[0.45 * rate < BANDS_HZ]).all()


def test_half_the_swing_is_a_quarter_of_the_variance_whatever_the_level_and_the_rate() -> None:
    real = variation(band_levels(swinging(4.0), RATE))
    louder = variation(band_levels(swinging(2.0) * np.float32(3.0), RATE))
    assert compare_variation(louder, real).variance == pytest.approx(0.25, abs=0.01)
    other = variation(band_levels(swinging(2.0, 24000), 24000))
    assert compare_variation(other, real).variance == pytest.approx(0.25, abs=0.01)


def test_the_loudness_of_the_song_is_no_variance_of_its_bands() -> None:
    found = variation(band_levels(modulated(2.0, 6.0), RATE))
    assert np.nanmean(found.variance) < 0.1
    assert np.nanmean(variation(band_levels(swinging(6.0), RATE)).variance) > 10.0


def test_white_noise_has_the_variance_of_the_logarithm_of_its_power() -> None:
    """A band's power is a sum of exponentials weighted by the eigenvalues of its bins' covariance."""
    size, width, bin_hz = 2 * RATE // 100, 400.0, 25.0
    x = np.asarray(np.random.default_rng(0).normal(0.0, 0.1, 20 * RATE), np.float32)
    bands = band_levels(x, RATE, PitchTrack(np.full(2000, width), np.ones(2000, bool)))
    root = np.ones(round(width / bin_hz) + 1)
    root[[0, -1]] = math.sqrt(0.5)
    window = np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2
    turns = np.exp(2j * np.pi * np.outer(np.arange(root.size), np.arange(size)) * bin_hz / RATE)
    weights = np.linalg.eigvalsh(root[:, None] * ((turns * window**2) @ turns.conj().T) * root).clip(0.0)
    wanted = 10.0 * np.log10(np.random.default_rng(1).exponential(size=(100000, weights.size)) @ weights)
    inside = (BANDS_HZ > 500.0) & (BANDS_HZ < 4000.0)
    absolute = bands._replace(levels=bands.levels + bands.loudness[:, None])
    assert variation(absolute).variance[inside].mean() == pytest.approx(wanted.var(), rel=0.04)


def test_the_distance_is_that_of_a_gain_and_of_a_shelf() -> None:
    x = np.asarray(0.05 * (LOW + 0.1 * HIGH), np.float32)
    shelved = np.asarray(0.05 * (LOW + 0.2 * HIGH), np.float32)
    assert log_spectral_distance(x, x, RATE) == 0.0
    assert log_spectral_distance(2.0 * x, x, RATE) == pytest.approx(6.02, abs=0.01)
    share = float(np.mean(BANDS_HZ > 900.0))
    assert log_spectral_distance(shelved, x, RATE) == pytest.approx(6.02 * math.sqrt(share), abs=0.1)


@pytest.mark.parametrize("samples", [0, 100, 2000, 48000])
def test_silence_has_no_variation(samples: int) -> None:
    silence = np.zeros(samples, np.float32)
    found = variation(band_levels(silence, RATE))
    assert np.isnan(found.variance).all()
    assert np.isnan(found.modulation).all()
    compared = compare_variation(found, found)
    assert all(map(math.isnan, (compared.variance, *compared.modulation)))
    assert math.isnan(log_spectral_distance(silence, silence, RATE))


def test_modulation_is_taken_within_voiced_stretches_only() -> None:
    still = np.zeros((400, BANDS_HZ.size))
    still[200:] = np.random.default_rng(0).normal(0.0, 10.0, (200, BANDS_HZ.size))
    voiced = np.arange(400) < 200
    found = variation(BandLevels(still, np.zeros(400), voiced))
    assert found.modulation.max() == pytest.approx(-60.0)
    assert found.variance.max() == 0.0


def test_means_leave_out_what_could_not_be_told() -> None:
    one, other = (variation(band_levels(x, RATE)) for x in (swinging(4.0), np.zeros(RATE, np.float32)))
    mean = mean_variation([one, other])
    assert mean.variance == pytest.approx(one.variance, nan_ok=True)
    assert mean.modulation == pytest.approx(one.modulation, nan_ok=True)
    assert mean.modulation.shape == (len(RANGES_HZ), BANDS_HZ.size)
