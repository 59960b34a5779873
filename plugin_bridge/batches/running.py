"""Run a plan: keep what is up to date, make the rest, and know at any time what is true of each job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from models.wholefile import clear_abandoned
from plugin_bridge.batches.claim import claimed
from plugin_bridge.batches.expansion import PlannedJob
from plugin_bridge.batches.making import Making, make, standing
from plugin_bridge.batches.sidecar import Sidecar
from plugin_bridge.bounce.many import Shares
from plugin_bridge.bounce.pool import Hear, Told, Work, in_processes, in_this_process
from plugin_bridge.errors import BridgeError, refusal

State = Literal["made", "kept", "failed", "left"]
Stop = Callable[[], object]


@dataclass
class PlanRow:
    """What is true of one job."""

    job: PlannedJob
    state: State = "left"
    """Made just now, kept because it is up to date, failed, or left because the run was ended before."""
    why: str = ""
    """What was new or had changed, or the sentence of a failure."""
    sidecar: Sidecar | None = None
    """Of the output, where there is one that is up to date."""


class Executor(Protocol):
    """Does tasks somewhere: see `plugin_bridge.bounce.pool.in_processes`."""

    def __call__(
        self,
        work: Work,
        tasks: Sequence[Making],
        hear: Hear,
        order: Sequence[int],
        stop: Stop,
        /,
    ) -> None:
        """Do tasks, the first of `order` first, and tell how they go; do not begin any after `stop`."""


@dataclass(frozen=True)
class PlanListener:
    """Callbacks for the progress of a plan."""

    report: Callable[[PlannedJob, str], None] = lambda _, __: None
    """Called with a sentence for a person to see; not with failures, which `ended` tells."""
    progress: Callable[[float, float, float], None] = lambda _, __, ___: None
    """See `plugin_bridge.bounce.many.BatchListener`; of the jobs that are to be made."""
    ended: Callable[[PlanRow], None] = lambda _: None
    """Called when a job is made, kept or has failed."""
    broken: Callable[[str], None] = lambda _: None
    """Called with a sentence where no more can be made, as when a scheduler is gone; the rest is left."""
    stop: Stop = lambda: False
    """Asked several times a second whether to end before all is done."""


def on_cores(processes: int) -> Executor:
    """Return what does tasks on the cores of this machine; one task alone is done in this process."""

    def do(work: Work, tasks: Sequence[Making], hear: Hear, order: Sequence[int], stop: Stop) -> None:
        if len(tasks) == 1 and processes == 1:
            in_this_process(work, tasks, hear)
        else:
            in_processes(work, tasks, processes, hear, order, stop)

    return do


def standings(jobs: Sequence[PlannedJob], *, force: bool) -> list[PlanRow]:
    """Return how each job stands, with the state that it has now; "left" are those to be made.

    Args:
        jobs: of a plan.
        force: replace outputs that no plan has made.
    """
    return [_standing(job, force) for job in jobs]


def _standing(job: PlannedJob, force: bool) -> PlanRow:
    try:
        found = standing(job, force=force)
    except (BridgeError, OSError) as error:
        return PlanRow(job, "failed", refusal(error))
    states: dict[str, State] = {"make": "left", "keep": "kept", "refuse": "failed"}
    kept = found.before if found.kind == "keep" else None
    return PlanRow(job, states[found.kind], found.why, kept)


def run_plan(
    jobs: Sequence[PlannedJob],
    executor: Executor,
    *,
    force: bool = False,
    listener: PlanListener | None = None,
) -> list[PlanRow]:
    """Make what is missing or has changed.

    Args:
        jobs: of a plan.
        executor: where.
        force: replace outputs that no plan has made.
        listener: hears how it goes.

    Returns:
        What is true of each job, in order.

    Raises:
        PlanError: another run is making the plan; nothing is written then.
    """
    with claimed({job.plan for job in jobs}):
        for folder in {job.target.parent for job in jobs}:
            clear_abandoned(folder)  # what is up to date is not written, and so would not sweep
        return _run(jobs, executor, force, listener or PlanListener())


def _run(
    jobs: Sequence[PlannedJob], executor: Executor, force: bool, listener: PlanListener
) -> list[PlanRow]:
    rows = standings(jobs, force=force)
    waiting = [row for row in rows if row.state == "left"]
    for row in rows:
        if row.state != "left":
            listener.ended(row)
    share = Shares([row.job.source for row in waiting])

    def hear(told: Told) -> None:
        row = waiting[told.number]
        if told.kind == "report":
            listener.report(row.job, told.value)
        elif told.kind == "progress":
            done, total = told.value
            listener.progress(done, total, share.moved(told.number, done / total))
        else:
            _take(row, told)
            seconds = row.sidecar.figures["seconds"] if row.sidecar else 0.0
            listener.progress(seconds, seconds, share.moved(told.number, 1.0))
            listener.ended(row)

    if waiting:
        tasks = [Making(row.job, force) for row in waiting]
        try:
            executor(make, tasks, hear, share.longest_first(), listener.stop)
        except BridgeError as error:
            listener.broken(str(error))
    return rows


def _take(row: PlanRow, told: Told) -> None:
    if told.kind == "failed":
        row.state, row.why = "failed", told.value
        return
    row.state = "made" if told.value.is_new else "kept"
    row.sidecar = told.value.sidecar
