"""A batch: every recording of a folder with every singer; a stem that fails does not stop the rest.

    python examples/batch.py my_stems -o converted --singers nit pjs

The command line does it for one singer: `plugin-bridge bounce my_stems --singer nit -o converted`. A script
does the rest: here, several singers, each loaded once, and a table of what came out.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from plugin_bridge import BounceJob, BounceSettings, BridgeError, SingerLibrary, bounce_file, plan_jobs

FOLDER = Path(__file__).parent
COLUMNS = ("source", "target", "singer", "seconds", "peak_db", "times_real_time", "error")


def main(arguments: list[str] | None = None) -> int:
    """Bounce all stems with all singers and write the table."""
    options = parsed(arguments)
    library = SingerLibrary()
    try:
        library.load(options.singers)
        batches = {
            singer: plan_jobs([options.stems], options.output, Path(singer).stem, "flac")
            for singer in options.singers
        }
    except BridgeError as error:
        print(error, file=sys.stderr)
        return 2
    rows = [row(job, singer, library) for singer, jobs in batches.items() for job in jobs]
    with (options.output / "report.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows)
    failed = sum("error" in found for found in rows)
    print(f"{len(rows) - failed} of {len(rows)} bounces are done; see {options.output / 'report.csv'}")
    return 2 if failed else 0


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("stems", nargs="?", type=Path, default=FOLDER, help="a folder; default: this file's")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("converted"), help="a folder, made if missing"
    )
    parser.add_argument("--singers", nargs="+", default=["nit", "pjs"], help="ids or paths")
    return parser.parse_args(arguments)


def row(job: BounceJob, singer: str, library: SingerLibrary) -> dict[str, object]:
    """Bounce one stem and return its row of the table."""
    settings = BounceSettings(singer=singer, normalize_db=-1.0, force=True)
    found: dict[str, object] = {"source": job.source, "target": job.target, "singer": singer}
    try:
        done = bounce_file(job.source, job.target, job.form, settings, library=library)
    except BridgeError as error:
        print(error, file=sys.stderr)
        return found | {"error": error}
    print(f"{done.target}: {done.seconds:.2f} s")
    return found | {
        "seconds": round(done.seconds, 3),
        "peak_db": done.peak_db,
        "times_real_time": round(done.seconds / done.render_seconds, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
