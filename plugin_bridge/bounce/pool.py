"""Do tasks in processes of their own: each has one at a time, and one that dies takes only that along.

The processes are started as programs, not as copies of this one, so that a script needs no
`if __name__ == "__main__"`, and nothing of it (threads, effects, devices) is in them.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from subprocess import PIPE
from typing import Any, Literal, NamedTuple, Protocol

from models.wholefile import discard_of
from plugin_bridge.bounce.bounce import BounceListener
from plugin_bridge.bounce.worker import Message
from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.errors import BridgeError, refusal

_PROGRAM = (sys.executable, "-m", "plugin_bridge.bounce.worker")
_ROOT = Path(__file__).parents[2]
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_TICK_SECONDS = 0.1
_PATIENCE_SECONDS = 10.0
"""For a process that is to end: it may be waiting for a slow disk."""
_KILL = 9
"""The signal of `kill -9`, and of a system that is out of memory."""


class Task(Protocol):
    """What a process is given; it must be possible to pickle it."""

    @property
    def target(self) -> Path:
        """The file it makes."""


class Work(Protocol):
    """What is done with each task: a function that can be imported by name."""

    def __call__(self, task: Any, library: SingerLibrary, listener: BounceListener, /) -> Any:  # noqa: ANN401
        """Return a result that can be pickled; raise a `BridgeError` or an `OSError` where there is none."""


Kind = Literal["report", "progress", "done", "failed"]


class Told(NamedTuple):
    """What is heard of one task."""

    number: int
    """Place of the task in the list."""
    kind: Kind
    """"done" and "failed" are the last of a task."""
    value: Any
    """A sentence for "report" and "failed", (seconds done, seconds in all) for "progress", or the result."""


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return int(os.process_cpu_count() or 1)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


Hear = Callable[[Told], None]
"""Called by the thread that waits for the tasks."""


def in_this_process(work: Work, tasks: Sequence[Task], hear: Hear) -> None:
    """Do tasks here, one by one; what is raised besides `BridgeError` and `OSError` ends them.

    Args:
        work: what is done with each.
        tasks: any number.
        hear: told how it goes.

    Raises:
        BrokenPipeError: whoever read standard output has gone.
    """
    library = SingerLibrary()
    for number, task in enumerate(tasks):
        try:
            result = work(task, library, _listener(number, hear))
        except BrokenPipeError:
            raise
        except (BridgeError, OSError) as error:
            hear(Told(number, "failed", refusal(error)))
        else:
            hear(Told(number, "done", result))


def _listener(number: int, hear: Hear) -> BounceListener:
    def report(sentence: str) -> None:
        hear(Told(number, "report", sentence))

    def progress(done: float, total: float) -> None:
        hear(Told(number, "progress", (done, total)))

    return BounceListener(report, progress)


def in_processes(
    work: Work,
    tasks: Sequence[Task],
    processes: int,
    hear: Hear,
    order: Iterable[int],
    stop: Callable[[], object],
) -> None:
    """Do tasks in processes of their own.

    Args:
        work: what is done with each.
        tasks: any number.
        processes: at most so many at a time.
        hear: told how it goes, in no order of tasks.
        order: numbers of the tasks to do, the first ones first.
        stop: asked several times a second whether to end. What is begun then ends without a file, unless the
            file is whole already, and of what is not done nothing more is heard.

    Raises:
        BridgeError: no process can be started.
    """
    pool = _Pool(work, tasks, processes, order)
    try:
        while pool.feed():
            for told in pool.heard():
                hear(told)
            if stop():
                pool.end()
    finally:
        pool.kill()


class _Worker:
    """The near end of a process."""

    def __init__(self, heard: SimpleQueue[tuple[_Worker, Message | None]]) -> None:
        self.number: int | None = None
        """Of its task."""
        self.folder = Path()
        """In which it writes."""
        self.is_ready = self.is_asked_to_end = False
        path = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = os.environ | dict.fromkeys(_THREADS, "1") | {"PYTHONPATH": path}
        self.process = subprocess.Popen(_PROGRAM, stdin=PIPE, stdout=PIPE, env=environment)  # noqa: S603
        self._listener = threading.Thread(target=self._listen, args=(heard,), daemon=True)
        self._listener.start()

    def _listen(self, heard: SimpleQueue[tuple[_Worker, Message | None]]) -> None:
        assert self.process.stdout is not None
        with suppress(EOFError, pickle.UnpicklingError):
            while True:
                heard.put((self, Message(*pickle.load(self.process.stdout))))  # noqa: S301 - our own process
        self.process.wait()
        heard.put((self, None))

    def give(self, number: int, work: Work, task: Task) -> None:
        assert self.process.stdin is not None
        self.number, self.folder = number, task.target.parent
        with suppress(OSError):  # it is dead, which is heard soon
            pickle.dump((work, task), self.process.stdin)
            self.process.stdin.flush()

    def end(self) -> None:
        """Ask it to end, which removes its unfinished file."""
        assert self.process.stdin is not None
        self.is_asked_to_end = True
        with suppress(OSError):
            self.process.stdin.close()

    def clear(self) -> None:
        """Wait until it has ended, and make it where it does not listen; remove what it left then."""
        try:
            self.process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.end()
        self._listener.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        discard_of(self.process.pid, self.folder)


class _Pool:
    """The processes of one run, and what they have still to do."""

    def __init__(self, work: Work, tasks: Sequence[Task], processes: int, order: Iterable[int]) -> None:
        self._work, self._tasks, self._processes = work, tasks, processes
        self._waiting = deque(order)
        self._workers: list[_Worker] = []
        self._heard: SimpleQueue[tuple[_Worker, Message | None]] = SimpleQueue()

    def feed(self) -> bool:
        """Give every free process a task, and let it end where there is none; return whether any runs."""
        free = [worker for worker in self._workers if worker.number is None]
        while self._waiting and (free or len(self._workers) < self._processes):
            worker = free.pop() if free else self._started()
            number = self._waiting.popleft()
            worker.give(number, self._work, self._tasks[number])
        for worker in free:
            worker.end()
        return bool(self._workers)

    def _started(self) -> _Worker:
        try:
            self._workers.append(_Worker(self._heard))
        except OSError as error:
            raise BridgeError(f"no process can be started: {error.strerror}; close other programs") from error
        return self._workers[-1]

    def heard(self) -> Iterator[Told]:
        """Yield what comes next, or nothing for a moment."""
        try:
            worker, message = self._heard.get(timeout=_TICK_SECONDS)
        except Empty:
            return
        number = worker.number
        if message is None:
            is_killed = not worker.is_asked_to_end
            self._workers.remove(worker)
            worker.clear()
            if number is not None and is_killed:
                yield Told(number, "failed", _death(worker))
        elif message.kind == "ready":
            worker.is_ready = True
        elif number is not None:
            if message.kind in {"done", "failed"}:
                worker.number = None
            yield Told(number, message.kind, message.value)

    def end(self) -> None:
        """Ask all processes to end, and give out nothing more."""
        self._waiting.clear()
        for worker in self._workers:
            worker.end()

    def kill(self) -> None:
        """End all processes."""
        self.end()
        for worker in self._workers:
            worker.clear()


def _death(worker: _Worker) -> str:
    """Return the sentence for the task of a process that ended by itself.

    Raises:
        BridgeError: it did not even come to begin.
    """
    status = worker.process.returncode
    how = f"ended with status {status}"
    if status < 0:
        how = f"was killed by signal {-status}" + (", as where memory is short" if status == -_KILL else "")
    if not worker.is_ready:
        raise BridgeError(f"a process for bounces {how} before it could begin; see what it says above")
    return f"the process that made it {how}; bounce it again, with fewer --jobs if memory is short"
