"""Noise that is a function of seed and position."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.noise import UniformNoise


@pytest.mark.parametrize("position", [0, 1, 7, 8, 479, 48000, 10**12 + 3])
def test_a_position_names_its_samples(position: int) -> None:
    running = UniformNoise(3)
    running.reset(position)
    there = running.process(500)
    running.reset(max(position - 100, 0))
    running.process(position - max(position - 100, 0))
    assert np.array_equal(running.process(500), there)


def test_noise_is_white_uniform_and_of_unit_variance() -> None:
    x = UniformNoise(0).process(200000).astype(np.float64)
    assert abs(np.mean(x)) < 0.01
    assert abs(np.var(x) - 1.0) < 0.01
    assert np.max(np.abs(x)) <= np.sqrt(3.0) + 1e-6
    neighbours = [np.mean(x[lag:] * x[:-lag]) for lag in (1, 2, 8)]
    assert np.max(np.abs(neighbours)) < 0.01


def test_seeds_differ() -> None:
    assert not np.array_equal(UniformNoise(0).process(64), UniformNoise(1).process(64))


def test_samples_left_out_are_those_that_would_have_come() -> None:
    noise, whole = UniformNoise(3), UniformNoise(3).process(1000)
    assert np.array_equal(noise.process(123), whole[:123])
    noise.skip(500)
    assert np.array_equal(noise.process(377), whole[623:])
