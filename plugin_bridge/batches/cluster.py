"""Run a plan on Dask distributed: a stem a task, the longest first, and what kills workers set aside.

Workers get paths, not audio, and return a sidecar. They need the same plugin_bridge, and the same files under
the same names. A task may run twice where a worker is lost; the rule of `sidecar` makes that harmless.
"""

from __future__ import annotations

import logging
import pickle
import secrets
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from queue import Empty, SimpleQueue
from types import ModuleType
from typing import TYPE_CHECKING, Any

from models.errors import MissingExtraError, how_to_install
from models.wholefile import clear_abandoned
from plugin_bridge.batches.identity import engine_facts
from plugin_bridge.batches.making import Making
from plugin_bridge.batches.running import Executor, Stop
from plugin_bridge.bounce.bounce import BounceListener
from plugin_bridge.bounce.pool import Hear, Told, Work
from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.errors import BridgeError, refusal
from plugin_bridge.version import __version__

if TYPE_CHECKING:
    from distributed import Client, Future

_WINDOW = 4
"""Tasks that are handed out for each thread of a worker; the rest is kept here, where it can be stopped."""
_RETRIES = 2
"""Of a task that fails for what may pass, such as a network folder that is away."""
_PATIENCE_SECONDS = 15.0
"""For a scheduler to answer, for workers to come, and for tasks that are stopped to end."""
_TICK_SECONDS = 0.1
_LOOK_SECONDS = 1.0
_CHECKED = 32
"""Inputs that every worker is asked for before the start."""
_LOCAL = {
    # Whoever was on a worker that died is set aside at once, and made once more alone.
    "distributed.scheduler.allowed-failures": 0,
    # It would look at the stack a hundred times a second.
    "distributed.worker.profile.enabled": False,
    # A busy machine takes long to start a worker anew.
    "distributed.deploy.lost-worker-timeout": "5 minutes",
}
_GONE = "the scheduler is gone; start it again, and the same command goes on"
_NO_WORKER = "the cluster has no worker; start some: dask worker ADDRESS --nthreads 1"
_HAS_PACKAGE = "__import__('importlib.util').util.find_spec('plugin_bridge') is not None"

_stopped: set[str] = set()
"""In a worker: the runs that are to end."""


