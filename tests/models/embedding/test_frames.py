"""Frames are levels of mel bands where somebody sings; crops are of equal length and level."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.embedding.frames import CROP, MELS, MOST, STEP, crops, levels, normalized, power_of, sung

Float32 = NDArray[np.float32]


def tone(hertz: float, seconds: float, rate: int, amplitude: float = 1.0) -> Float32:
    return (amplitude * np.sin(2.0 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(
        np.float32
    )


def band_of(hertz: float) -> float:
    """The band whose centre is there: 80 from 50 to 7600 Hz, evenly in mel."""
    lowest, highest, here = (2595.0 * np.log10(1.0 + x / 700.0) for x in (50.0, 7600.0, hertz))
    return float((here - lowest) / (highest - lowest) * (MELS + 1) - 1.0)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000, 96000])
@pytest.mark.parametrize("hertz", [110.0, 440.0, 1000.0, 3000.0])
def test_a_tone_is_in_the_band_of_its_pitch_at_any_rate(rate: int, hertz: float) -> None:
    found = levels(tone(hertz, 1.0, rate), rate)
    assert found.shape == (100, MELS)
    assert found.dtype == np.float32
    assert abs(int(found[50].argmax()) - band_of(hertz)) < 1.0
    assert found[50].max() == pytest.approx(-3.0, abs=4.0)


def test_ten_times_the_amplitude_is_20_db_and_silence_has_a_floor() -> None:
    soft, loud = (levels(tone(440.0, 0.5, 16000, size), 16000) for size in (0.01, 0.1))
    assert np.allclose(loud[20, 5:20] - soft[20, 5:20], 20.0, atol=0.05)
    assert levels(np.zeros(1600, np.float32), 16000).max() == pytest.approx(-200.0)
    assert levels(np.zeros(0, np.float32), 48000).shape == (0, MELS)


def test_pauses_are_left_out_and_of_silence_nothing_is_left() -> None:
    phrase = tone(440.0, 1.0, 16000, 0.3)
    pause = 1e-4 * tone(300.0, 1.0, 16000)  # 70 dB below
    frames = sung(levels(np.concatenate([pause, phrase, pause, phrase]), 16000))
    assert 200 <= len(frames) <= 206  # and what of the phrases reaches into windows of the pauses
    dither = np.random.default_rng(0).integers(-1, 2, 16000).astype(np.float32) / np.float32(2**23)
    for silent in (np.zeros(16000, np.float32), dither):
        assert sung(levels(silent, 16000)).shape == (0, MELS)


@pytest.mark.parametrize(
    ("count", "expected"), [(1, 1), (CROP, 1), (CROP + 1, 2), (CROP + STEP, 2), (1000, 8), (60_000, MOST)]
)
def test_crops_reach_from_the_first_frame_to_the_last(count: int, expected: int) -> None:
    numbered = np.repeat(np.linspace(-20.0, 0.0, count, dtype=np.float32)[:, None], MELS, axis=1)
    found = crops(numbered)
    assert found.shape == (expected, CROP, MELS)
    if count > CROP:
        assert np.array_equal(found[0], normalized(power_of(numbered[None, :CROP]))[0])
        assert np.array_equal(found[-1], normalized(power_of(numbered[None, -CROP:]))[0])


def test_a_short_recording_is_repeated() -> None:
    frames = np.random.default_rng(0).uniform(-30.0, 0.0, (100, MELS)).astype(np.float32)
    (found,) = crops(frames)
    assert np.array_equal(found[:100], found[100:200])
    assert np.array_equal(found[:43], found[200:])


def test_crops_are_of_one_level() -> None:
    power = power_of(np.random.default_rng(0).uniform(-50.0, 0.0, (2, CROP, MELS)).astype(np.float32))
    assert np.allclose(normalized(power), normalized(0.005 * power), atol=1e-5)
    assert np.allclose((10.0 ** (2.0 * normalized(power))).mean(axis=(1, 2)), 1.0, atol=0.01)
    power[0, :, :40] *= np.float32(1e-9)
    assert normalized(power)[0].min() == pytest.approx(-3.0)  # 60 dB below the mean
