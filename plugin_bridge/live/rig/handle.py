"""A handle on the audio process: starts it, and finds out how it ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

from plugin_bridge.live.audio import process as audio
from plugin_bridge.live.link import NO_FIGURES, SPAWN, Figures, Link, SharedFigures
from plugin_bridge.live.settings import LiveSettings

_JOIN_SECONDS = 3.0
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""The environment of a process that runs an engine: its matrix products are small, and a second thread of
ordinary priority would only make it wait."""


class AudioHandle:
    """A running audio process.

    Args:
        settings: what to play.
        patient: it waits for a device that is missing.
        last: figures of the process before; positions continue from there.
        held: it loads what it will play, says so, and waits for `begin`.

    Raises:
        OSError: the system refuses a process, a pipe or shared memory; nothing is left behind.
    """

    def __init__(
        self, settings: LiveSettings, *, patient: bool, last: Figures = NO_FIGURES, held: bool = False
    ) -> None:
        ours, theirs = SPAWN.Pipe()
        try:
            self.page = SharedFigures()
            self._continue(last)
            self._process = SPAWN.Process(
                target=audio.run,
                args=(theirs, self.page.store, settings, patient, held),
                name="plugin-bridge audio",
                daemon=True,
            )
            resource_tracker.ensure_running()  # which would let signals through again where it starts here
            with _environment(ONE_THREAD), _blocked(audio.IGNORED_SIGNALS):
                self._process.start()
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()  # so that the end of the process is the end of the pipe
        self.link = Link(ours)

    @property
    def pid(self) -> int:
        """The process's number."""
        assert self._process.pid is not None
        return self._process.pid

    def begin(self, settings: LiveSettings, last: Figures) -> None:
        """Have a process that is held play, with the parameters and learned controls of these settings."""
        self._continue(last)
        learned = [list(row) for row in settings.learned]
        self.link.send({"begin": dict(settings.parameters), "learned": learned})

    def _continue(self, last: Figures) -> None:
        self.page.write(Figures(clock=last.clock, position=last.position, rate=last.rate))

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self.reap()

    def reap(self) -> str:
        """Wait for a process that has closed its link, or kill it; return how it ended."""
        self._process.join(_JOIN_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.link.close()
        code = self._process.exitcode or 0
        self._process.close()
        if code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"ended with status {code}"


@contextmanager
def _blocked(signals: Iterable[signal.Signals]) -> Iterator[None]:
    """Block signals in a process that is started here, until it unblocks them after its imports."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables for a process that is started here: libraries read them when they load."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
