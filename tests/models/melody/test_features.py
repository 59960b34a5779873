"""The spectra stand where and as high as they should, at every rate, and batches see the same as streams."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.units import MAX_F0, RATES, hop_size
from models.melody.features import MelodySpectra
from models.melody.grid import BIN_HZ, candidates

Float32 = NDArray[np.float32]


def spectra(audio: Float32, rate: int) -> Float32:
    """All frames of a recording, (hops, 2, 401)."""
    block, hop = MelodySpectra(rate), hop_size(rate)
    return np.concatenate([block.process(x).copy() for x in audio.reshape(-1, hop)])


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hz", [130.0, 440.0, 2500.0])
def test_a_tone_stands_at_its_bin_with_its_power(rate: int, hz: float) -> None:
    tone = (0.5 * np.sin(2.0 * np.pi * hz * np.arange(rate // 2) / rate)).astype(np.float32)
    for power in spectra(tone, rate)[-1]:
        assert int(power.argmax()) == round(hz / BIN_HZ)
        assert 10.0 * np.log10(power.max()) == pytest.approx(20.0 * np.log10(0.5), abs=0.5)


@pytest.mark.parametrize("rate", RATES)
def test_a_click_is_loudest_in_the_frame_at_its_centre(rate: int) -> None:
    hop = hop_size(rate)
    click = np.zeros(40 * hop, np.float32)
    click[20 * hop] = 1.0
    power = spectra(click, rate).sum(axis=2)
    for window in power.T:
        assert int(window.argmax()) == 21  # the call that ends two hops after the click
    assert not power[:20].any()  # nothing of it is heard before it is there


def test_all_rates_hear_the_same() -> None:
    found = []
    for rate in RATES:
        t = np.arange(rate // 2) / rate
        wave = sum(np.sin(2.0 * np.pi * 220.0 * k * t) / k for k in range(1, 12))
        found.append(10.0 * np.log10(spectra(np.asarray(0.1 * wave, np.float32), rate)[-1, :, :330] + 1e-7))
    for other in found[1:]:
        assert np.abs(other - found[0]).max() < 2.0


def test_the_candidates_cover_the_voice() -> None:
    assert candidates[0] < 60.0
    assert candidates[-1] > MAX_F0
    assert 1200.0 * np.log2(candidates[1] / candidates[0]) == pytest.approx(48.0)
