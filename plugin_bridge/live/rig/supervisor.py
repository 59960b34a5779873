"""Keep an audio process alive from an event loop: start it, read its messages, restart it when it dies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import plugin_bridge.errors
from plugin_bridge.errors import BridgeError
from plugin_bridge.live.link import NO_FIGURES, Figures, Link, Message
from plugin_bridge.live.rig.handle import AudioHandle
from plugin_bridge.live.rig.outbox import Outbox
from plugin_bridge.live.settings import LiveSettings

_DELAYS = (0.0, 0.5, 2.0, 5.0)
"""Seconds before the next start, after each failure in a row; the last goes for all that follow."""
_STEADY_SECONDS = 10.0
"""A process that lived so long has not failed in a row."""
_MESSAGES_PER_TURN = 256
_END_SECONDS = 5.0


class ProcessSupervisor:
    """Owns one audio process after the other: one that ends unasked, or cannot be started, is started again
    until `stop`. May be started again after that, in another event loop too.

    Args:
        settings: asked before every start.
        follow: called with every message but the first of a process.
        ended: called when a process has ended, with its last figures and how it ended: None where it was to
            end, or where the ones before it ended like this as soon as they began.
        say: called with a sentence for a person, once for starts that fail alike in a row.
    """

    def __init__(
        self,
        settings: Callable[[], LiveSettings],
        follow: Callable[[Message], None],
        ended: Callable[[Figures, str | None], None],
        say: Callable[[str], None],
    ) -> None:
        self.audio: AudioHandle | None = None
        """The process that runs."""
        self.restarts = 0
        self.last = NO_FIGURES
        """Figures of the process before."""
        self._settings, self._follow, self._ended, self._say = settings, follow, ended, say
        self._outbox: Outbox | None = None
        self._ready: asyncio.Future[None] | None = None
        self._again: asyncio.TimerHandle | None = None
        self._heir: AudioHandle | None = None
        self._taken: asyncio.Future[None] | None = None  # done once an heir plays
        self._stopping = False
        self._failures = 0
        self._fault = ""  # what the process that runs says it failed at
        self._told = ""  # the failure told last, since a process was ready
        self._born = 0.0

    async def start(self) -> None:
        """Start the process and return when it is ready.

        Raises:
            BridgeError: it cannot be started; or of the kind that the process reports.
        """
        self._stopping, self._failures, self._told = False, 0, ""
        self._ready = asyncio.get_running_loop().create_future()
        try:
            self._begin(patient=False)
            await self._ready
        except OSError as error:
            await self.stop()
            raise BridgeError(_unstarted(error)) from error
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
        self.send({"end": True}, urgent=True)
        try:
            await asyncio.wait_for(self._gone.wait(), _END_SECONDS)
        except TimeoutError:
            self._reap()

    async def prepare(self, settings: LiveSettings) -> AudioHandle:
        """Start a process that loads what it will play and is then held; the one that runs goes on meanwhile.

        Raises:
            BridgeError: it cannot be started; or of the kind that the process reports.
        """
        try:
            heir = AudioHandle(settings, patient=False, held=True)
        except OSError as error:
            raise BridgeError(_unstarted(error)) from error
        try:
            await _loaded(heir.link)
        except BaseException:
            heir.kill()
            raise
        return heir

    async def hand_over(self, heir: AudioHandle) -> None:
        """End the process that runs, and have a prepared one play with the values in force.

        Raises:
            BridgeError: it has not begun to play; then one is started as after a failure.
        """
        if not self.runs:
            heir.kill()
            raise BridgeError("the audio process is away; ask again when it runs")
        self._heir, self._taken = heir, asyncio.get_running_loop().create_future()
        self.send({"end": True}, urgent=True)
        try:
            await asyncio.wait_for(self._gone.wait(), _END_SECONDS)
        except TimeoutError:
            self._reap()
        await self._taken

    @property
    def runs(self) -> bool:
        """Whether there is a process; between two of them nothing can be sent."""
        return self._outbox is not None

    def has_room(self, count: int) -> bool:
        """Return whether so many messages can be sent now."""
        return self._outbox is not None and self._outbox.has_room(count)

    def send(self, message: Message, *, urgent: bool = False) -> bool:
        """Send a message soon; return False where there is no process, or it does not listen.

        Args:
            message: it.
            urgent: send it though more wait than may, if not very many more.

        Raises:
            TypeError, ValueError: it cannot be sent.
        """
        return self._outbox is not None and self._outbox.put(message, urgent=urgent)

    def _begin(self, *, patient: bool) -> None:
        self._play(AudioHandle(self._settings(), patient=patient, last=self.last))

    def _play(self, audio: AudioHandle) -> None:
        try:
            asyncio.get_running_loop().add_reader(audio.link.fileno(), self._read)
        except BaseException:
            audio.kill()
            raise
        self.audio, self._outbox = audio, Outbox(audio.link)
        self._gone = asyncio.Event()
        self._born, self._fault = time.monotonic(), ""

    def _read(self) -> None:
        assert self.audio is not None
        try:
            for _ in range(_MESSAGES_PER_TURN):
                message = self.audio.link.receive()
                if message is None:
                    return
                self._take(message)
        except EOFError:
            self._reap()

    def _take(self, message: Message) -> None:
        if "failed" in message:
            self._fault = message["failed"]
            if self._ready is not None and not self._ready.done():
                self._stopping = True
                self._ready.set_exception(_reported(message))
            return
        self._follow(message)
        if "ready" in message:
            self._told = ""
            if self._ready is not None and not self._ready.done():
                self._ready.set_result(None)
            self._tell_taken(None)

    def _tell_taken(self, fault: str | None) -> None:
        if self._taken is None or self._taken.done():
            return
        if fault is None:
            self._taken.set_result(None)
        else:
            self._taken.set_exception(BridgeError(fault))

    def _reap(self) -> None:
        """Clean up after a process that has ended, and have it started again unless it was to end."""
        how = self._end()
        if self._fault:
            how = f"ended ({self._fault})"
        if self._ready is not None and not self._ready.done():
            self._stopping = True
            self._ready.set_exception(BridgeError(f"the audio process {how} before it was ready"))
        heir, self._heir = self._heir, None
        if self._stopping:
            if heir is not None:
                heir.kill()
            self._tell_taken("the rig stops; start it again first")
            self._ended(self.last, None)
            return
        if heir is not None:
            self.restarts += 1
            self._ended(self.last, None)
            heir.begin(self._settings(), self.last)
            self._play(heir)
            return
        self._tell_taken(f"the audio process {how} before it was ready; the set is the one before")
        if time.monotonic() - self._born > _STEADY_SECONDS:
            self._failures = 0
        self.restarts += 1
        self._ended(self.last, how if self._is_news(how) else None)
        self._start_later()

    def _end(self) -> str:
        assert self.audio is not None
        asyncio.get_running_loop().remove_reader(self.audio.link.fileno())
        if self._outbox is not None:
            self._outbox.close()
        self.last = self.audio.page.read()
        how = self.audio.reap()
        self.audio = self._outbox = None
        self._gone.set()
        return how

    def _start_later(self) -> None:
        delay = _DELAYS[min(self._failures, len(_DELAYS) - 1)]
        self._failures += 1
        self._again = asyncio.get_running_loop().call_later(delay, self._start_again)

    def _start_again(self) -> None:
        try:
            self._begin(patient=True)
        except Exception as error:  # noqa: BLE001 - no fault whatever may end the only one who tries again
            sentence = _unstarted(error)
            if self._is_news(sentence):
                self._say(f"{sentence}; it is tried again every {_DELAYS[-1]:g} s")
            self._start_later()

    def _is_news(self, failure: str) -> bool:
        """Return whether a failure is not the one told last; a process that was ready comes in between."""
        before, self._told = self._told, failure
        return failure != before


async def _loaded(link: Link) -> None:
    """Wait until a process that is held has loaded everything.

    Raises:
        BridgeError: it has not; of the kind that it reports.
    """
    loop, news = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(link.fileno(), news.set)
    try:
        while (message := link.receive()) is None:
            news.clear()
            await news.wait()
    except EOFError as error:
        raise BridgeError("the audio process ended before it was ready; ask again") from error
    finally:
        loop.remove_reader(link.fileno())
    if "failed" in message:
        raise _reported(message)


def _reported(message: Message) -> BridgeError:
    """Return what a process says it failed at."""
    kind: type[BridgeError] = getattr(plugin_bridge.errors, message["kind"])
    return kind(message["failed"])


def _unstarted(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else None
    return f"the audio process cannot be started ({reason or str(error) or type(error).__name__})"
