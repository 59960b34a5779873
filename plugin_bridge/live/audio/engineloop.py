"""The engine's thread: it plays what it is given to play, and between two blocks does what it is told."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from plugin_bridge.live.audio.gauges import Gauges
from plugin_bridge.live.audio.performance import Performance, Recorder
from plugin_bridge.live.audio.realtime import ENGINE_PRIORITY, raise_priority
from plugin_bridge.live.audio.rings import Doorbell
from plugin_bridge.live.audio.scheduler import EventScheduler, Midi
from plugin_bridge.live.link import Link, Message, Page, event_of

_EVENTS_PER_BLOCK = 64
"""Of the link; more wait for the next block, or until there is time."""
_IDLE_SECONDS = 0.02


class EngineLoop:
    """One thread that runs engines for as long as it lives, whatever devices come and go.

    It reads the link itself, before every block: another thread that did would take the interpreter's lock
    from it in the middle of a block, with every message.

    Args:
        page: where its figures go.
        midi: decodes MIDI.
        link: to the control process; sent through by others only.
    """

    def __init__(self, page: Page, midi: Midi, link: Link) -> None:
        self.doorbell = Doorbell()
        """For the rings of every device."""
        self.gauges = Gauges(page)
        self.events = EventScheduler(midi, self.gauges)
        """What is to happen; it belongs to the thread."""
        self.letters: deque[Message] = deque()
        """Messages of the link that are for another thread, which takes them out."""
        self.orphaned = False
        """Whether the control process is gone."""
        self._link = link
        self._commands: deque[Callable[[], None]] = deque()
        self._performance: Performance | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="engine")

    @property
    def alive(self) -> bool:
        """Whether the thread runs; a fault ends it."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def do(self, command: Callable[[], None]) -> None:
        """Have something done in the thread, between two blocks."""
        self._commands.append(command)
        self.doorbell.ring()

    def finish(self, command: Callable[[], None]) -> None:
        """Have something done in the thread, and return when it is, or the thread has ended."""
        done = threading.Event()
        self.do(command)
        self.do(done.set)
        while self.alive and not done.wait(_IDLE_SECONDS):
            pass

    def end(self) -> None:
        """Return when the thread has ended, after all that was given it to do."""
        self.finish(self._end)
        self._thread.join()

    def play(self, performance: Performance | None) -> None:
        """Go on with this, or with nothing; what is being recorded ends."""

        def change() -> None:
            self._performance = performance
            self.gauges.attend(performance.rings if performance else None)

        self.finish(change)

    def record(self, recorder: Recorder | None) -> None:
        """Record soon, or end the recording: then its recorder is left alone when this returns."""

        def change() -> None:
            if self._performance is not None:
                self._performance.record(recorder)

        self.finish(change)

    def _end(self) -> None:
        self._ended = True

    def _run(self) -> None:
        raise_priority(ENGINE_PRIORITY)
        while not self._ended:
            while self._commands:
                self._commands.popleft()()
            emptied = self._read()
            playing = self._performance
            idle = playing is None or not (playing.step() or playing.use_pause())
            if idle and emptied:
                self.gauges.publish()
                self.doorbell.wait(_IDLE_SECONDS)

    def _read(self) -> bool:
        """Do what the link says, a bounded part of it; return whether that was all."""
        room = _EVENTS_PER_BLOCK
        while room > 0 and not self.orphaned:
            try:
                message = self._link.receive()
            except EOFError:
                self.orphaned = True
                break
            if message is None:
                return True
            room -= self._follow(message)
        return self.orphaned

    def _follow(self, message: Message) -> int:
        """Do what a message says; return how many events it is worth."""
        match message:
            case {"events": rows, "now": True, "number": number}:
                self.events.at_once([event_of(row) for row in rows], number)
                return len(rows)
            case {"events": rows}:
                self.events.at_their_time([event_of(row) for row in rows])
                return len(rows)
            case {"midi": text, "port": port}:
                self.events.message(bytes.fromhex(text), port)
            case {"learn": parameter}:
                self.events.learn(parameter)
            case {"forget": _}:
                self.events.forget()
            case _:
                self.letters.append(message)
        return 1
