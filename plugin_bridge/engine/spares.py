"""What takes long to make and was used: kept, so that the next file of a kind need not make it again."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Spares(Generic[Thing]):
    """Things by what they were made from. Whoever takes one has it alone, in whichever thread.

    Args:
        most: so many stay, those that came last.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[Hashable, Thing] = {}
        self._lock = threading.Lock()

    def take(self, key: Hashable) -> Thing | None:
        """Return one that was made from this, in the state in which it was given; None where none is left."""
        with self._lock:
            return self._kept.pop(key, None)

    def give(self, key: Hashable, thing: Thing) -> None:
        """Take one back."""
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = thing
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
