"""Consonants' rises and levels, of bursts and gains that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from models.metrics.onsets import compare_onsets, level_db

Float32 = NDArray[np.float32]

BURSTS = (0.2, 0.5, 0.8)


def bursts(rate: int, rise_db: float, early: float = 0.0) -> Float32:
    """Return a second of noise at -70 dB, louder by `rise_db` for 30 ms from each of `BURSTS` on."""
    rng = np.random.default_rng(0)
    seconds = np.arange(rate) / rate
    on = np.any([(seconds >= start - early) & (seconds < start - early + 0.03) for start in BURSTS], axis=0)
    level = 10.0 ** (-70.0 / 20.0) * np.where(on, 10.0 ** (rise_db / 20.0), 1.0)
    return np.asarray(level * rng.normal(0.0, 1.0, rate), np.float32)


@pytest.mark.parametrize("rate", [24000, 44100, 48000])
@pytest.mark.parametrize(("rise", "early"), [(40.0, 0.0), (30.0, 0.005), (20.0, -0.008)])
def test_the_rise_and_the_lead_of_bursts_are_read(rate: int, rise: float, early: float) -> None:
    scores = compare_onsets(bursts(rate, 40.0), bursts(rate, rise, early), rate)
    assert scores.bursts == 3
    assert scores.source_rise == pytest.approx(40.0, abs=2.0)
    assert scores.rise == pytest.approx(rise, abs=2.0)
    assert scores.lead == pytest.approx(1000.0 * early, abs=1.5)


def test_a_rise_below_2_khz_is_no_burst() -> None:
    n = np.arange(48000)
    hum = np.sin(2.0 * np.pi * 150.0 * n / 48000) * ((n >= 24000) & (n < 36000))
    noise = np.random.default_rng(0).normal(0.0, 3e-4, 48000)
    x = np.asarray(np.convolve(0.3 * hum, np.hanning(480) / 240.0, "same") + noise, np.float32)
    scores = compare_onsets(x, x, 48000)
    assert scores.bursts == 0
    assert math.isnan(scores.rise)


@pytest.mark.parametrize("samples", [0, 10, 300])
def test_what_is_too_short_has_no_burst(samples: int) -> None:
    assert compare_onsets(*2 * (np.ones(samples, np.float32),), 48000).bursts == 0


def test_the_level_is_that_of_a_tone_and_follows_a_gain() -> None:
    tone = np.asarray(0.5 * np.sin(2.0 * np.pi * 1000.0 * np.arange(48000) / 48000), np.float32)
    assert level_db(tone, 48000) == pytest.approx(
        -9.03, abs=0.1
    )  # a sine at half scale; A weighs 1 kHz by 0 dB
    assert level_db(2.0 * tone, 48000) - level_db(tone, 48000) == pytest.approx(6.02, abs=0.01)
    assert level_db(np.zeros(480, np.float32), 48000) == -90.0


def burst(at: float, tone: float = 0.0) -> NDArray[np.float32]:
    """Half a second of silence with a burst of 20 ms, and from 50 ms after 0.2 s a tone at 2 kHz."""
    t = np.arange(48000 // 2) / 48000
    x = 0.05 * np.random.default_rng(2).standard_normal(t.size) * ((t >= at) & (t < at + 0.02))
    return np.asarray(
        x + tone * np.clip((t - 0.25) / 0.01, 0.0, 1.0) * np.sin(4000.0 * np.pi * t), np.float32
    )


def test_a_loud_note_after_a_burst_does_not_ring_before_it() -> None:
    scores = compare_onsets(burst(0.2), burst(0.2, 0.5), 48000)
    assert scores.source_rise > 50.0
    assert scores.rise > scores.source_rise - 3.0
    assert abs(scores.lead) <= 1.0
