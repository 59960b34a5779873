"""What a sender may ask, and all together: bursts, a steady rate, debts, shares, and bounded memory."""

from __future__ import annotations

import pytest

from plugin_bridge.osc.wire.limits import Budget, Limiter


def test_a_burst_passes_and_then_the_rate() -> None:
    limiter = Limiter(10.0, 5.0)
    assert [limiter.take("a", 100.0) for _ in range(6)] == [True] * 5 + [False]
    assert limiter.wait("a", 100.0) == pytest.approx(0.1)
    assert limiter.take("b", 100.0)
    passed = sum(limiter.take("a", 100.0 + k / 100) for k in range(1, 101))
    assert passed == 10


def test_what_a_packet_held_is_paid_for_later_and_no_more_is_owed_than_a_burst() -> None:
    limiter = Limiter(10.0, 5.0)
    assert not limiter.charge("a", 11, 0.0)
    assert limiter.charge("a", 10, 0.0)
    assert not limiter.charge("a", 1, 0.0)
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


def spends(budget: Budget, sender: object, now: float, events: int = 1) -> bool:
    try:
        budget.spend(sender, events, now)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("loud_rate", [300, 1000, 2000])
def test_a_flood_of_many_is_held_to_the_whole_and_who_keeps_to_its_share_is_served(loud_rate: int) -> None:
    budget, seconds, loud = Budget(4000.0), 5, range(16)
    step = 1 / 200
    passed = calm = 0
    for tick in range(seconds * 200):
        for sender in loud:
            wanted = (tick + 1) * loud_rate // 200 - tick * loud_rate // 200
            passed += sum(spends(budget, sender, tick * step) for _ in range(wanted))
        calm += spends(budget, "calm", tick * step)
    assert calm == seconds * 200
    assert 4000 * seconds < passed + calm <= 4000 * (seconds + 2)
    assert budget.share == pytest.approx(4000 / 17)


def test_one_alone_may_have_all_of_it() -> None:
    budget = Budget(4000.0)
    assert sum(spends(budget, "alone", 0.0) for _ in range(9000)) == 8000
    assert sum(spends(budget, "alone", k / 8000) for k in range(8001)) == pytest.approx(4000, abs=1)


def test_what_goes_together_is_taken_or_refused_together() -> None:
    budget = Budget(10.0)
    taken = [events for events in (8, 3, 8, 7, 1) if spends(budget, "a", 0.0, events)]
    assert taken == [8, 3, 7]
    with pytest.raises(ValueError, match=r"more than 10 changes a second.* share of 10; send fewer"):
        budget.spend("a", 4, 0.35)
    assert spends(budget, "a", 0.45, 4)


def test_shares_are_of_those_who_asked_within_a_second() -> None:
    budget = Budget(10_000.0)
    for k in range(5000):
        spends(budget, k, k * 1e-5)
    assert budget.share == 10_000.0 / 4096
    spends(budget, "later", 10.0)
    assert budget.share == 10_000.0
