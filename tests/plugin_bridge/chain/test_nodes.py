"""Effects in a running chain: how their latency is found, whatever they hold back and report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from plugin_bridge.chain.nodes import EffectNode
from plugin_bridge.errors import EffectError

Float32 = NDArray[np.float32]

RATE, HOP = 16000, 160


class Delaying:
    """As plug-ins are: passes audio on for some hops, then holds samples back, and reports a latency.

    Args:
        hops: of audio passed on before it first holds anything back.
        held_back: samples.
        reported: samples; their delay is inside.
    """

    name = "Delaying"

    def __init__(self, hops: int, held_back: int, reported: int = 0) -> None:
        self._hops, self._held_back = hops, held_back
        self.reported_latency_samples = reported
        self.reset()

    def reset(self) -> None:
        self._calls, self._kept = 0, np.zeros((1, 0), np.float32)

    def process(self, x: Float32, sample_rate: float, buffer_size: int, reset: bool) -> Float32:
        del sample_rate, buffer_size, reset
        self._calls += 1
        kept = np.concatenate([self._kept, x], axis=1)
        count = kept.shape[1] - (self._held_back if self._calls > self._hops else 0)
        self._kept = kept[:, max(0, count) :]
        return kept[:, : max(0, count)]


def node(plugin: Any) -> EffectNode:  # noqa: ANN401 - a stand-in
    return EffectNode(plugin, RATE, 1, HOP)


@pytest.mark.parametrize("hops", [0, 1, 5, 19])
@pytest.mark.parametrize("held_back", [0, 1, 160, 400])
def test_what_an_effect_comes_to_hold_back_is_counted(hops: int, held_back: int) -> None:
    """Some pass their first hops on and hold back later, when their look-ahead begins."""
    made = node(Delaying(hops, held_back))
    assert made.latency == held_back
    x = np.arange(1.0, 1.0 + 40 * HOP, dtype=np.float32)[None]
    y = made.process(x)
    assert y.shape == x.shape
    assert np.array_equal(y[:, held_back:], x[:, : x.shape[1] - held_back])
    assert not y[:, :held_back].any()


def test_an_effect_that_reports_more_is_as_late_as_it_says() -> None:
    made = node(Delaying(0, 100, reported=250))
    assert made.latency == 250
    x = np.arange(1.0, 1.0 + 10 * HOP, dtype=np.float32)[None]
    assert np.array_equal(made.process(x)[:, 250:], x[:, :-250])
    assert node(Delaying(0, 100, reported=50)).latency == 100


def test_an_effect_that_gives_nothing_back_is_refused() -> None:
    with pytest.raises(EffectError, match="Delaying still holds audio back after 30 s; use another effect"):
        node(Delaying(0, 31 * RATE))
