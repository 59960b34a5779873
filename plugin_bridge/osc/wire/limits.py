"""Rate limits: token buckets for the requests of each sender and for the events of all of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

_MAX_SENDERS = 4096
_COMPLAINT_SECONDS = 1.0
_ACTIVE_SECONDS = 1.0


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float
    complained: float = -1e9


class Limiter:
    """Buckets by sender; those not heard for longest are forgotten beyond 4096 of them.

    Args:
        rate: requests per second that a sender may keep up.
        burst: requests that it may send at once.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    @property
    def rule(self) -> str:
        """What to tell a sender that asks for more."""
        return f"more than {self.rate:g} requests a second; send fewer"

    def take(self, sender: Hashable, now: float) -> bool:
        """Take one request out of a sender's bucket; return False where it is empty.

        Args:
            sender: whose.
            now: seconds on a clock that only grows.
        """
        bucket = self._bucket(sender, now)
        if bucket.tokens < 1.0:
            return False
        bucket.tokens -= 1.0
        return True

    def charge(self, sender: Hashable, requests: int, now: float) -> bool:
        """Take further requests, found in a packet that `take` counted as one, before they are carried out.

        Returns:
            False if the sender would owe more than a burst; nothing is taken then.
        """
        bucket = self._bucket(sender, now)
        if bucket.tokens - requests < -self.burst:
            return False
        bucket.tokens -= requests
        return True

    def forget(self, sender: Hashable) -> None:
        """Drop the bucket of a sender that is gone."""
        self._buckets.pop(sender, None)

    def wait(self, sender: Hashable, now: float) -> float:
        """Return the seconds until `take` says yes."""
        return max(0.0, (1.0 - self._bucket(sender, now).tokens) / self.rate)

    def complain(self, sender: Hashable, now: float) -> bool:
        """Return whether to tell the sender now that it sends too much: once a second."""
        bucket = self._bucket(sender, now)
        if now - bucket.complained < _COMPLAINT_SECONDS:
            return False
        bucket.complained = now
        return True

    def _bucket(self, sender: Hashable, now: float) -> _Bucket:
        bucket = self._buckets.get(sender)
        if bucket is None:
            if len(self._buckets) >= _MAX_SENDERS:
                self._buckets.popitem(last=False)
            bucket = self._buckets[sender] = _Bucket(self.burst, now)
            return bucket
        self._buckets.move_to_end(sender)
        bucket.tokens = min(self.burst, bucket.tokens + (now - bucket.filled) * self.rate)
        bucket.filled = now
        return bucket


class Budget:
    """Events that all senders together may send to the engine, with an equal share kept for each.

    One bucket holds two seconds of the rate. Its upper half is for whoever comes first. From the lower half
    each sender that asked within the last second has an equal share of the rate, a second of it at once: all
    shares together are no more than what flows in, so what is left of one is always there.

    Args:
        rate: events per second in all.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._whole = _Bucket(2.0 * rate, 0.0)
        self._shares: OrderedDict[Hashable, _Bucket] = OrderedDict()

    @property
    def share(self) -> float:
        """Events per second that each sender may count on now."""
        return self.rate / max(1, len(self._shares))

    def spend(self, sender: Hashable, events: int, now: float) -> None:
        """Pay for events that go together.

        Args:
            sender: whose.
            events: how many.
            now: seconds on a clock that only grows.

        Raises:
            ValueError: all together ask for too much, and this one for more than its share.
        """
        own, whole = self._share(sender, now), self._whole
        whole.tokens = min(2.0 * self.rate, whole.tokens + (now - whole.filled) * self.rate)
        whole.filled = now
        if whole.tokens - events < self.rate:
            if min(own.tokens, whole.tokens) < events:
                raise ValueError(
                    f"all senders together ask for more than {self.rate:g} changes a second, and this one "
                    f"for more than its share of {self.share:.0f}; send fewer"
                )
            own.tokens -= events
        whole.tokens -= events

    def _share(self, sender: Hashable, now: float) -> _Bucket:
        """Return what is left of a sender's share, at most a second of it."""
        shares = self._shares
        own = shares.setdefault(sender, _Bucket(self.rate, now))
        shares.move_to_end(sender)
        own.tokens += (now - own.filled) * self.share
        own.filled = now
        while len(shares) > _MAX_SENDERS or next(iter(shares.values())).filled < now - _ACTIVE_SECONDS:
            shares.popitem(last=False)
        own.tokens = min(own.tokens, self.share)
        return own
