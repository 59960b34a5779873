"""Listeners: each is told as often as it was added, until it is ended; ended twice, or while it is told."""

from __future__ import annotations

from collections.abc import Callable

from plugin_bridge.control.rig import Listeners


def test_a_listener_is_told_until_it_is_ended_and_may_be_ended_twice() -> None:
    heard: list[int] = []
    listeners: Listeners[int] = Listeners()
    first, second = listeners.add(heard.append), listeners.add(heard.append)
    listeners.tell(1)
    assert heard == [1, 1]
    first()
    first()  # ends nobody else, and is no error
    listeners.tell(2)
    assert heard == [1, 1, 2]
    second()
    listeners.tell(3)
    assert heard == [1, 1, 2]


def test_a_listener_may_end_itself_or_add_another_while_it_is_told() -> None:
    heard: list[str] = []
    ends: list[Callable[[], None]] = []
    listeners: Listeners[str] = Listeners()

    def once(what: str) -> None:
        heard.append(f"once {what}")
        ends[0]()
        listeners.add(lambda more: heard.append(f"new {more}"))

    ends.append(listeners.add(once))
    listeners.add(lambda what: heard.append(f"always {what}"))
    listeners.tell("a")
    assert heard == ["once a", "always a"]
    listeners.tell("b")
    assert heard[2:] == ["always b", "new b"]
