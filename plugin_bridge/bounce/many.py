"""Bounce many files on all cores; one that fails does not stop the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from plugin_bridge.bounce.batch import BounceJob
from plugin_bridge.bounce.bounce import BounceListener, BounceResult, bounce
from plugin_bridge.bounce.pool import Told, in_processes, in_this_process, usable_cores
from plugin_bridge.bounce.settings import BounceSettings
from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.files.standardstreams import STANDARD_STREAM


@dataclass
class BounceOutcome:
    """What became of one file of many."""

    job: BounceJob
    result: BounceResult | None = None
    """None where there is no output."""
    error: str = ""
    """Why it failed, one sentence; empty where it is done, or was not because all was to end before."""
    notes: list[str] = field(default_factory=list)
    """Sentences for a person to see."""


@dataclass(frozen=True)
class BatchListener:
    """Callbacks for the progress of many bounces; all are called by the thread that waits for them."""

    report: Callable[[BounceJob, str], None] = lambda _, __: None
    """Called with a sentence for a person to see; not with what fails, which `ended` tells."""
    progress: Callable[[float, float, float], None] = lambda _, __, ___: None
    """Called with the seconds done of a file and those in all, and with the fraction done of all files, 0..1,
    as far as their sizes tell it."""
    ended: Callable[[BounceOutcome], None] = lambda _: None
    """Called when a file is done, or has failed."""
    stop: Callable[[], object] = lambda: False
    """Asked several times a second whether to end before all is done."""


def bounce_files(
    jobs: Sequence[BounceJob],
    settings: BounceSettings,
    *,
    processes: int | None = None,
    listener: BatchListener | None = None,
) -> list[BounceOutcome]:
    """Bounce many files in several processes; the bytes depend neither on their number nor on the order.

    Args:
        jobs: from `plan_jobs`, or made by hand.
        settings: for all of them.
        processes: at most so many at a time; as many as there are cores for this process if absent. One file,
            and files among which is standard input, are bounced in this process, one by one.
        listener: hears how it goes.

    Returns:
        What became of each, in the order of `jobs`.

    Raises:
        BridgeError: no process can be started.
        BrokenPipeError: whoever read standard output has gone.
        ValueError: fewer than one process.
    """
    listener = listener or BatchListener()
    if processes is not None and processes < 1:
        raise ValueError(f"{processes} processes cannot bounce anything; give 1 or more")
    found = [BounceOutcome(job) for job in jobs]
    tasks = [_Task(job, settings) for job in jobs]
    share = Shares([job.source for job in jobs])

    def hear(told: Told) -> None:
        outcome = found[told.number]
        if told.kind == "report":
            outcome.notes.append(told.value)
            listener.report(outcome.job, told.value)
        elif told.kind == "progress":
            done, total = told.value
            listener.progress(done, total, share.moved(told.number, done / total))
        else:
            outcome.result, outcome.error = (told.value, "") if told.kind == "done" else (None, told.value)
            seconds = outcome.result.seconds if outcome.result else 0.0
            listener.progress(seconds, seconds, share.moved(told.number, 1.0))
            listener.ended(outcome)

    if are_bounced_here(jobs):
        in_this_process(_bounced, tasks, hear)
    else:
        order = share.longest_first()
        in_processes(_bounced, tasks, processes or usable_cores(), hear, order, listener.stop)
    return found


def are_bounced_here(jobs: Sequence[BounceJob]) -> bool:
    """Return whether `bounce_files` starts no processes: for one file, and where standard input is read."""
    return len(jobs) < 2 or any(job.source == STANDARD_STREAM for job in jobs)


class Shares:
    """How much of all the work each file is, by its size on the disk.

    Args:
        sources: audio files or sessions; what is not there is no work.
    """

    def __init__(self, sources: Sequence[Path]) -> None:
        self._sizes = [1 + _size(path) for path in sources]
        self._done = [0.0] * len(sources)
        self._sum, self._all = 0.0, sum(self._sizes)

    def longest_first(self) -> list[int]:
        """Return the numbers of all files in an order that keeps all processes busy to the end."""
        return sorted(range(len(self._sizes)), key=lambda number: -self._sizes[number])

    def moved(self, number: int, part: float) -> float:
        """Take the fraction done of a file; return that of all, 0..1."""
        now = self._sizes[number] * part
        self._sum += now - self._done[number]
        self._done[number] = now
        return min(1.0, self._sum / self._all)


class _Task(NamedTuple):
    job: BounceJob
    settings: BounceSettings

    @property
    def target(self) -> Path:
        return self.job.target


def _bounced(task: _Task, library: SingerLibrary, listener: BounceListener) -> BounceResult:
    job = task.job
    return bounce(job.source, job.target, job.form, task.settings, library=library, listener=listener)


def _size(path: Path) -> int:
    """Return the bytes of an audio file or of all files of a session."""
    try:
        files = path.iterdir() if path.is_dir() else [path]
        return sum(file.stat().st_size for file in files)
    except OSError:
        return 0
