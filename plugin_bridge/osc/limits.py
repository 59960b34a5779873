"""How much a sender may ask: a bucket of requests each, which fills at a steady rate."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

_MOST_SENDERS = 4096
_COMPLAINT_SECONDS = 1.0


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

    def charge(self, sender: Hashable, requests: int, now: float) -> None:
        """Take requests that turned out to be in a packet already taken; the bucket may owe a burst."""
        bucket = self._bucket(sender, now)
        bucket.tokens = max(bucket.tokens - requests, -self.burst)

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
            if len(self._buckets) >= _MOST_SENDERS:
                self._buckets.popitem(last=False)
            bucket = self._buckets[sender] = _Bucket(self.burst, now)
            return bucket
        self._buckets.move_to_end(sender)
        bucket.tokens = min(self.burst, bucket.tokens + (now - bucket.filled) * self.rate)
        bucket.filled = now
        return bucket
