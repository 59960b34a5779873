"""Keep an audio process alive from an event loop: start it, hear it, and start it again when it dies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import plugin_bridge.errors
from plugin_bridge.errors import BridgeError
from plugin_bridge.live.link import NO_FIGURES, Figures, Message
from plugin_bridge.live.rig.handle import AudioHandle
from plugin_bridge.live.rig.outbox import Outbox
from plugin_bridge.live.settings import LiveSettings

_DELAYS = (0.0, 0.5, 2.0, 5.0)
"""Seconds before the next start, after each failure in a row."""
_STEADY_SECONDS = 10.0
"""A process that lived so long has not failed in a row."""
_MESSAGES_PER_TURN = 256
_END_SECONDS = 5.0


class ProcessSupervisor:
    """Owns one audio process after the other.

    Args:
        settings: asked before every start.
        follow: called with every message but the first of a process.
        died: called with how a process ended that was not to end, and with its last figures.
    """

    def __init__(
        self,
        settings: Callable[[], LiveSettings],
        follow: Callable[[Message], None],
        died: Callable[[str, Figures], None],
    ) -> None:
        self.audio: AudioHandle | None = None
        """The process that runs."""
        self.restarts = 0
        self.last = NO_FIGURES
        """Figures of the process before."""
        self._settings, self._follow, self._died = settings, follow, died
        self._outbox: Outbox | None = None
        self._ready: asyncio.Future[None] | None = None
        self._again: asyncio.TimerHandle | None = None
        self._gone = asyncio.Event()
        self._stopping = False
        self._failures = 0
        self._born = 0.0

    async def start(self) -> None:
        """Start the process and return when it is ready.

        Raises:
            BridgeError: of the kind that the process reports.
        """
        self._ready = asyncio.get_running_loop().create_future()
        self._begin(patient=False)
        try:
            await self._ready
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End the process; may be called twice."""
        self._stopping = True
        if self._again is not None:
            self._again.cancel()
        if self.audio is None:
            return
        self.send({"end": True})
        try:
            await asyncio.wait_for(self._gone.wait(), _END_SECONDS)
        except TimeoutError:
            self._end()

    @property
    def runs(self) -> bool:
        """Whether there is a process; between two of them nothing can be sent."""
        return self._outbox is not None

    def send(self, message: Message) -> bool:
        """Send a message soon; return False where there is no process, or it does not listen.

        Raises:
            TypeError, ValueError: it cannot be sent.
        """
        return self._outbox is not None and self._outbox.put(message)

    def _begin(self, *, patient: bool) -> None:
        self.audio = AudioHandle(self._settings(), patient=patient, last=self.last)
        self._outbox = Outbox(self.audio.link)
        self._gone.clear()
        self._born = time.monotonic()
        asyncio.get_running_loop().add_reader(self.audio.link.fileno(), self._read)

    def _read(self) -> None:
        assert self.audio is not None
        try:
            for _ in range(_MESSAGES_PER_TURN):
                message = self.audio.link.receive()
                if message is None:
                    return
                self._take(message)
        except EOFError:
            self.last = self.audio.page.read()
            how = self._end()
            if self._ready is not None and not self._ready.done():
                self._ready.set_exception(BridgeError(f"the audio process {how} before it was ready"))
            elif not self._stopping:
                self._restart(how)

    def _take(self, message: Message) -> None:
        waited_for = self._ready is not None and not self._ready.done()
        if waited_for and "failed" in message:
            assert self._ready is not None
            self._stopping = True
            kind: type[BridgeError] = getattr(plugin_bridge.errors, message["kind"])
            self._ready.set_exception(kind(message["failed"]))
            return
        self._follow(message)
        if waited_for and "ready" in message:
            assert self._ready is not None
            self._ready.set_result(None)

    def _end(self) -> str:
        assert self.audio is not None
        asyncio.get_running_loop().remove_reader(self.audio.link.fileno())
        if self._outbox is not None:
            self._outbox.close()
        how = self.audio.reap()
        self.audio = self._outbox = None
        self._gone.set()
        return how

    def _restart(self, how: str) -> None:
        if time.monotonic() - self._born > _STEADY_SECONDS:
            self._failures = 0
        delay = _DELAYS[min(self._failures, len(_DELAYS) - 1)]
        self._failures += 1
        self.restarts += 1
        self._died(how, self.last)
        loop = asyncio.get_running_loop()
        self._again = loop.call_later(delay, lambda: self._begin(patient=True))
