"""Of the source, bursts and hiss are let through to the sample, and nothing sung."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.consonants import EDGE_HZ, Consonants, Passed
from dsp.units import MAX_HOPS, RATES, hop_size

Float32 = NDArray[np.float32]

RATE = 48000


def told(x: Float32, rate: int, f0: float = 220.0, voicing: float = 0.0, whispered: float = 0.0) -> Passed:
    """Return what a block says of whole hops, at most `MAX_HOPS`, whose frames are all alike."""
    n = x.size // hop_size(rate)
    return Consonants(rate).process(x, [f0] * n, [voicing] * n, [whispered] * n)


def noise(samples: int) -> Float32:
    return np.random.default_rng(7).uniform(-0.3, 0.3, samples).astype(np.float32)


def sawtooth(rate: int, f0: float | NDArray[np.float64]) -> Float32:
    n = MAX_HOPS * hop_size(rate)
    phase = np.cumsum(np.broadcast_to(f0, n)) / rate
    return np.asarray(0.6 * (phase % 1.0) - 0.3, np.float32)


@pytest.mark.parametrize("rate", RATES)
def test_the_sound_is_the_source_without_its_bass_two_hops_late(rate: int) -> None:
    hop = hop_size(rate)
    t = np.arange(MAX_HOPS * hop) / rate
    for hertz, least, most in ((60.0, 0.0, 0.02), (EDGE_HZ, 0.45, 0.55), (2500.0, 0.97, 1.03)):
        x = np.sin(2.0 * np.pi * hertz * t).astype(np.float32)
        sound, _ = told(x, rate)
        settled = slice(4 * hop, 60 * hop)
        source = x[settled]
        gain = float(
            source @ sound[6 * hop : 62 * hop] / (source @ source)
        )  # 0 where it came at another time
        assert least <= gain <= most


@pytest.mark.parametrize("rate", RATES)
def test_noise_is_let_through_and_silence_before_a_burst(rate: int) -> None:
    hop = hop_size(rate)
    x = noise(MAX_HOPS * hop)
    x[: 30 * hop] = 0.0
    _, opened = told(x, rate)
    assert min(opened[:32]) == 1.0  # also where the burst begins
    assert np.mean(opened[33:]) > 0.95


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("f0", [82.0, 220.0, 700.0])
@pytest.mark.parametrize("heard", [1.0, 1.04, 0.96])
def test_what_repeats_stays_out_although_it_is_taken_for_unvoiced(rate: int, f0: float, heard: float) -> None:
    _, opened = told(sawtooth(rate, f0), rate, f0 * heard)
    assert max(opened[5:]) == 0.0


def test_a_tail_and_a_glide_stay_out_until_they_are_50_db_down() -> None:
    hop = hop_size(RATE)
    seconds = np.arange(MAX_HOPS * hop) / RATE
    tail = sawtooth(RATE, 220.0) * 10.0 ** (-200.0 * np.maximum(0.0, seconds - 0.2) / 20.0)
    _, opened = told(tail.astype(np.float32), RATE)
    assert max(opened[5:40]) == 0.0  # 38 dB down at 0.39 s
    assert opened[-1] == 1.0
    _, opened = told(sawtooth(RATE, 220.0 * 2.0 ** (seconds / 0.6)), RATE, 330.0)
    around = round(0.6 * np.log2(1.5) * 100)
    assert max(opened[around - 2 : around + 5]) == 0.0


def test_voice_and_whisper_are_for_the_singer() -> None:
    x = noise(MAX_HOPS * hop_size(RATE))
    assert not any(told(x, RATE, voicing=1.0)[1])
    assert not any(told(x, RATE, whispered=1.0)[1])
    assert told(x, RATE, voicing=0.75)[1][-1] == pytest.approx(0.25)
    assert told(x, RATE, whispered=0.5)[1][-1] == pytest.approx(0.5)
