"""Work beside the live sound: a queue of child processes of one kind, such as bounces, one at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from models.wholefile import discard_of
from plugin_bridge.errors import OutputError
from plugin_bridge.osc.beside import start_beside
from plugin_bridge.osc.quota import check_free
from plugin_bridge.osc.wire.packets import Argument

_PROGRAM = (sys.executable, "-m", "plugin_bridge")
_MAX_WAITING = 16
_MAX_KEPT = 64
_PATIENCE_SECONDS = 5.0
_READ_BYTES = 65_536
_MAX_LINE_BYTES = 1000
"""Of what a job prints; the rest of a longer line is dropped."""
_OWNER_ONLY = 0o077
"""umask of a job."""


@dataclass(frozen=True)
class Kind:
    """What a queue runs."""

    command: str
    """Of `plugin-bridge`, and of the OSC addresses."""
    name: str
    """Of one, for sentences."""
    by_hand: str
    """How a person does the same, to see what a process that said nothing would not tell."""
    translated: Callable[[str], str] = str
    """Puts what the command says into the words of OSC."""


@dataclass
class Job:
    """One that was asked for."""

    kind: Kind
    number: int
    words: Sequence[str]
    """Arguments of its command."""
    target: Path
    tell: Callable[[Job], None]
    """Hears how it goes."""
    state: str = "waiting"
    """"waiting", "running", "done", "failed: ..." or "cancelled"."""
    done: float = 0.0
    """Seconds, of audio or of time."""
    total: float = 0.0
    said: str = ""
    """The last sentence of its command, which may be a warning."""
    process: asyncio.subprocess.Process | None = None
    cancelled: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def part(self) -> float:
        """Fraction done, 0..1."""
        return 1.0 if self.state == "done" else self.done / self.total if self.total else 0.0

    def report(self) -> None:
        """Tell how it stands."""
        self.tell(self)


class JobQueue:
    """Runs jobs in the order they were asked for and remembers the last 64.

    Args:
        kind: of all of them.
    """

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._jobs: OrderedDict[int, Job] = OrderedDict()
        self._count = 0
        self._worker: asyncio.Task[None] | None = None
        self._closing = False

    def start(self, words: Sequence[str], target: Path, tell: Callable[[Job], None]) -> int:
        """Queue a job and return its number.

        Args:
            words: arguments of its command, with `--progress`.
            target: its output.
            tell: hears how it goes.

        Raises:
            ValueError: 16 are waiting, one is making that output, or the queue closes.
        """
        if self._closing:
            raise ValueError(f"{target.name!r} cannot be made, for the server ends; start it again first")
        pending = [job for job in self._jobs.values() if not job.ended.is_set()]
        if len(pending) > _MAX_WAITING:
            raise ValueError(
                f"{_MAX_WAITING} {self._kind.name}s wait already; send it again when one is done"
            )
        if self.is_making(target):
            raise ValueError(f"{target.name!r} is on its way already; choose another name or cancel it")
        self._count += 1
        self._jobs[self._count] = Job(self._kind, self._count, words, target, tell)
        for number in [n for n, job in self._jobs.items() if job.ended.is_set()][:-_MAX_KEPT]:
            del self._jobs[number]
        if self._worker is None or self._worker.done():
            self._worker = asyncio.get_running_loop().create_task(self._work())
        return self._count

    def is_making(self, target: Path) -> bool:
        """Return whether a job that is not over makes that output."""
        return any(job.target == target and not job.ended.is_set() for job in self._jobs.values())

    def listed(self) -> list[Argument]:
        """Return number, state, part done and output of each."""
        rows = self._jobs.values()
        return [cell for row in rows for cell in (row.number, row.state, row.part, row.target.name)]

    async def cancel(self, number: int) -> str:
        """End a job and return its state once it has ended and its unfinished files are gone.

        Raises:
            ValueError: there is none of that number.
        """
        job = self._jobs.get(number)
        if job is None:
            raise ValueError(
                f"{self._kind.name} {number} is unknown; /{self._kind.command}/list numbers them"
            )
        job.cancelled = True
        if not job.ended.is_set():
            if job.state == "waiting":
                _end(job, "cancelled")
            elif job.process is not None:  # else `_run` sees to it once there is one
                await _terminate(job.process)
            await job.ended.wait()
        return job.state

    async def close(self) -> None:
        """End all, and begin no more until that is done."""
        self._closing = True
        for number in reversed(list(self._jobs)):
            await self.cancel(number)
        if self._worker is not None:
            await self._worker
        self._closing = False

    async def _work(self) -> None:
        while True:
            waiting = [job for job in self._jobs.values() if not job.ended.is_set()]
            if not waiting:
                return
            await _run(waiting[0])


async def _run(job: Job) -> None:
    job.state = "running"
    try:
        process = await start_beside(
            *_PROGRAM,
            job.kind.command,
            *job.words,
            stderr=asyncio.subprocess.PIPE,
            umask=_OWNER_ONLY,
        )
    except OSError as error:
        _end(job, f"failed: no process can be started: {error.strerror}; try again")
        return
    job.process = process
    if job.cancelled:
        await _terminate(process)
    job.report()
    reason = await _follow(job, process)
    status = await process.wait()
    discard_of(process.pid, job.target.parent)
    _end(job, "done" if status == 0 else "cancelled" if job.cancelled else f"failed: {reason}")


async def _follow(job: Job, process: asyncio.subprocess.Process) -> str:
    """Note the progress of a process until it ends; return why it ended if it failed."""
    assert process.stderr is not None
    full = ""
    async for line in _lines(process.stderr):
        progress = _progress(line)
        if progress is None:
            sentence = line.removeprefix(f"plugin-bridge {job.kind.command}: ")
            job.said = job.kind.translated(sentence) or job.said
            continue
        job.done, job.total = progress
        job.report()
        try:
            check_free(job.target.parent)
        except OutputError as error:
            full = full or str(error)
            await _terminate(process)
    return full or job.said or f"it ended without a word; {job.kind.by_hand} to see why"


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Yield the lines that a process prints, cut short where a library prints very long ones."""
    line = bytearray()
    while data := await stream.read(_READ_BYTES):
        *ended, rest = data.split(b"\n")
        for part in ended:
            line += part[: _MAX_LINE_BYTES - len(line)]
            yield line.decode(errors="replace").strip()
            line.clear()
        line += rest[: _MAX_LINE_BYTES - len(line)]
    yield line.decode(errors="replace").strip()


def _progress(line: str) -> tuple[float, float] | None:
    """Return the seconds done and in all that a line tells, None for any other line."""
    if not line.startswith('{"done"'):
        return None
    try:
        told = json.loads(line)
        return float(told["done"]), float(told["total"])
    except (ValueError, KeyError, TypeError):
        return None


async def _terminate(process: asyncio.subprocess.Process) -> None:
    """Ask it to end, which removes its files, and make it where it does not listen."""
    for ask in (process.terminate, process.kill):
        with contextlib.suppress(ProcessLookupError):
            ask()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _PATIENCE_SECONDS)
            return


def _end(job: Job, state: str) -> None:
    job.state = state
    job.ended.set()
    job.report()
