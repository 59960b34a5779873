"""Loudness, and an envelope that follows the vocal tract and not the pitch."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.spectrum import (
    ENVELOPE_FLOOR_DB,
    ENVELOPE_GRID,
    SILENCE_DB,
    Analyzer,
    Spectrum,
    a_weighting,
    envelope,
    loudness_gain,
)
from dsp.units import RATES, hop_size

Float64 = NDArray[np.float64]


def analyse(sample_rate: int, wave: NDArray[np.float32]) -> Spectrum:
    """Return the newest frame."""
    analyzer = Analyzer(sample_rate)
    power, loudness = analyzer.process(wave[: wave.size // analyzer.hop * analyzer.hop])
    return Spectrum(power[-1], loudness[-1])


def vowel(sample_rate: int, f0: float, formant: float = 900.0) -> NDArray[np.float32]:
    """Harmonics under one smooth hump, up to 6 kHz."""
    n = np.arange(sample_rate // 5) / sample_rate
    wave = np.zeros(n.size)
    for k in range(1, int(6000 / f0) + 1):
        level = 10 ** ((-12.0 * np.log2(k * f0 / formant) ** 2) / 20.0)
        wave += level * np.sin(2.0 * np.pi * k * f0 * n + k)
    return np.asarray(0.1 * wave * np.sqrt(f0 / 200.0), np.float32)


@pytest.mark.parametrize("sample_rate", RATES)
def test_loudness_of_a_sine(sample_rate: int) -> None:
    n = np.arange(sample_rate // 5)
    wave = (0.5 * np.sin(2.0 * np.pi * 1000.0 * n / sample_rate)).astype(np.float32)
    assert analyse(sample_rate, wave).loudness == pytest.approx(20 * np.log10(0.5) - 3.01, abs=0.1)


@pytest.mark.parametrize(
    ("hz", "db"), [(31.5, -39.4), (100.0, -19.1), (1000.0, 0.0), (4000.0, 1.0), (16000.0, -6.6)]
)
def test_a_weighting_follows_the_standard(hz: float, db: float) -> None:
    assert 10 * np.log10(a_weighting(np.array([hz]))[0]) == pytest.approx(db, abs=0.15)


def test_silence_is_exactly_silent() -> None:
    spectrum = analyse(48000, np.zeros(4800, np.float32))
    assert spectrum.loudness == SILENCE_DB
    assert loudness_gain(float(spectrum.loudness)) == 0.0
    assert np.all(envelope(spectrum.power, spectrum.loudness, 200.0) == ENVELOPE_FLOOR_DB)


def test_loudnesses_have_the_gains_of_their_numbers() -> None:
    levels = np.array([SILENCE_DB, -63.4, -20.0, 0.0])
    numbers = [loudness_gain(level) for level in levels.tolist()]
    assert np.allclose(loudness_gain(levels), numbers, rtol=1e-15, atol=1e-20)
    assert type(loudness_gain(levels[1])) is float


@pytest.mark.parametrize("gain", [0.01, 1.0, 4.0])
def test_envelope_does_not_depend_on_level(gain: float) -> None:
    wave = vowel(48000, 210.0)
    plain, scaled = (analyse(48000, (wave * g).astype(np.float32)) for g in (1.0, gain))
    a = envelope(plain.power, plain.loudness, 210.0)
    b = envelope(scaled.power, scaled.loudness, 210.0)
    assert np.max(np.abs(a - b)) < 0.01


@pytest.mark.parametrize("f0", [110.0, 147.0, 196.0, 262.0])
def test_envelope_hides_the_pitch(f0: float) -> None:
    """Two voices of one vocal tract, a fourth or more apart, look alike where both have harmonics."""
    width = 300.0
    inside = (ENVELOPE_GRID > 400.0) & (ENVELOPE_GRID < 5000.0)
    here, there = (analyse(48000, vowel(48000, hz)) for hz in (f0, 300.0))
    a = envelope(here.power, here.loudness, width)[inside]
    b = envelope(there.power, there.loudness, width)[inside]
    difference = a - b - np.mean(a - b)
    assert np.sqrt(np.mean(difference**2)) < 2.0


@pytest.mark.parametrize("sample_rate", RATES)
def test_envelope_is_the_same_at_every_rate(sample_rate: int) -> None:
    spectrum = analyse(sample_rate, vowel(sample_rate, 220.0))
    reference = analyse(48000, vowel(48000, 220.0))
    inside = ENVELOPE_GRID < 5000.0
    a = envelope(spectrum.power, spectrum.loudness, 220.0)[inside]
    b = envelope(reference.power, reference.loudness, 220.0)[inside]
    assert np.max(np.abs(a - b)) < 1.0


def test_many_frames_equal_one_by_one() -> None:
    rng = np.random.default_rng(0)
    power = rng.exponential(1e-4, (5, 961))
    loudness, width = rng.uniform(-60, -10, 5), rng.uniform(60, 900, 5)
    together = envelope(power, loudness, width)
    for k in range(5):
        assert np.array_equal(together[k], envelope(power[k], loudness[k], width[k]))


def test_frame_is_centred_one_hop_before_the_newest_sample() -> None:
    hop = hop_size(48000)
    levels = []
    for shift in range(-hop, hop, 40):
        wave = np.zeros(5 * hop, np.float32)
        wave[4 * hop + shift] = 1.0
        levels.append(analyse(48000, wave).loudness)
    assert abs(np.argmax(levels) * 40 - hop) <= 40
