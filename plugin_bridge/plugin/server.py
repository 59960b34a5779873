"""The engine process of the plug-in: `python -m plugin_bridge.plugin.server FOLDER LIBRARY`, started by it.

It detaches itself, and is the only one for a folder. It starts a worker for every instance in the folder,
removes what dead hosts have left there, and ends when no instance has been there for a while. Workers are
processes: an instance that is late or fails does not hold up another.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

from plugin_bridge.live.audio.realtime import settle_process
from plugin_bridge.plugin.bridge import Library
from plugin_bridge.plugin.instance import Instance
from plugin_bridge.plugin.singers import SingerLoader
from plugin_bridge.plugin.table import HOST, LOCK, PANEL, SEGMENT

LOG = "engine.log"
"""The file in the folder of the instances in which the engine says what is wrong."""
_TICK_SECONDS = 0.03
_GRACE_SECONDS = 5.0
_AGAIN_SECONDS = 0.5
"""From one start of a worker to the next, for each start ..."""
_STEADY_SECONDS = 30.0
"""... within so long."""
_MAX_LOG = 1 << 20
_FORKS = sys.platform == "linux"


def main(arguments: list[str]) -> int:
    """Serve a folder; return at once where another process does.

    Args:
        arguments: the folder and a built plug-in.
    """
    folder, path = Path(arguments[0]), Path(arguments[1])
    if not is_detached():
        return 0
    held = Library(path).hold(folder / LOCK)
    if held is None:
        return 0
    log_to(folder / LOG)
    Server(folder, path, held).run()
    return 0


def is_detached() -> bool:
    """Go on in a process of its own, in which this returns True: the plug-in waits for the one it started."""
    if hasattr(os, "fork"):
        if os.fork():
            return False
        os.setsid()
    return True


def log_to(path: Path) -> None:
    """Write what is said and every fault into a file that is emptied when it is long."""
    mode = "w" if path.exists() and path.stat().st_size > _MAX_LOG else "a"
    with path.open(mode, encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


def say(sentence: str) -> None:
    """Write a sentence into the log."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {os.getpid()} {sentence}\n")
    sys.stderr.flush()


class Server:
    """Starts workers.

    Args:
        folder: of the instances.
        library: path of a built plug-in.
        held: the lock of the folder.
    """

    def __init__(self, folder: Path, library: Path, held: int) -> None:
        self._folder, self._path, self._held = folder, library, held
        self._library = Library(library)
        self._singers = SingerLoader()
        self._workers: dict[Path, BaseProcess] = {}
        self._starts: dict[Path, list[float]] = {}

    def run(self) -> None:
        """Serve until no instance has been there for a while."""
        self._singers.load().load(self._singers.load().known())
        gc.freeze()
        idle = time.monotonic()
        while time.monotonic() - idle < _GRACE_SECONDS:
            found = sorted(self._folder.glob(f"*{SEGMENT}"))
            for segment in found:
                self._serve(segment)
            self._reap()
            self._starts = {segment: self._starts.get(segment, []) for segment in found}
            if found or self._workers:
                idle = time.monotonic()
            time.sleep(_TICK_SECONDS)

    def _serve(self, segment: Path) -> None:
        if segment in self._workers:
            return
        if is_abandoned(self._library, segment):
            remove(segment)
            return
        starts = [at for at in self._starts.get(segment, []) if time.monotonic() - at < _STEADY_SECONDS]
        if starts and time.monotonic() - starts[-1] < _AGAIN_SECONDS * len(starts):
            return
        if not self._library.is_free(segment):  # a worker of a server that was killed goes on
            return
        worker = self._worker(segment)
        worker.start()
        self._starts[segment] = [*starts, time.monotonic()]
        self._workers[segment] = worker

    def _worker(self, segment: Path) -> BaseProcess:
        if not _FORKS:
            return multiprocessing.get_context("spawn").Process(target=work, args=(self._path, segment))
        # A fork begins in a tenth of a second and shares the networks; there are no threads to break.
        given = (self._path, segment, self._singers, self._held)
        return multiprocessing.get_context("fork").Process(target=work, args=given)

    def _reap(self) -> None:
        for segment, worker in list(self._workers.items()):
            if not worker.is_alive():
                worker.join()
                del self._workers[segment]
                if worker.exitcode:
                    say(f"the worker of {segment.stem} ended with {worker.exitcode}")


def work(path: Path, segment: Path, singers: SingerLoader | None = None, held: int | None = None) -> None:
    """Serve one instance; a worker's main function.

    Args:
        path: of a built plug-in.
        segment: of the instance.
        singers: loaded already.
        held: the lock of the folder, which is the server's alone.
    """
    library = Library(path)
    if held is not None:
        library.release(held)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    claimed = library.claim(segment)
    if claimed is None:
        return
    settle_process()
    with claimed:
        Instance(claimed, singers or SingerLoader(), lambda: is_abandoned(library, segment), say).run()


def is_abandoned(library: Library, segment: Path) -> bool:
    """Return whether the host of a segment is dead: the system has freed its lock."""
    host = segment.with_suffix(HOST)
    return not host.exists() or library.is_free(host)


def remove(segment: Path) -> None:
    """Remove the files of an instance."""
    segment.unlink(missing_ok=True)
    segment.with_suffix(HOST).unlink(missing_ok=True)
    segment.with_suffix(PANEL).unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
