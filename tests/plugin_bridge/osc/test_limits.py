"""What a sender may ask: bursts, a steady rate, debts, and bounded memory."""

from __future__ import annotations

import pytest

from plugin_bridge.osc.limits import Limiter


def test_a_burst_passes_and_then_the_rate() -> None:
    limiter = Limiter(10.0, 5.0)
    assert [limiter.take("a", 100.0) for _ in range(6)] == [True] * 5 + [False]
    assert limiter.wait("a", 100.0) == pytest.approx(0.1)
    assert limiter.take("b", 100.0)
    passed = sum(limiter.take("a", 100.0 + k / 100) for k in range(1, 101))
    assert passed == 10


def test_what_a_packet_held_is_paid_for_later() -> None:
    limiter = Limiter(10.0, 5.0)
    limiter.charge("a", 1000, 0.0)
    assert limiter.wait("a", 0.0) == pytest.approx(0.6)
    assert not limiter.take("a", 0.5)
    assert limiter.take("a", 0.7)


def test_it_complains_once_a_second() -> None:
    limiter = Limiter(10.0, 5.0)
    assert [limiter.complain("a", now) for now in (0.0, 0.5, 0.99, 1.0, 1.5)] == [
        True,
        False,
        False,
        True,
        False,
    ]


def test_senders_not_heard_for_longest_are_forgotten() -> None:
    limiter = Limiter(10.0, 1.0)
    assert limiter.take("first", 0.0)
    for k in range(5000):
        limiter.take("first", 0.0)
        limiter.take(k, 0.0)
    assert len(limiter) == 4096
    assert not limiter.take("first", 0.0)
