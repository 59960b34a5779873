"""The recordings of a rig, as the control process knows them: asked for, begun, ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from plugin_bridge.errors import OutputError
from plugin_bridge.live.link import Message
from plugin_bridge.sessions.folder import session_folder


class _Recording(NamedTuple):
    number: int
    folder: Path
    begun: asyncio.Future[Path]


class Recordings:
    """At most one at a time. Each has a number, so that late news of one is never taken for the next.

    Args:
        folder: in which each session gets a folder of its own.
        send: to the audio process; returns False where that cannot be.
    """

    def __init__(self, folder: Path, send: Callable[[Message], bool]) -> None:
        self._folder, self._send = folder, send
        self._count = 0
        self._current: _Recording | None = None
        self._waiting: dict[int, _Recording] = {}  # by number, those whose beginning is not known yet

    @property
    def name(self) -> str:
        """Of the session that is being recorded, empty before it has begun."""
        current = self._current
        return current.folder.name if current is not None and current.begun.done() else ""

    @property
    def is_busy(self) -> bool:
        """Whether one has begun or is about to."""
        return self._current is not None

    def start(self, name: str) -> asyncio.Future[Path]:
        """See `Rig.record`."""
        if self._current is not None:
            raise OutputError(f"session {self._current.folder.name} is being recorded; stop it first")
        folder = session_folder(self._folder, name)
        if not self._send({"record": str(folder), "number": self._count + 1}):
            raise OutputError(
                f"session {name!r} cannot begin while the device is away; try again when it is back"
            )
        self._count += 1
        begun: asyncio.Future[Path] = asyncio.get_running_loop().create_future()
        begun.add_done_callback(_noted)
        self._current = self._waiting[self._count] = _Recording(self._count, folder, begun)
        return begun

    def stop(self) -> Path | None:
        """See `Rig.stop_recording`."""
        current, self._current = self._current, None
        if current is None:
            return None
        self._send({"stop": current.number})
        return current.folder

    def began(self, number: int) -> None:
        """The audio process has begun one."""
        if recording := self._waiting.pop(number, None):
            _settle(recording, None)

    def ended(self, number: int, why: str = "") -> None:
        """One has ended, or has never begun, then with a sentence that says why."""
        if self._current is not None and self._current.number == number:
            self._current = None
        if recording := self._waiting.pop(number, None):
            _settle(recording, why)

    def lost(self) -> str:
        """The audio process is gone; return the name of the session that ended with it, or ""."""
        name, self._current = self.name, None
        for recording in self._waiting.values():
            _settle(recording, f"session {recording.folder.name} has not begun: the audio process has ended")
        self._waiting.clear()
        return name


def _settle(recording: _Recording, fault: str | None) -> None:
    if recording.begun.done():  # given up by whoever waited
        return
    if fault is None:
        recording.begun.set_result(recording.folder)
    else:
        recording.begun.set_exception(OutputError(fault))


def _noted(begun: asyncio.Future[Path]) -> None:
    """Look at the outcome, so that asyncio does not complain where nobody awaits it."""
    if not begun.cancelled():
        begun.exception()
