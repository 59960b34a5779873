"""The features of a voice: the same bits however its hops are cut into calls, at every kind of rate."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsp.controls import VOICED
from dsp.decimator import Decimator
from dsp.features import FeatureExtractor
from dsp.ltas import LtasNormalizer
from dsp.pitch import PitchTracker
from dsp.sliding import SlidingWindows
from dsp.spectrum import SILENCE_DB, UNVOICED_WIDTH_HZ, envelope
from dsp.units import hop_size

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

RATES = (16000, 44100, 48000, 96000)
HOPS = 90
CUTS = st.lists(st.integers(1, 20), min_size=1, max_size=5)


def voice(rate: int) -> Float32:
    """Breath, a note with vibrato, a leap, a pause, a note so deep that its lags are long, noise, silence."""
    rng = np.random.default_rng(11)
    hop = hop_size(rate)
    n = np.arange(HOPS * hop)
    frame = n / hop
    hz = np.select([frame < 30, frame < 50], [260.0, 520.0], 85.0) * (1.0 + 0.02 * np.sin(0.3 * frame))
    phase = 2.0 * np.pi * np.cumsum(hz) / rate
    wave = sum(np.sin(k * phase + k * k) / k for k in range(1, 8))
    level = np.select([frame < 5, frame < 46, frame < 52, frame < 75], [0.0, 0.1, 0.0, 0.1], 0.0)
    noise = 0.003 * rng.standard_normal(n.size) * (frame < 82)
    return np.asarray(level * wave + noise, np.float32)


def parts(x: Float32, hop: int, cuts: Iterable[int]) -> list[Float32]:
    """Cut audio into calls of so many hops, over and over."""
    found: list[Float32] = []
    sizes = list(cuts)
    start = 0
    while start < x.size:
        stop = start + sizes[len(found) % len(sizes)] * hop
        found.append(x[start:stop])
        start = stop
    return found


def described(rate: int, calls: Iterable[Float32]) -> Float64:
    """Return all that is known of each frame, (frames, numbers)."""
    extractor, ltas = FeatureExtractor(rate), LtasNormalizer()
    found = []
    for x in calls:
        heard = extractor.process(x)
        width = np.where(np.array(heard.voicing) > VOICED, heard.f0, UNVOICED_WIDTH_HZ)
        bands = envelope(heard.spectrum.power, heard.spectrum.loudness, width)
        numbers = [heard.f0, heard.voicing, heard.loudness, heard.spectrum.loudness]
        frames = [*np.array(numbers), *heard.spectrum.power.T, *ltas.process(bands, heard.loudness).T]
        found.append(np.stack(frames, axis=1))
    return np.concatenate(found)


@pytest.mark.parametrize("rate", RATES)
@given(cuts=CUTS)
@settings(max_examples=8)
def test_any_cut_into_calls_gives_the_same_bits(rate: int, cuts: list[int]) -> None:
    x, hop = voice(rate), hop_size(rate)
    assert np.array_equal(described(rate, parts(x, hop, cuts)), described(rate, parts(x, hop, [1])))


@pytest.mark.parametrize("rate", RATES)
@given(cuts=CUTS)
@settings(max_examples=8)
def test_decimated_hops_do_not_depend_on_the_cut(rate: int, cuts: list[int]) -> None:
    x, hop = voice(rate), hop_size(rate)
    whole, pieces = Decimator(rate), Decimator(rate)
    got = np.concatenate([pieces.process(part) for part in parts(x, hop, cuts)])
    assert np.array_equal(got, whole.process(x))


def test_the_voice_of_these_tests_is_voiced_and_is_not() -> None:
    frames = PitchTracker(48000).process(voice(48000))
    voiced = [frame.voicing > VOICED for frame in frames]
    assert 40 < sum(voiced) < 70
    assert {round(frame.f0 / 87.0) for frame, sure in zip(frames, voiced, strict=True) if sure} >= {1, 3, 6}


def test_loudness_is_that_of_the_frame_before() -> None:
    heard = FeatureExtractor(16000).process(voice(16000))
    assert heard.loudness == [SILENCE_DB, *heard.spectrum.loudness[:-1].tolist()]


@given(counts=st.lists(st.integers(1, 4), min_size=1, max_size=12))
def test_windows_slide_over_all_samples(counts: list[int]) -> None:
    sliding = SlidingWindows(7, 3, 4)
    stream = np.arange(1.0, 3 * sum(counts) + 1, dtype=np.float32)
    padded = np.concatenate([np.zeros(4, np.float32), stream])
    got = np.concatenate(
        [sliding.process(part).copy() for part in np.split(stream, 3 * np.cumsum(counts))[:-1]]
    )
    assert np.array_equal(got, [padded[start : start + 7] for start in range(0, stream.size, 3)])


def test_windows_forget() -> None:
    sliding = SlidingWindows(7, 3, 4)
    sliding.process(np.ones(9, np.float32))
    sliding.reset()
    assert np.array_equal(sliding.process(np.ones(3, np.float32)), [[0, 0, 0, 0, 1, 1, 1]])
