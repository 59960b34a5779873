"""One process of a pool: `python -m plugin_bridge.bounce.worker`, which takes tasks and tells how they go.

Standard input brings pickled tasks, the former standard output takes pickled messages; both lead to the
process that started this one, and to nobody else. When standard input ends, because that process wants it or
is gone, this one removes its unfinished file and ends at once; but a file that is whole gets its name, and
that is told, before it ends.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO, Literal, NamedTuple

from models.wholefile import discard_all
from plugin_bridge.bounce.bounce import BounceListener, BounceResult
from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.errors import BridgeError, refusal

_TOLD_SECONDS = 0.1
"""From one message of progress to the next."""


class Message(NamedTuple):
    """What a worker tells."""

    kind: Literal["ready", "report", "progress", "done", "failed"]
    value: Any = None
    """A sentence; (seconds done, seconds in all); or the result."""


class _Worker:
    def __init__(self, tasks: BinaryIO, messages: BinaryIO) -> None:
        self._tasks, self._messages = tasks, messages
        self._waiting: SimpleQueue[tuple[Any, Any]] = SimpleQueue()
        self._gate = threading.Lock()
        """Held from when a file is whole until it is told, and by what ends the process."""
        self._told = 0.0

    def run(self) -> None:
        """Do tasks until the process is ended."""
        threading.Thread(target=self._receive, daemon=True).start()
        self._tell(Message("ready"))
        library = SingerLibrary()
        while True:
            work, task = self._waiting.get()
            self._told = 0.0
            self._tell(self._ended(work, task, library))
            if self._gate.locked():
                self._gate.release()

    def _ended(self, work: Any, task: Any, library: SingerLibrary) -> Message:  # noqa: ANN401 - of any pool
        listener = BounceListener(self._report, self._progress, self._whole)
        try:
            return Message("done", work(task, library, listener))
        except (BridgeError, OSError) as error:
            return Message("failed", refusal(error))

    def _receive(self) -> None:
        status = 1
        try:
            while True:
                self._waiting.put(pickle.load(self._tasks))  # noqa: S301 - from the process that started us
        except EOFError:
            status = 0
        finally:
            self._gate.acquire()
            discard_all()
            os._exit(status)

    def _tell(self, message: Message) -> None:
        pickle.dump(tuple(message), self._messages)
        self._messages.flush()

    def _report(self, sentence: str) -> None:
        self._tell(Message("report", sentence))

    def _progress(self, done: float, total: float) -> None:
        now = time.monotonic()
        if now - self._told >= _TOLD_SECONDS:
            self._told = now
            self._tell(Message("progress", (done, total)))

    def _whole(self, _: Path, __: BounceResult) -> None:
        self._gate.acquire()


def main() -> None:
    """Serve the process that started this one, to which an interrupt from the keyboard is left."""
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    tasks, messages = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no message
    _Worker(tasks, messages).run()


if __name__ == "__main__":
    main()
