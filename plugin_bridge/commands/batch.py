"""`plugin-bridge batch`: make all that a plan asks for, and only what is missing or has changed."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from plugin_bridge.commands import UsageError
from plugin_bridge.commands.options import add_jobs, add_json, add_progress
from plugin_bridge.commands.progress import shown_progress
from plugin_bridge.files.printable import printable
from plugin_bridge.interrupts import postponed

if TYPE_CHECKING:
    from plugin_bridge.batches.expansion import PlannedJob
    from plugin_bridge.batches.running import Executor, PlanRow

_EPILOG = """\
A plan is a TOML file with a table [defaults], which holds for every job that does not say otherwise, and with
tables [[jobs]]. Keys of both: input (a file, a recorded session, a folder, a pattern such as
"stems/**/*.wav", or a list of them), output (a name with fields), singer (one, or a list, each of which makes
an output), preset, automation, midi_map, midi_channel, midi_track, midi_start, parameters (a table), bits,
rate, tail, normalize, loudness, match_loudness, seed, dither_seed, pitch and dropouts, as the options of
'plugin-bridge bounce'. Relative paths start at the folder of the plan. In a CSV file each row is a job; its
columns are named by these keys and by parameters.

Fields of an output, and of an automation: {stem}, {folder} (that of the input below the one that a pattern
names), {singer}, {preset} and every parameter, as {transpose}.

Beside each output lies a sidecar, OUTPUT.json, with the id of the job, which is the SHA-256 of all that the
output depends on, and the figures measured. What is up to date by its sidecar is not made again, so that the
same command continues a plan that was interrupted or killed. An input whose size and time are as they were is
taken to be the same. While a plan is being made, a second run of it is refused.

Exit status: 0 done, 2 bad input or a job that failed, 130 interrupted, 143 terminated.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of the command."""
    parser.description = (
        "Make all that a plan of many bounces asks for, and only what is missing or has changed."
    )
    parser.epilog = _EPILOG
    add = parser.add_argument
    add("plan", type=Path, metavar="PLAN", help="a TOML file, or a CSV file whose name ends in .csv")
    add("--dry-run", action="store_true", help="list what would be made, and why; nothing is written")
    add(
        "--report",
        type=Path,
        metavar="NAME",
        help="name of the report, without .csv and .html; default: PLAN.report beside the plan",
    )
    add("--force", action="store_true", help="replace outputs that no plan has made")
    add(
        "--trust-preset",
        action="store_true",
        help="let presets load VST3 plug-ins from outside the system's plug-in folders",
    )
    add_jobs(parser)
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--dask",
        action="store_true",
        help="use Dask on this machine, a worker for each of --jobs; needs the extra 'cluster'",
    )
    where.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="use the workers of a Dask scheduler, such as tcp://10.0.0.5:8786; they must have plugin_bridge "
        "and see the same files; needs the extra 'cluster'",
    )
    add_json(parser)
    add_progress(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the plan and write its report."""
    from plugin_bridge.batches.expansion import planned_jobs  # noqa: PLC0415 - loads the chain
    from plugin_bridge.batches.running import standings  # noqa: PLC0415

    if arguments.scheduler is not None and arguments.jobs is not None:
        raise UsageError("--jobs is for this machine; the workers of a scheduler are as many as it has")
    plan = arguments.plan
    if arguments.dask or arguments.scheduler:
        plan = plan.absolute()  # workers have folders of their own
    jobs = planned_jobs(plan, trusted=arguments.trust_preset, report=_say)
    if arguments.dry_run:
        return _listed(standings(jobs, force=arguments.force), arguments.json)
    began = time.perf_counter()
    rows, signal = _run(jobs, arguments)
    return _told(rows, time.perf_counter() - began, signal, arguments)


def _run(jobs: list[PlannedJob], arguments: argparse.Namespace) -> tuple[list[PlanRow], int]:
    """Run the jobs; return what is true of each, and the number of the signal that ended them early."""
    from plugin_bridge.batches.running import PlanListener, run_plan  # noqa: PLC0415

    with postponed() as signal, shown_progress(jobs[0].source.name, len(jobs), arguments.progress) as shown:

        def report(job: PlannedJob, sentence: str) -> None:
            shown.write(_sentence(f"{job.target.name}: {sentence}"), sys.stderr)

        def ended(row: PlanRow) -> None:
            shown.ended()
            if row.state == "failed":
                shown.write(_sentence(row.why), sys.stderr)

        def broken(sentence: str) -> None:
            shown.write(_sentence(sentence), sys.stderr)

        listener = PlanListener(report, shown.move, ended, broken, signal)
        with _executor(arguments) as executor:
            rows = run_plan(jobs, executor, force=arguments.force, listener=listener)
        return rows, signal()


@contextmanager
def _executor(arguments: argparse.Namespace) -> Iterator[Executor]:
    """Give what does the jobs: the cores of this machine, or a cluster."""
    from plugin_bridge.batches.running import on_cores  # noqa: PLC0415
    from plugin_bridge.bounce.pool import usable_cores  # noqa: PLC0415

    processes = arguments.jobs or usable_cores()
    if not arguments.dask and arguments.scheduler is None:
        yield on_cores(processes)
        return
    from plugin_bridge.batches.cluster import local_client, on_cluster, scheduler_client  # noqa: PLC0415

    with local_client(processes) if arguments.dask else scheduler_client(arguments.scheduler) as client:
        yield on_cluster(client)


def _listed(rows: list[PlanRow], as_json: bool) -> int:
    """Tell how each job stands."""
    from plugin_bridge.batches.report import counts, row_table  # noqa: PLC0415

    states = {"left": "make", "kept": "keep", "failed": "fail"}
    if as_json:
        tables = [row_table(row) | {"state": states[row.state]} for row in rows]
        print(json.dumps({"jobs": tables}, indent=2))
    else:
        for row in rows:
            print(printable(f"{states[row.state]}  {row.job.target} <- {row.job.source} ({row.why})"))
    found = counts(rows)
    print(
        f"{found['left']} of {len(rows)} jobs would be made, {found['kept']} are up to date, "
        f"{found['failed']} would fail",
        file=sys.stderr,
    )
    return 2 if found["failed"] else 0


def _told(rows: list[PlanRow], seconds: float, signal: int, arguments: argparse.Namespace) -> int:
    """Write the report and tell the counts."""
    from plugin_bridge.batches.report import counts, row_table, summary, write_report  # noqa: PLC0415

    plan: Path = arguments.plan
    base = arguments.report or plan.with_name(f"{plan.stem}.report")
    files = write_report(base, plan.name, rows, seconds)
    if arguments.json:
        found = {"jobs": [row_table(row) for row in rows], **summary(rows, seconds)}
        print(json.dumps(found | {"report": [str(file) for file in files]}, indent=2))
    found = counts(rows)
    left = f", {found['left']} are left" if found["left"] else ""
    print(
        f"{found['made']} of {len(rows)} jobs are made, {found['kept']} were up to date, {found['failed']} "
        f"failed{left}; see {printable(str(files[1]))}",
        file=sys.stderr,
    )
    return 128 + signal if signal else 2 if found["failed"] or found["left"] else 0


def _say(sentence: str) -> None:
    print(_sentence(sentence), file=sys.stderr)


def _sentence(sentence: str) -> str:
    return f"plugin-bridge batch: {printable(sentence)}"
