"""The dither: triangular, unbiased, keyed by position, and silent in silence."""

from __future__ import annotations

import numpy as np
import pytest

from plugin_bridge.files.dither import Quantizer


@pytest.mark.parametrize("bits", [16, 24])
def test_the_error_is_unbiased_and_its_power_does_not_follow_the_signal(bits: int) -> None:
    step = 2.0 ** (1 - bits)
    for offset in (0.0001, 0.25, 0.5, 0.75):
        x = np.full((1, 200000), (100 + offset) * step, np.float32)
        wanted = x.astype(np.float64) / step
        error = (Quantizer(bits, 1).process(x) >> (32 - bits)) - wanted
        assert abs(error.mean()) < 0.01
        assert error.var() == pytest.approx(
            0.25, abs=0.01
        )  # 1/12 of rounding and 1/6 of dither, in steps squared


def test_every_cut_of_the_stream_gives_the_same_samples() -> None:
    x = np.random.default_rng(2).uniform(-1, 1, (2, 1000)).astype(np.float32)
    whole = Quantizer(16, 2).process(x)
    quantizer = Quantizer(16, 2)
    parts = [quantizer.process(part) for part in np.split(x, [1, 4, 9, 500, 777], axis=1)]
    assert np.array_equal(np.concatenate(parts, axis=1), whole)
    quantizer.reset(501)
    assert np.array_equal(quantizer.process(x[:, 501:]), whole[:, 501:])


def test_seeds_and_channels_differ() -> None:
    x = np.full((2, 1000), 0.1, np.float32)
    one, other = Quantizer(24, 2).process(x), Quantizer(24, 2, seed=5).process(x)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one[0], one[1])


def test_silence_stays_silent_and_full_scale_is_clipped() -> None:
    quantizer = Quantizer(16, 1)
    assert not quantizer.process(np.zeros((1, 1000), np.float32)).any()
    loud = quantizer.process(np.array([[2.0, -2.0]], np.float32)) >> 16
    assert loud.tolist() == [[32767, -32768]]


def test_other_widths_are_refused() -> None:
    with pytest.raises(ValueError, match="20 bits cannot be dithered here; use 16 or 24"):
        Quantizer(20, 1)
