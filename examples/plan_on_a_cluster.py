"""A plan of bounces on a Dask cluster: workers of this machine, or of others that are reached by SSH.

    sh .ci/setup cluster
    .venv/bin/python examples/plan_on_a_cluster.py plan.toml --workers 2

`plugin-bridge batch plan.toml --dask` does the same. With hosts, after `.venv/bin/pip install asyncssh`:

    .venv/bin/python examples/plan_on_a_cluster.py plan.toml --workers 8 --hosts first second third

The first host runs the scheduler, the others the workers; named twice, it has workers, too. On all of them
plugin_bridge and Dask have the same versions, and the plan, its inputs and its outputs the same paths, as on
a network drive. You log in with a key. Whoever reaches a scheduler can run programs on its workers, so let
the hosts be in a network of your own. A cluster that runs already needs no script:

    dask scheduler --host ADDRESS --no-dashboard                                # on one machine
    dask worker tcp://ADDRESS:8786 --nworkers auto --nthreads 1 --no-dashboard  # on the others
    plugin-bridge batch /shared/plan.toml --scheduler tcp://ADDRESS:8786

Run any of them again, and it makes only what is missing or has changed.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from distributed import Client, LocalCluster, SSHCluster

from plugin_bridge import BridgeError, PlanListener, PlanRow, on_cluster, planned_jobs, run_plan, write_report


def main(arguments: list[str] | None = None) -> int:
    """Run the plan and write its report beside it."""
    options = parsed(arguments)
    plan = options.plan.absolute()  # workers have folders of their own
    began = time.perf_counter()
    try:
        jobs = planned_jobs(plan)
        with (ssh if options.hosts else local)(options) as cluster, Client(cluster) as client:
            rows = run_plan(jobs, on_cluster(client), listener=PlanListener(ended=tell, broken=complain))
    except BridgeError as error:
        print(error, file=sys.stderr)
        return 2
    seconds = time.perf_counter() - began
    _, page = write_report(plan.with_name(f"{plan.stem}.report"), plan.name, rows, seconds)
    done = sum(row.state in {"made", "kept"} for row in rows)
    print(f"{done} of {len(rows)} jobs are done; see {page}")
    return 0 if done == len(rows) else 2


def local(options: argparse.Namespace) -> LocalCluster:
    """Start workers on this machine; nothing listens on another address than 127.0.0.1."""
    return LocalCluster(
        n_workers=options.workers,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False},  # True serves Dask's page, where bokeh is installed
    )


def ssh(options: argparse.Namespace) -> SSHCluster:
    """Start a scheduler and workers on other machines."""
    connect = {"port": options.port} | ({"known_hosts": None} if options.any_host_key else {})
    return SSHCluster(
        options.hosts,
        connect_options=connect,
        worker_options={"nthreads": 1, "n_workers": options.workers},
        scheduler_options={"host": options.hosts[0], "dashboard": False},
        remote_python=options.python,
    )


def tell(row: PlanRow) -> None:
    """Print what became of a job."""
    print(f"failed: {row.why}" if row.state == "failed" else f"{row.state}: {row.job.target}")


def complain(sentence: str) -> None:
    """Print why nothing more can be made."""
    print(sentence, file=sys.stderr)


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("plan", type=Path, help="a TOML or CSV file")
    parser.add_argument(
        "--workers", type=int, default=2, help="processes on each machine, with one thread each"
    )
    parser.add_argument("--hosts", nargs="+", help="of the scheduler, then of the workers")
    parser.add_argument("--port", type=int, default=22, help="of SSH")
    parser.add_argument("--python", default=sys.executable, help="the program on the hosts; default: as here")
    parser.add_argument("--any-host-key", action="store_true", help="do not compare keys with known_hosts")
    return parser.parse_args(arguments)


if __name__ == "__main__":  # workers import this file under another name
    sys.exit(main())
