"""The engine's thread: processes blocks, and between them handles messages and runs commands."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from plugin_bridge.live.audio.blockprocessor import BlockProcessor, Recorder
from plugin_bridge.live.audio.gauges import Gauges
from plugin_bridge.live.audio.realtime import ENGINE_PRIORITY, raise_priority
from plugin_bridge.live.audio.rings import Doorbell
from plugin_bridge.live.audio.scheduler import EventScheduler, Midi
from plugin_bridge.live.link import Link, Message, SharedFigures, event_of

_EVENTS_PER_BLOCK = 64
"""Of the link; more wait for the next block, or until there is time."""
_IDLE_SECONDS = 0.02


class EngineLoop:
    """One thread for all engines, whichever devices come and go.

    It reads the link itself, before every block: a thread of its own would, with every message, take the
    interpreter's lock from the engine in the middle of a block.

    Args:
        page: where its figures are published.
        midi: decodes MIDI.
        link: to the control process; only read here.
    """

    def __init__(self, page: SharedFigures, midi: Midi, link: Link) -> None:
        self.doorbell = Doorbell()
        """For the rings of every device."""
        self.gauges = Gauges(page)
        self.events = EventScheduler(midi, self.gauges)
        """Scheduled events; used in the thread only."""
        self.forwarded: deque[Message] = deque()
        """Messages for the main thread, which takes them out."""
        self.orphaned = False
        """Whether the control process is gone."""
        self._link = link
        self._commands: deque[Callable[[], None]] = deque()
        self._processor: BlockProcessor | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="engine")

    @property
    def alive(self) -> bool:
        """Whether the thread runs; a fault ends it."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def do(self, command: Callable[[], None]) -> None:
        """Run a command in the thread, between two blocks."""
        self._commands.append(command)
        self.doorbell.ring()

    def finish(self, command: Callable[[], None]) -> None:
        """Run a command in the thread; return when it is done, or the thread has ended."""
        done = threading.Event()
        self.do(command)
        self.do(done.set)
        while self.alive and not done.wait(_IDLE_SECONDS):
            pass

    def end(self) -> None:
        """Run the commands that wait, and end the thread."""
        self.finish(self._end)
        self._thread.join()

    def play(self, processor: BlockProcessor | None) -> None:
        """Go on with another processor, or with none; a recording ends."""

        def change() -> None:
            self._processor = processor
            self.gauges.measure(processor.rings if processor else None)

        self.finish(change)

    def record(self, recorder: Recorder | None) -> None:
        """Record soon, or end the recording: its recorder is no longer used when this returns."""

        def change() -> None:
            if self._processor is not None:
                self._processor.record(recorder)

        self.finish(change)

    def _end(self) -> None:
        self._ended = True

    def _run(self) -> None:
        raise_priority(ENGINE_PRIORITY)
        while not self._ended:
            while self._commands:
                self._commands.popleft()()
            emptied = self._read()
            playing = self._processor
            idle = playing is None or not (playing.step() or playing.use_pause())
            if idle and emptied:
                self.gauges.publish()
                self.doorbell.wait(_IDLE_SECONDS)

    def _read(self) -> bool:
        """Handle messages that wait, a bounded number of events; return whether no more can be taken now."""
        room = _EVENTS_PER_BLOCK
        while room > 0 and not self.orphaned:
            if self._processor is not None and not self.events.has_room:
                return True  # until the next block; the sender is told when the pipe is full
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
        """Handle a message; return how many events it counts for."""
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
                self.forwarded.append(message)
        return 1
