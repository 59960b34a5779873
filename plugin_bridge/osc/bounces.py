"""Bounces during live play: a queue of child processes, each `plugin-bridge bounce`, one at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from plugin_bridge.errors import OutputError
from plugin_bridge.osc.bounceplan import by_osc
from plugin_bridge.osc.quota import check_free
from plugin_bridge.osc.wire.packets import Argument

_COMMAND = (sys.executable, "-m", "plugin_bridge", "bounce")
_MAX_WAITING = 16
_MAX_KEPT = 64
_NICENESS = 10
"""The live sound goes first."""
_PATIENCE_SECONDS = 5.0
_READ_BYTES = 65_536
_MAX_LINE_BYTES = 1000
"""Of what a bounce prints; the rest of a longer line is dropped."""
_OWNER_ONLY = 0o077
"""umask of a bounce."""

Tell = Callable[[Argument, Argument, Argument, Argument], None]
"""Is told number, state, seconds done and seconds in all."""


@dataclass
class Bounce:
    """One that was asked for."""

    number: int
    words: Sequence[str]
    """Arguments of `plugin-bridge bounce`."""
    target: Path
    tell: Tell
    state: str = "waiting"
    """"waiting", "running", "done", "failed: ..." or "cancelled"."""
    done: float = 0.0
    """Seconds of audio."""
    total: float = 0.0
    process: asyncio.subprocess.Process | None = None
    cancelled: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def part(self) -> float:
        """Fraction done, 0..1."""
        return 1.0 if self.state == "done" else self.done / self.total if self.total else 0.0

    def report(self) -> None:
        """Tell how it stands."""
        self.tell(self.number, self.state, self.done, self.total)


class BounceQueue:
    """Runs bounces in the order they were asked for and remembers the last 64."""

    def __init__(self) -> None:
        self._bounces: OrderedDict[int, Bounce] = OrderedDict()
        self._count = 0
        self._worker: asyncio.Task[None] | None = None
        self._closing = False

    def start(self, words: Sequence[str], target: Path, tell: Tell) -> int:
        """Queue a bounce and return its number.

        Args:
            words: arguments of `plugin-bridge bounce`, with `--progress`.
            target: its output.
            tell: hears how it goes.

        Raises:
            ValueError: 16 are waiting, one is making that output, or the queue closes.
        """
        if self._closing:
            raise ValueError(
                f"a bounce to {target.name!r} cannot begin, for the server ends; start it again first"
            )
        pending = [bounce for bounce in self._bounces.values() if not bounce.ended.is_set()]
        if len(pending) > _MAX_WAITING:
            raise ValueError(f"{_MAX_WAITING} bounces wait already; send it again when one is done")
        if any(bounce.target == target for bounce in pending):
            raise ValueError(f"a bounce to {target.name!r} is on its way; choose another name or cancel it")
        self._count += 1
        self._bounces[self._count] = Bounce(self._count, words, target, tell)
        for number in [n for n, bounce in self._bounces.items() if bounce.ended.is_set()][:-_MAX_KEPT]:
            del self._bounces[number]
        if self._worker is None or self._worker.done():
            self._worker = asyncio.get_running_loop().create_task(self._work())
        return self._count

    def listed(self) -> list[Argument]:
        """Return number, state, part done and output of each."""
        rows = self._bounces.values()
        return [cell for row in rows for cell in (row.number, row.state, row.part, row.target.name)]

    async def cancel(self, number: int) -> str:
        """End a bounce and return its state once it has ended and its unfinished files are gone.

        Raises:
            ValueError: there is none of that number.
        """
        bounce = self._bounces.get(number)
        if bounce is None:
            raise ValueError(f"bounce {number} is unknown; /bounce/list numbers them")
        bounce.cancelled = True
        if not bounce.ended.is_set():
            if bounce.state == "waiting":
                _end(bounce, "cancelled")
            elif bounce.process is not None:  # else `_run` sees to it once there is one
                await _terminate(bounce.process)
            await bounce.ended.wait()
        return bounce.state

    async def close(self) -> None:
        """End all, and begin no more until that is done."""
        self._closing = True
        for number in reversed(list(self._bounces)):
            await self.cancel(number)
        if self._worker is not None:
            await self._worker
        self._closing = False

    async def _work(self) -> None:
        while True:
            waiting = [bounce for bounce in self._bounces.values() if not bounce.ended.is_set()]
            if not waiting:
                return
            await _run(waiting[0])


async def _run(bounce: Bounce) -> None:
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    bounce.state = "running"
    try:
        process = await asyncio.create_subprocess_exec(
            *_COMMAND, *bounce.words, stdin=nothing, stdout=nothing, stderr=pipe, umask=_OWNER_ONLY
        )
    except OSError as error:
        _end(bounce, f"failed: no process can be started: {error.strerror}; try again")
        return
    bounce.process = process
    with contextlib.suppress(OSError):  # it may be over already
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
    if bounce.cancelled:
        await _terminate(process)
    bounce.report()
    reason = await _follow(bounce, process)
    status = await process.wait()
    for left in bounce.target.parent.glob(f".plugin-bridge-*-{process.pid}-*.part"):  # after a kill
        left.unlink(missing_ok=True)
    _end(bounce, "done" if status == 0 else "cancelled" if bounce.cancelled else f"failed: {reason}")


async def _follow(bounce: Bounce, process: asyncio.subprocess.Process) -> str:
    """Note the progress of a process until it ends; return why it ended if it failed."""
    assert process.stderr is not None
    reason = "it ended without a word; bounce it from the command line to see why"
    full = ""
    async for line in _lines(process.stderr):
        progress = _progress(line)
        if progress is None:
            reason = by_osc(line.removeprefix("plugin-bridge bounce: ")) or reason
            continue
        bounce.done, bounce.total = progress
        bounce.report()
        try:
            check_free(bounce.target.parent)
        except OutputError as error:
            full = full or str(error)
            await _terminate(process)
    return full or reason


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


def _end(bounce: Bounce, state: str) -> None:
    bounce.state = state
    bounce.ended.set()
    bounce.report()
