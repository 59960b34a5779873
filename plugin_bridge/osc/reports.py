"""The sentences for a person: told to subscribers as they come, and kept for who comes later."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from plugin_bridge.osc.wire.packets import Argument

MAX_KEPT = 100
"""The oldest go first."""


class Reports:
    """What the rig reports, and what commands did that every surface should know.

    Args:
        tell: called with each.
        clock: seconds, only growing.
    """

    def __init__(self, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._kept: deque[tuple[str, float]] = deque(maxlen=MAX_KEPT)

    def note(self, sentence: str) -> None:
        """Tell a sentence and keep it."""
        self._kept.append((sentence, self._clock()))
        self._tell(sentence)

    def listed(self) -> list[Argument]:
        """Return sentence and seconds that have passed since, of each, the oldest first."""
        now = self._clock()
        return [cell for sentence, at in self._kept for cell in (sentence, now - at)]
