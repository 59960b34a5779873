"""The harmonic sources against analytic sums of sinusoids."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.oscillator import HALF_WIDTH, HarmonicBank, Phase, Sawtooth
from dsp.units import RATES, hop_size

Float64 = NDArray[np.float64]


def render(sample_rate: int, f0: float, seconds: float) -> Float64:
    hop = hop_size(sample_rate)
    saw = Sawtooth(sample_rate)
    hops = round(seconds * 100)
    return np.concatenate([saw.process(np.full(hop, f0)) for _ in range(hops)]).astype(np.float64)


def harmonics_of(wave: Float64, sample_rate: int, f0: float, count: int) -> tuple[Float64, Float64]:
    """Least-squares amplitudes of the first harmonics, and what they leave over."""
    n = np.arange(wave.size) / sample_rate
    angles = 2.0 * np.pi * f0 * np.outer(n, np.arange(1, count + 1))
    basis = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
    weights = np.linalg.lstsq(basis, wave, rcond=None)[0]
    return np.hypot(weights[:count], weights[count:]), wave - basis @ weights


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("f0", [61.7, 233.1, 1046.5, 2637.0])
def test_sawtooth_has_falling_harmonics_and_no_images(sample_rate: int, f0: float) -> None:
    wave = render(sample_rate, f0, 0.25)[-round(0.1 * sample_rate) :]
    every = int(0.5 * sample_rate / f0)
    flat = int(0.36 * sample_rate / f0)  # the pass band of the step
    amplitude, rest = harmonics_of(wave, sample_rate, f0, every)
    expected = 2.0 / (np.pi * np.arange(1, flat + 1))
    assert np.max(np.abs(20.0 * np.log10(amplitude[:flat] / expected))) < 0.1
    # Images may fold only into the top 3 % of the band; elsewhere the step holds its harmonics, 30 dB down
    # there, by 80 dB.
    residue = np.abs(np.fft.rfft(rest * np.hanning(rest.size)))[: int(0.47 * rest.size)]
    assert np.max(residue) * 4.0 / rest.size < 10 ** (-100 / 20)


def test_sawtooth_lags_its_phase_by_the_declared_width() -> None:
    wave = render(48000, 100.0, 0.1)
    jump = int(np.argmin(np.diff(wave)))
    period = 480
    # The phase first reaches 1 at sample 479 (phase advances before each sample).
    assert abs((jump + 1 - HALF_WIDTH) % period - (period - 1)) <= 1


def test_phase_stays_exact_for_an_hour() -> None:
    phase = Phase(48000)
    f0 = np.full(480, 440.1)
    for _ in range(2000):
        last = phase.process(f0)[-1]
    turns = 2000 * 480 * 440.1 / 48000
    assert abs(last - turns % 1.0) < 1e-7


def test_phase_is_continuous_over_a_leap() -> None:
    phase = Phase(48000)
    joined = np.concatenate([phase.process(np.full(480, hz)) for hz in (200.0, 900.0, 65.0)])
    steps = np.diff(joined) % 1.0
    assert np.max(steps) <= 900.0 / 48000 + 1e-12


@pytest.mark.parametrize("f0", [97.3, 440.0, 1000.0])
def test_bank_matches_direct_sinusoids(f0: float) -> None:
    bank = HarmonicBank(48000, 150)
    waves = np.concatenate([bank.process(np.full(480, f0)).copy() for _ in range(5)], axis=1)
    n = np.arange(1, waves.shape[1] + 1)
    audible = int(0.94 * 24000 / f0)
    number = np.arange(1, min(150, audible) + 1)[:, None]
    expected = np.exp(2j * np.pi * number * f0 * n / 48000)
    assert np.max(np.abs(waves[: number.size] - expected)) < 1e-9


@pytest.mark.parametrize("f0", [118.75, 233.1, 1000.0, 1140.0, 2400.0, 2533.0])
def test_every_harmonic_fades_straight_over_the_last_twentieth_below_nyquist(f0: float) -> None:
    """At 118.75 and 2400 Hz a harmonic stands within a hertz or two of where the fade begins, at 22800 Hz."""
    waves = HarmonicBank(48000, 250).process(np.full(480, f0))
    wanted = np.clip((24000.0 - f0 * np.arange(1, 251)) / 1200.0, 0.0, 1.0)
    assert np.abs(np.abs(waves) - wanted[:, None]).max() < 1e-9


def test_a_rising_harmonic_fades_with_the_pitch_of_the_sample() -> None:
    f0 = np.linspace(1100.0, 1300.0, 480)
    waves = HarmonicBank(48000, 22).process(f0)
    wanted = np.clip((24000.0 - np.arange(1, 23)[:, None] * f0) / 1200.0, 0.0, 1.0)
    assert np.abs(np.abs(waves) - wanted).max() < 1e-9


def test_bank_is_silent_above_nyquist() -> None:
    bank = HarmonicBank(16000, 150)
    waves = bank.process(np.full(160, 1000.0))
    assert np.all(waves[8:] == 0.0)
    assert np.all(np.abs(waves[:7]) > 0.99)
