"""Used things: had by one at a time, and only so many kept."""

from __future__ import annotations

from plugin_bridge.engine.spares import Spares


def test_what_is_taken_is_gone_until_it_is_given_back() -> None:
    spares: Spares[str] = Spares(2)
    assert spares.take("a") is None
    spares.give("a", "one")
    assert spares.take("a") == "one"
    assert spares.take("a") is None


def test_those_that_came_last_are_kept() -> None:
    spares: Spares[int] = Spares(2)
    for number in (1, 2, 1, 3):
        spares.give(number, number)
    assert [spares.take(number) for number in (1, 2, 3)] == [1, None, 3]
