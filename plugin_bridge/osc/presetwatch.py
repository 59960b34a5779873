"""Know the names of the presets, and tell when they change, by OSC or by a hand in the folder."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

_LOOK_SECONDS = 1.0


class PresetWatch:
    """Looks into the folder when it is asked, and each second while somebody waits for news.

    Args:
        names: returns those that are there; called in a thread.
        is_awaited: says whether somebody waits.
        changed: called when they are others than before.
    """

    def __init__(
        self, names: Callable[[], list[str]], is_awaited: Callable[[], bool], changed: Callable[[], None]
    ) -> None:
        self._names = names
        self._is_awaited = is_awaited
        self._changed = changed
        self._known: list[str] | None = None
        self._watching: asyncio.Task[None] | None = None

    async def names(self) -> Sequence[str]:
        """Return the names as they are now.

        Raises:
            OSError: the folder cannot be read.
        """
        found = await asyncio.to_thread(self._names)
        before, self._known = self._known, found
        if before not in (None, found):
            self._changed()
        return found

    def start(self) -> None:
        """Begin to look."""
        self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Look no more; may be called twice."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        self._watching = None

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if self._is_awaited():
                with contextlib.suppress(OSError):  # the folder is away; it may come back
                    await self.names()
