"""Re-blocking: constant latency and the same samples whatever the blocks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsp.fifo import Backlog, Delay, HopFifo

Float32 = NDArray[np.float32]
SIZES = st.lists(st.integers(0, 700), min_size=1, max_size=12)


def noise(n: int, channels: int = 2) -> Float32:
    return np.random.default_rng(1).standard_normal((channels, n)).astype(np.float32)


def cut(x: Float32, sizes: list[int]) -> list[Float32]:
    edges = np.cumsum([0, *sizes])
    return [x[:, a:b] for a, b in pairwise(edges)]


@given(SIZES)
def test_any_blocks_come_back_one_hop_late(sizes: list[int]) -> None:
    x = noise(sum(sizes))
    fifo = HopFifo(2, 160, lambda hop: 2.0 * hop)
    y = np.concatenate([fifo.process(block) for block in cut(x, sizes)], axis=1)
    assert [fifo.latency, *y.shape] == [160, 2, x.shape[1]]
    expected = np.concatenate([np.zeros((2, 160), np.float32), 2.0 * x], axis=1)[:, : x.shape[1]]
    assert np.array_equal(y, expected)


def test_every_hop_is_whole_and_rendered_once() -> None:
    shapes: list[tuple[int, ...]] = []

    def render(hop: Float32) -> Float32:
        shapes.append(hop.shape)
        return hop

    fifo = HopFifo(1, 100, render)
    for block in cut(noise(1050, 1), [1, 99, 0, 950]):
        fifo.process(block)
    assert shapes == [(1, 100)] * 10


def test_reset_forgets() -> None:
    fifo = HopFifo(2, 160, lambda hop: hop)
    first = fifo.process(noise(1000))
    fifo.reset()
    assert np.array_equal(fifo.process(noise(1000)), first)


@pytest.mark.parametrize("samples", [0, 1, 100, 480, 2000])
def test_delay_is_exact(samples: int) -> None:
    x, delay = noise(4800), Delay(2, samples)
    y = np.concatenate([delay.process(block) for block in cut(x, [480] * 10)], axis=1)
    assert np.array_equal(y, np.concatenate([np.zeros((2, samples), np.float32), x], axis=1)[:, :4800])
    delay.reset()
    assert np.array_equal(delay.process(x[:, :480]), y[:, :480])


class Withholding:
    """A fake plug-in: returns its input, but keeps the newest `latency` samples back."""

    def __init__(self, latency: int) -> None:
        self.latency = latency
        self.held = np.zeros((1, 0), np.float32)

    def process(self, x: Float32) -> Float32:
        self.held = np.concatenate([self.held, x], axis=1)
        ready = max(0, self.held.shape[1] - self.latency)
        y, self.held = self.held[:, :ready], self.held[:, ready:]
        return y


@pytest.mark.parametrize("latency", [0, 1, 479, 480, 481, 3000])
def test_backlog_makes_blocks_constant_at_the_declared_latency(latency: int) -> None:
    x, plugin, backlog = noise(9600, 1), Withholding(latency), Backlog(1, latency, 480)
    parts = []
    for block in cut(x, [480] * 20):
        backlog.push(plugin.process(block))
        parts.append(backlog.pull(480))
    y = np.concatenate(parts, axis=1)
    assert np.array_equal(y, np.concatenate([np.zeros((1, latency), np.float32), x], axis=1)[:, :9600])


def test_backlog_refuses_a_plugin_that_withholds_more_than_it_said() -> None:
    backlog = Backlog(1, 100, 480)
    backlog.push(noise(300, 1))
    with pytest.raises(
        ValueError, match="withholds more than its latency of 100 samples; declare a larger one"
    ):
        backlog.pull(480)


def test_backlog_refuses_what_does_not_fit() -> None:
    backlog = Backlog(1, 0, 10)
    with pytest.raises(ValueError, match="pull as many as you push"):
        backlog.push(noise(21, 1))
