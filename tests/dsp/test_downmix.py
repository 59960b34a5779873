"""The mono of stereo: it never cancels, keeps the level, and is the channel itself where both are one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.downmix import Downmix, mono_of

RATE = 48000
HOP = 480
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


def voice(seconds: float = 1.0, f0: float = 190.0, seed: int = 0) -> Float32:
    """A vowel-like sawtooth with some breath, 12 dB an octave, at about -20 dB."""
    n = np.arange(round(seconds * RATE))
    x = sum(np.sin(2.0 * np.pi * k * f0 * n / RATE + k * k) / k for k in range(1, 60))
    x = x + 0.05 * np.random.default_rng(seed).standard_normal(n.size)
    return np.asarray(0.1 * x, np.float32)


def late(x: Float32, seconds: float) -> Float32:
    """Delay by a fraction of a sample, too."""
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(x.size, 1.0 / RATE) * seconds)
    return np.fft.irfft(np.fft.rfft(x) * turn, x.size).astype(np.float32)


def levels(x: Float32) -> Float64:
    """Of every 50 ms, dB."""
    return np.asarray(
        10.0 * np.log10(np.square(x.reshape(-1, 5 * HOP), dtype=np.float64).mean(axis=1) + 1e-15)
    )


def test_equal_channels_and_mono_come_out_as_they_are() -> None:
    x = voice()
    assert np.array_equal(mono_of(x[None], RATE), x)
    assert np.array_equal(mono_of(np.stack([x, x]), RATE), x)


def test_a_silent_channel_leaves_half_of_the_other_which_the_pan_doubles() -> None:
    x = voice()
    assert np.array_equal(mono_of(np.stack([0 * x, x]), RATE), np.float32(0.5) * x)


@pytest.mark.parametrize("gain_db", [0.0, -0.5, -3.0, -10.0])
@pytest.mark.parametrize("side", [0, 1])
def test_a_channel_of_inverse_polarity_does_not_cancel(gain_db: float, side: int) -> None:
    x = voice()
    gain = 10.0 ** (gain_db / 20.0)
    pair = np.stack([x, np.float32(-gain) * x])
    mono = mono_of(np.roll(pair, side, axis=0), RATE)
    assert np.abs(levels(mono) - levels(x * np.float32(0.5 + 0.5 * gain))).max() < 0.01
    scaled = np.abs(mono / np.float32(0.5 + 0.5 * gain))
    assert np.allclose(scaled, np.abs(x), atol=1e-6)


@pytest.mark.parametrize("ms", [0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 5.0, 20.0])
def test_a_late_channel_makes_no_comb(ms: float) -> None:
    x = voice()
    mono = mono_of(np.stack([x, late(x, 0.001 * ms)]), RATE)[4800:-4800]
    window = np.hanning(mono.size)
    before, after = (np.abs(np.fft.rfft(window * part)) for part in (x[4800:-4800], mono))
    bins = np.round(190.0 * np.arange(1, 60) * mono.size / RATE).astype(int)
    assert np.abs(20.0 * np.log10(after[bins] / before[bins])).max() < 0.5


def test_unlike_channels_keep_their_level() -> None:
    x, y = voice(f0=190.0), voice(f0=251.0, seed=1)
    assert np.abs(levels(mono_of(np.stack([x, y]), RATE)) - levels(x)).max() < 1.0


def test_a_polarity_that_flips_costs_one_hop() -> None:
    x = voice()
    turns = np.where(np.arange(x.size) < x.size // 2, 1.0, -1.0).astype(np.float32)
    mono = mono_of(np.stack([x, turns * x]), RATE)
    assert np.abs(levels(mono)[:10] - levels(x)[:10]).max() < 0.01
    hops = np.square(mono).reshape(-1, HOP).mean(axis=1) / np.square(x).reshape(-1, HOP).mean(axis=1)
    assert (hops > 0.1).all()
    after = slice(x.size // 2 + HOP, None)
    assert np.allclose(np.abs(mono[after]), np.abs(x[after]), rtol=1e-3)


def test_a_voice_that_changes_sides_out_of_phase_is_never_lost() -> None:
    x = voice(2.0)
    pan = 0.5 + 0.5 * np.sin(2.0 * np.pi * np.arange(x.size) / RATE)
    pair = np.stack([np.sqrt(pan) * x, -np.sqrt(1.0 - pan) * x]).astype(np.float32)
    level = levels(mono_of(pair, RATE)) - levels(x)
    assert level.min() > -7.0  # in one channel only it is 6 dB softer, and the pan gives it back
    assert level.max() < 0.0


def test_a_panned_voice_under_unlike_music_stays_the_mean() -> None:
    """What both channels share comes out 3 dB above what they do not."""
    x, noise = voice(), 0.004 * np.random.default_rng(2).standard_normal((2, RATE))
    pair = (np.stack([x, 0.7 * x]) + noise).astype(np.float32)
    block = Downmix(HOP)
    block.process(pair)
    assert block._weights[0] == block._weights[1]


def test_silence_is_silence() -> None:
    assert not mono_of(np.zeros((2, 1001), np.float32), RATE).any()


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_a_recording_of_any_length_and_rate_keeps_its_length(rate: int) -> None:
    pair = np.random.default_rng(3).standard_normal((2, 12345)).astype(np.float32)
    assert mono_of(pair, rate).shape == (12345,)
