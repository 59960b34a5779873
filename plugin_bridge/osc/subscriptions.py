"""Subscriptions to values and notices: each subscriber has its own addresses, rate and expiry."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

from plugin_bridge.osc.addresses.table import ADDRESSES, Address
from plugin_bridge.osc.wire.packets import Argument, Arguments
from plugin_bridge.osc.wire.replies import bundles, fail, message
from plugin_bridge.osc.wire.senders import Sender
from plugin_bridge.osc.wire.validation import TOKEN

MAX_SUBSCRIBERS = 64
SLOWEST, FASTEST = 0.1, 100.0
MAX_SECONDS = 3600.0
LISTENED = 30.0
"""Times a second at most that LISTEN sends a value."""


@dataclass
class _Subscriber:
    sender: Sender
    key: Hashable
    asked_by: Hashable
    """Key of the sender that asked, which may be another port of the same host."""
    period: float = 1.0
    until: float = 0.0
    paths: dict[str, Address] = field(default_factory=dict)
    sent: dict[str, Arguments] = field(default_factory=dict)
    due: float = 0.0
    timer: asyncio.TimerHandle | None = None


class Subscriptions:
    """All subscribers; beyond 64 one is dropped and told so.

    It is chosen from the host that has most: the one that has not renewed its subscription for longest.

    Args:
        read: returns the value of an address.
    """

    def __init__(self, read: Callable[[Address], Arguments]) -> None:
        self._read = read
        self._subscribers: OrderedDict[Hashable, _Subscriber] = OrderedDict()

    def __len__(self) -> int:
        return len(self._subscribers)

    def has(self, key: Hashable) -> bool:
        """Return whether a sender subscribes to anything."""
        return key in self._subscribers or _listening(key) in self._subscribers

    def subscribe(
        self, sender: Sender, rate: float, seconds: float, paths: Iterable[str], port: int | None = None
    ) -> int:
        """Send a sender these from now on, besides those it has already, all at this rate.

        Args:
            sender: who asks.
            rate: times a second at most, 0.1..100.
            seconds: 1..3600; asking again counts from then, and sends every value again.
            paths: of addresses that can be read.
            port: of its host to send them to, 1..65535; None for the one it sends from.

        Returns:
            The number of addresses it gets now.

        Raises:
            ValueError: out of range, no such port, or the host of the sender is not validated.
        """
        if not SLOWEST <= rate <= FASTEST:
            raise ValueError(f"rate {rate!r} is out of range; send {SLOWEST:g} to {FASTEST:g} a second")
        if not 1.0 <= seconds <= MAX_SECONDS:
            raise ValueError(f"time {seconds!r} is out of range; send 1 to {MAX_SECONDS:g} seconds")
        if port is not None and not 1 <= port <= 65535:
            raise ValueError(f"port {port} is out of range; send 1 to 65535")
        target = sender if port is None else sender.at(port)
        if not target.validated:
            raise ValueError(f"{sender.host} is not validated; send back the number that {TOKEN} brings")
        now = asyncio.get_running_loop().time()
        one = self._one(target.key, target, now)
        one.asked_by = sender.key
        one.period, one.until, one.due = 1.0 / rate, now + seconds, now
        one.paths |= {path: ADDRESSES[path] for path in paths}
        one.sent.clear()
        self._arm(one)
        return len(one.paths)

    def listen(self, sender: Sender, path: str) -> None:
        """Send a connection the value of an address, now and whenever it changes, until `ignore` or its end.

        It is apart from what it subscribes to.

        Raises:
            ValueError: the address has no value.
        """
        row = readable(path)
        now = asyncio.get_running_loop().time()
        one = self._one(_listening(sender.key), sender, now)
        one.period, one.until, one.due = 1.0 / LISTENED, math.inf, now
        one.paths[path] = row
        one.sent.pop(path, None)
        self._arm(one)

    def ignore(self, sender: Sender, path: str) -> None:
        """End what `listen` began.

        Raises:
            ValueError: the address has no value.
        """
        readable(path)
        one = self._subscribers.get(_listening(sender.key))
        if one is not None:
            one.paths.pop(path, None)
            if not one.paths:
                self.drop(_listening(sender.key))

    def gone(self, sender: Sender) -> None:
        """Forget a connection that has ended."""
        self.drop(sender.key)
        self.drop(_listening(sender.key))

    def _one(self, key: Hashable, target: Sender, now: float) -> _Subscriber:
        """Return the subscriber of a key, a new one where there is none yet; those that are over go."""
        for over in [known for known, other in self._subscribers.items() if other.until <= now]:
            self.drop(over)
        one = self._subscribers.get(key)
        if one is None:
            if len(self._subscribers) >= MAX_SUBSCRIBERS:
                self._displace()
            one = self._subscribers[key] = _Subscriber(target, key, key)
        self._subscribers.move_to_end(key)
        return one

    def _displace(self) -> None:
        by_host = Counter(one.sender.host for one in self._subscribers.values())
        key = next(
            key for key, one in self._subscribers.items() if by_host[one.sender.host] == max(by_host.values())
        )
        sender = self._subscribers[key].sender
        self.drop(key)
        sender.send(fail("/subscribe", f"more than {MAX_SUBSCRIBERS} subscribe; subscribe again to go on"))

    def unsubscribe(self, sender: Sender, paths: Iterable[str] | None = None) -> int:
        """Send a sender these no longer, or nothing, on any port; return the number it still gets."""
        asked = [(key, one) for key, one in self._subscribers.items() if sender.key in (key, one.asked_by)]
        left = 0
        for key, one in asked:
            for path in list(one.paths) if paths is None else paths:
                one.paths.pop(path, None)
                one.sent.pop(path, None)
            left += len(one.paths)
            if not one.paths:
                self.drop(key)
        return left

    def drop(self, key: Hashable) -> None:
        """Forget a sender."""
        one = self._subscribers.pop(key, None)
        if one is not None and one.timer is not None:
            one.timer.cancel()

    def tell(self, path: str, *arguments: Argument, but: Hashable = None) -> None:
        """Send a notice at once to those that subscribe to it, but not to one who has it already."""
        now = asyncio.get_running_loop().time()
        packet = message(path, *arguments)
        for one in list(self._subscribers.values()):
            if path in one.paths and now < one.until and one.sender.key != but:
                one.sender.send(packet)

    def close(self) -> None:
        """Forget all."""
        for key in list(self._subscribers):
            self.drop(key)

    def _arm(self, one: _Subscriber) -> None:
        if one.timer is not None:
            one.timer.cancel()
        one.timer = asyncio.get_running_loop().call_at(one.due, self._tick, one)

    def _tick(self, one: _Subscriber) -> None:
        now = asyncio.get_running_loop().time()
        if now >= one.until:
            self.drop(one.key)
            return
        news: list[bytes] = []
        for path, row in one.paths.items():
            if row.kind == "notice":
                continue
            value = self._read(row)
            if one.sent.get(path) != value:
                one.sent[path] = value
                news.append(message(path, *value))
        for packet in bundles(news):
            one.sender.send(packet)
        one.due = max(one.due + one.period, now)  # after a stall no burst of what was missed
        self._arm(one)


def readable(path: str) -> Address:
    """Return the row of an address that can be subscribed to.

    Raises:
        ValueError: there is none.
    """
    row = ADDRESSES.get(path)
    if row is None or not row.readable:
        raise ValueError(f"address {path!r} has no value to subscribe to; /param/* fits the parameters")
    return row


def _listening(key: Hashable) -> Hashable:
    """Return the key that a sender listens under, beside the one it subscribes under."""
    return "LISTEN", key
