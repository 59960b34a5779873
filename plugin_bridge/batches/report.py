"""The report of a plan: a table of all jobs as CSV, and as one HTML page that needs nothing else."""

from __future__ import annotations

import csv
import html
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.wholefile import unwritable, whole
from plugin_bridge.batches.running import PlanRow
from plugin_bridge.files.printable import printable

_FIRST = ("state", "why", "source", "target", "id")
_STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem; color: #222; background: #fff; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; text-align: left; border-bottom: 1px solid #ccc; vertical-align: top; }
tr.failed td:first-child { color: #c33; font-weight: bold; }
tr.left td:first-child { color: #a60; }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818; } }
"""


def write_report(base: Path, title: str, rows: Sequence[PlanRow], seconds: float) -> tuple[Path, Path]:
    """Write both files, replacing older ones.

    Args:
        base: their name without `.csv` and `.html`.
        title: of the page.
        rows: of all jobs.
        seconds: taken by this run.

    Returns:
        The CSV file and the HTML page.

    Raises:
        OutputError: they cannot be written.
    """
    tables = [{name: _cell(value) for name, value in row_table(row).items()} for row in rows]
    columns = list(dict.fromkeys([*_FIRST, *(name for table in tables for name in table)]))
    table, page = (base.with_name(base.name + suffix) for suffix in (".csv", ".html"))
    _write(table, _csv(columns, tables))
    _write(page, _html(title, columns, tables, summary(rows, seconds)))
    return table, page


def counts(rows: Sequence[PlanRow]) -> dict[str, int]:
    """Return how many jobs are in each state."""
    found = Counter(row.state for row in rows)
    return {state: found[state] for state in ("made", "kept", "failed", "left")}


def summary(rows: Sequence[PlanRow], seconds: float) -> dict[str, Any]:
    """Return the figures of all jobs together: counts, seconds of audio, and speed.

    Args:
        rows: of all jobs.
        seconds: taken by this run.
    """
    known = [row.sidecar.figures for row in rows if row.sidecar]
    made = [row.sidecar.figures for row in rows if row.sidecar and row.state == "made"]
    factors = [figures["rtf"] for figures in made]
    audio = sum(figures["seconds"] for figures in made)
    return {
        **counts(rows),
        "audio_seconds": sum(figures["seconds"] for figures in known),
        "audio_seconds_made": audio,
        "run_seconds": seconds,
        "rtf_p50": float(np.percentile(factors, 50)) if factors else None,
        "rtf_p95": float(np.percentile(factors, 95)) if factors else None,
        "times_real_time": audio / seconds if made else None,
    }


def row_table(row: PlanRow) -> dict[str, Any]:
    """Return what is told of a job: state, why, paths, id, figures and warnings."""
    side = row.sidecar
    told = {
        "state": row.state,
        "why": row.why,
        "source": str(row.job.source),
        "target": str(row.job.target),
        "id": side.id if side else "",
    }
    return {**told, **(side.figures if side else {}), "warnings": side.warnings if side else []}


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 100 else f"{value:.2f}"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _csv(columns: Sequence[str], tables: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows({name: _harmless(cell) for name, cell in table.items()} for table in tables)
    return text.getvalue()


def _harmless(cell: str) -> str:
    """Mark text that a spreadsheet would take for a formula, as the name of a file may be one."""
    try:
        float(cell)
    except ValueError:
        return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell
    return cell


def _html(
    title: str, columns: Sequence[str], tables: Sequence[Mapping[str, str]], figures: Mapping[str, Any]
) -> str:
    told = "".join(
        f"<tr><th>{_shown(name.replace('_', ' '))}</th><td>{_cell(value) or '-'}</td></tr>\n"
        for name, value in figures.items()
    )
    head = "".join(f"<th>{_shown(name.replace('_', ' '))}</th>" for name in columns)
    body = "\n".join(_html_row(columns, table) for table in tables)
    return (
        f"<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<title>{_shown(title)}</title>\n"
        f"<style>{_STYLE}</style>\n<h1>{_shown(title)}</h1>\n<table>\n{told}</table>\n<h2>Jobs</h2>\n"
        f"<table>\n<tr>{head}</tr>\n{body}\n</table>\n</html>\n"
    )


def _html_row(columns: Sequence[str], table: Mapping[str, str]) -> str:
    cells = "".join(f"<td>{_shown(table.get(name, ''))}</td>" for name in columns)
    return f"<tr class={table['state']}>{cells}</tr>"


def _shown(text: str) -> str:
    return html.escape(printable(text))


def _write(path: Path, text: str) -> None:
    with whole(path) as draft:
        try:
            draft.write_bytes(text.encode("utf-8", "backslashreplace"))
        except OSError as error:
            raise unwritable(path, error) from error