@contextmanager
def local_client(workers: int) -> Iterator[Client]:
    """Start a cluster on this machine, which listens on 127.0.0.1 only and serves no dashboard.

    Args:
        workers: processes, each with one thread.

    Raises:
        MissingExtraError: Dask is not installed.
    """
    distributed = _distributed()
    config = import_module("dask").config

    class LeaveInterrupts(distributed.WorkerPlugin):  # type: ignore[misc, name-defined]
        """Leave an interrupt from the keyboard, which all processes get, to the one that started them."""

        def setup(self, worker: object) -> None:
            del worker
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    with (
        config.set(_LOCAL),
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # any port: where Dask's own is taken, it warns
            worker_dashboard_address=None,
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.register_plugin(LeaveInterrupts())
        yield client


@contextmanager
def scheduler_client(address: str) -> Iterator[Client]:
    """Connect to a scheduler.

    Args:
        address: such as "tcp://10.0.0.5:8786".

    Raises:
        BridgeError: nothing answers there, or it has no worker.
        MissingExtraError: Dask is not installed.
    """
    distributed = _distributed()
    if "://" not in address:
        raise BridgeError(f"scheduler {address!r} is no address; give one such as tcp://10.0.0.5:8786")
    try:
        client = distributed.Client(address, timeout=_PATIENCE_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:  # a timeout is one of the system's
        raise BridgeError(f"no scheduler answers at {address}; start it, or check the address") from error
    with client:
        yield client


def on_cluster(client: Client) -> Executor:
    """Return what does tasks on the workers of a Dask client; the plan must be named by its full path."""

    def do(work: Work, tasks: Sequence[Making], hear: Hear, order: Sequence[int], stop: Stop) -> None:
        _check_workers(client, [task.job.source for task in tasks])
        run = _Run(client, work, tasks, hear, stop)
        try:
            run.go(order)
        finally:
            run.close()
            for folder in {task.target.parent for task in tasks}:
                clear_abandoned(folder)

    return do


class _Run:
    """The tasks of one run: those waiting, and those that the scheduler has."""

    def __init__(self, client: Client, work: Work, tasks: Sequence[Making], hear: Hear, stop: Stop) -> None:
        self._client, self._work, self._tasks = client, work, tasks
        self._hear, self._stop = hear, stop
        self._token = secrets.token_hex(8)
        self._ended: SimpleQueue[Future] = SimpleQueue()
        self._running: dict[str, int] = {}
        self._futures: dict[str, Future] = {}
        self._threads = 0
        self._looked = self._seen = time.monotonic()

    def go(self, order: Sequence[int]) -> None:
        """Do tasks; those that killed workers once more at the end, each alone."""
        poison: list[int] = []
        self._do(deque(order), _WINDOW, poison.append)
        for number in poison:
            self._do(deque([number]), _WINDOW, self._give_up)

    def _do(self, waiting: deque[int], window: int, killed: Callable[[int], None]) -> None:
        while (waiting or self._running) and not self._stop():
            self._look()
            while waiting and len(self._running) < window * max(1, self._threads):
                self._submit(waiting.popleft())
            self._take(killed)

    def _look(self) -> None:
        """Count the threads of all workers once a second.

        Raises:
            BridgeError: the scheduler is gone, or has had no worker for a while.
        """
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS and self._threads:
            return
        self._looked = now
        if self._client.status != "running":
            raise BridgeError(_GONE)
        with _answering():
            self._threads = sum(self._client.nthreads().values())
        if self._threads:
            self._seen = now
        elif now - self._seen > _PATIENCE_SECONDS:
            raise BridgeError(_NO_WORKER)

    def _submit(self, number: int) -> None:
        key = f"plugin-bridge-{self._token}-{number}-{secrets.token_hex(2)}"
        data = pickle.dumps((self._work, self._tasks[number]))
        self._running[key] = number
        with _answering():
            future = self._client.submit(_on_worker, data, self._token, key=key, retries=_RETRIES, pure=False)
        self._futures[key] = future
        future.add_done_callback(self._ended.put)

    def _take(self, killed: Callable[[int], None]) -> None:
        """Take a task that has ended, or wait for a moment."""
        try:
            future = self._ended.get(timeout=_TICK_SECONDS)
        except Empty:
            return
        number = self._running.pop(future.key)
        del self._futures[future.key]
        with _answering():
            error = None if future.status == "finished" else future.exception()
            told = future.result() if error is None else None
        if error is None:
            self._tell(number, told)
        elif type(error).__name__ == "KilledWorker":
            killed(number)
        elif isinstance(error, CancelledError):
            raise BridgeError(_GONE) from error
        else:
            self._hear(Told(number, "failed", _sentence(error)))

    def _tell(self, number: int, told: _Returned | None) -> None:
        if told is None:  # stopped
            return
        for note in told.notes:
            self._hear(Told(number, "report", note))
        self._hear(Told(number, "failed", told.error) if told.error else Told(number, "done", told.result))

    def _give_up(self, number: int) -> None:
        why = "the workers that made it died, and again when nothing else ran"
        source = self._tasks[number].job.source
        self._hear(Told(number, "failed", f"{source}: {why}; check the file, and the memory of the workers"))

    def close(self) -> None:
        """Stop what runs, and take what is done all the same."""
        if not self._running or self._client.status != "running":
            return
        with suppress(OSError):  # it may go at this moment
            self._client.run(_stop_run, self._token, on_error="ignore")
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self._running and time.monotonic() < deadline:
            self._take(lambda _: None)


@contextmanager
def _answering() -> Iterator[None]:
    """Ask the scheduler something: what it no longer answers is cancelled, or meets a closed connection."""
    try:
        yield
    except (CancelledError, OSError) as lost:
        raise BridgeError(_GONE) from lost


@dataclass(frozen=True)
class _Returned:
    """What a worker returns."""

    result: Any
    error: str
    notes: list[str]


class _StoppedError(Exception):
    """The run is to end."""


def _on_worker(data: bytes, run: str) -> _Returned | None:
    """Do a task in a worker.

    Returns:
        What became of it, None where it was stopped.

    Raises:
        OSError: of a kind that may pass, or not be so on another worker.
    """
    work, task = pickle.loads(data)  # noqa: S301 - as all that a scheduler brings
    notes: list[str] = []

    def progress(_: float, __: float) -> None:
        if run in _stopped:
            raise _StoppedError

    try:
        progress(0.0, 0.0)
        result = work(task, _library(), BounceListener(notes.append, progress))
    except _StoppedError:
        return None
    except BridgeError as error:
        if not task.job.source.exists():
            raise OSError(f"{task.job.source} does not exist on {socket.gethostname()}; share it") from error
        return _Returned(None, str(error), notes)
    return _Returned(result, "", notes)


@cache
def _library() -> SingerLibrary:
    """Singers that a worker has loaded."""
    return SingerLibrary()


def _stop_run(run: str) -> None:
    _stopped.add(run)


def _facts(paths: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return what a worker's engine is, and those paths that it does not see."""
    return engine_facts(), [path for path in paths if not Path(path).exists()]


def _check_workers(client: Client, sources: Sequence[Path]) -> None:
    """Check that there are workers, with the same engine and with the inputs.

    Raises:
        BridgeError: one sentence for the first worker that does not fit.
    """
    if relative := next((path for path in sources if not path.is_absolute()), None):
        raise BridgeError(f"{relative} means another file on another machine; give the plan by its full path")
    try:
        client.wait_for_workers(1, timeout=_PATIENCE_SECONDS)
    except TimeoutError as error:
        raise BridgeError(_NO_WORKER) from error
    for worker, has in client.run(eval, _HAS_PACKAGE).items():
        if not has:
            raise BridgeError(
                f"worker {worker} has no plugin_bridge; install it there, in version {__version__}"
            )
    asked = [str(path) for path in sources[:: max(1, len(sources) // _CHECKED)]]
    for worker, found in client.run(_facts, asked, on_error="return").items():
        if isinstance(found, BaseException):
            raise BridgeError(f"worker {worker} cannot use plugin_bridge: {_sentence(found)}")
        engine, missing = found
        if engine != engine_facts():
            theirs = engine["plugin_bridge"]
            raise BridgeError(
                f"worker {worker} has another plugin_bridge, {theirs}, or other networks in it; "
                f"install version {__version__} as here"
            )
        if missing:
            raise BridgeError(
                f"worker {worker} does not see {missing[0]}; share that folder under the same name"
            )


def _sentence(error: BaseException) -> str:
    if isinstance(error, BridgeError | OSError):
        return refusal(error)
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'without a word'}"


def _distributed() -> ModuleType:
    try:
        distributed = import_module("distributed")
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"a cluster needs {error.name}, which is not installed; {how_to_install('cluster')}"
        ) from None
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # what matters is told in sentences
    return distributed
