"""Wait for a condition, up to a deadline, so that a test of what never comes fails with a sentence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

SECONDS = 30.0
"""What takes longer never comes; a busy machine may need a good part of it."""
_TURN_SECONDS = 0.001


def wait_until(what: Callable[[], object], seconds: float = SECONDS) -> None:
    """Return when it is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"in {seconds:g} s it never came to be so"
        time.sleep(_TURN_SECONDS)


async def until(what: Callable[[], object], seconds: float = SECONDS) -> None:
    """Return when it is so, and let the event loop turn meanwhile."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"in {seconds:g} s it never came to be so"
        await asyncio.sleep(_TURN_SECONDS)
