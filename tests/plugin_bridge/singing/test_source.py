"""The source stem: on its pitch, at its level, bursting in a millisecond, the same however it is cut."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.features import FeatureExtractor
from dsp.filters import HARMONIC_GRID, NOISE_GRID
from dsp.units import RATES, hop_size
from models.pronunciation.file import LOWEST_DB, Pronounced, shipped
from models.pronunciation.phones import SungPhone
from plugin_bridge.singing.source import render, stem

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
FRAMES = 120
F0 = np.full(FRAMES, 220.0)
LEVEL = np.full(FRAMES, -20.0)


def pronounced() -> Pronounced:
    phones = [SungPhone("t", 0.2, 0.3), SungPhone("a", 0.3, 0.6), SungPhone("s", 0.6, 0.75)]
    return shipped().process([*phones, SungPhone("o", 0.75, 1.0)], F0)


def flat(voicing: Float64, level: Float64, bursts: tuple[float, ...] = ()) -> Pronounced:
    harmonic, noise = (np.zeros((level.size, grid.size), np.float32) for grid in (HARMONIC_GRID, NOISE_GRID))
    return Pronounced(harmonic, noise, voicing.astype(np.float32), level.astype(np.float32), np.array(bursts))


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_any_pieces_are_the_same(rate: int) -> None:
    found = pronounced()
    whole = stem(found, F0, LEVEL, rate, seed=3)
    assert whole.dtype == np.float32
    assert whole.shape == (FRAMES * hop_size(rate),)
    for hops in (1, 7, 33):
        pieces = list(render(found, F0, LEVEL, rate, 3, hops))
        assert len(pieces) == -(-FRAMES // hops)
        assert np.array_equal(np.concatenate(pieces), whole)
    assert np.array_equal(stem(found, F0, LEVEL, rate, 3), whole)
    assert not np.array_equal(stem(found, F0, LEVEL, rate, 4), whole)


@pytest.mark.parametrize("rate", RATES)
def test_it_sounds_on_its_pitch_at_its_level(rate: int) -> None:
    f0 = np.geomspace(200.0, 300.0, FRAMES)
    audio = stem(shipped().process([SungPhone("a", 0.1, 1.1)], f0), f0, LEVEL, rate)
    heard = FeatureExtractor(rate).process(np.append(audio, np.zeros(2 * hop_size(rate), np.float32)))
    span = slice(30, 100)
    cents = 1200.0 * np.log2(np.array(heard.f0[1:])[span] / f0[span])
    assert np.abs(cents).max() < 15.0
    assert float(np.mean(heard.loudness[1:][span])) == pytest.approx(-20.0, abs=3.0)


def test_pitch_by_the_sample_is_that_by_the_frame() -> None:
    octaves = np.linspace(7.0, 8.0, FRAMES)
    hop = hop_size(16000)
    fine = np.exp2(np.interp(np.arange(FRAMES * hop) / hop, np.arange(FRAMES), octaves))
    found = pronounced()
    one, other = stem(found, np.exp2(octaves), LEVEL, 16000), stem(found, fine, LEVEL, 16000)
    assert np.allclose(one, other, atol=1e-4)


def test_rests_take_the_pitch_of_the_nearest_note() -> None:
    f0 = np.repeat([200.0, 0.0, 300.0], 40)
    held = np.where(np.arange(FRAMES) < 60, 200.0, 300.0)
    found = pronounced()
    hop = hop_size(16000)
    assert np.array_equal(stem(found, f0, LEVEL, 16000), stem(found, held, LEVEL, 16000))
    fine, fine_held = (np.repeat(one, hop) for one in (f0, held))
    assert np.array_equal(stem(found, fine, LEVEL, 16000), stem(found, fine_held, LEVEL, 16000))


def test_a_burst_rises_within_a_millisecond_at_its_sample() -> None:
    level = np.where(np.arange(FRAMES) <= 50, LOWEST_DB, 0.0)
    rate = 48000
    audio = stem(flat(np.zeros(FRAMES), level, (0.5043,)), F0, LEVEL, rate)
    burst = round(0.5043 * rate)
    assert np.abs(audio[: burst + 1]).max() < 1e-6
    opened, later = (
        float(np.sqrt(np.mean(np.square(part)))) for part in (audio[burst + 48 : burst + 144], audio[-4800:])
    )
    assert opened == pytest.approx(later, rel=0.3)


def test_silence_has_no_sound() -> None:
    audio = stem(flat(np.ones(FRAMES), np.full(FRAMES, LOWEST_DB)), np.zeros(FRAMES), LEVEL, 16000)
    assert not audio.any()


def test_what_does_not_fit_is_refused() -> None:
    found = pronounced()
    with pytest.raises(ValueError, match=r"f0 of shape \(119,\) and level of shape \(120,\) do not fit 120"):
        stem(found, F0[1:], LEVEL, 16000)
    with pytest.raises(ValueError, match=r"f0 or level holds a number that is not finite; give hertz and dB"):
        stem(found, F0, np.where(LEVEL, np.nan, 0.0), 16000)
    with pytest.raises(ValueError, match=r"sample rate 8000 is not native"):
        stem(found, F0, LEVEL, 8000)
