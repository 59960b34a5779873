"""Rates outside the native list: exact length, no delay, no trace of how the stream was cut."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.units import RATES
from plugin_bridge.files.resampling import native_rate, resampled

FOREIGN = [8000, 11025, 22050, 37800, 44056, 47999, 176400, 192000, 384000]


def cut(x: NDArray[np.float32], size: int) -> Iterator[NDArray[np.float32]]:
    return (x[:, i : i + size] for i in range(0, x.shape[1], size))


def there_and_back(x: NDArray[np.float32], rate: int, size: int) -> NDArray[np.float32]:
    """Go to the native rate and back, with silence after the end as in a bounce."""
    native, silence = native_rate(rate), np.zeros((len(x), 5 * rate // 100), np.float32)
    there = itertools.chain(resampled(cut(x, size), len(x), rate, native), [silence])
    return np.concatenate(list(resampled(there, len(x), native, rate)), axis=1)[:, : x.shape[1]]


@pytest.mark.parametrize("rate", FOREIGN)
@pytest.mark.parametrize("frames", [1, 2, 999, 30001])
def test_the_length_comes_back_exactly(rate: int, frames: int) -> None:
    assert there_and_back(np.ones((2, frames), np.float32), rate, 4096).shape == (2, frames)


@pytest.mark.parametrize("rate", FOREIGN)
def test_a_tone_comes_back_in_place(rate: int) -> None:
    x = (0.5 * np.sin(2 * np.pi * 1000 / rate * np.arange(rate)))[None].astype(np.float32)
    error = (there_and_back(x, rate, 1000) - x)[:, rate // 8 : -rate // 8]
    assert 20 * np.log10(np.abs(error).max()) < -100


def test_the_cut_of_the_stream_leaves_no_trace() -> None:
    x = np.random.default_rng(0).standard_normal((1, 20000)).astype(np.float32)
    assert np.array_equal(there_and_back(x, 22050, 7), there_and_back(x, 22050, 20000))


def test_native_rates_pass_untouched() -> None:
    for rate in RATES:
        assert native_rate(rate) == rate
        x = np.ones((1, 5), np.float32)
        assert next(resampled([x], 1, rate, rate)) is x


def test_foreign_rates_go_up_to_the_next_native_one() -> None:
    assert [native_rate(rate) for rate in FOREIGN] == [
        16000, 16000, 24000, 44100, 44100, 48000, 96000, 96000, 96000,
    ]  # fmt: skip
