"""Where `evaluate` puts its results: a JSON report, plots in a folder, lines for a person."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from plugin_bridge.commands import UsageError
from plugin_bridge.commands.options import add_force
from plugin_bridge.files.printable import printable
from plugin_bridge.measure.metricstable import without_nan


def add_report(parser: argparse.ArgumentParser, plots: str) -> None:
    """Add `--json`, `--plots` and `--force`.

    Args:
        parser: of the command.
        plots: what is drawn.
    """
    parser.add_argument(
        "--json",
        nargs="?",
        const="-",
        metavar="FILE.json",
        help="print JSON instead of the table, or write it to a file",
    )
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help=plots)
    add_force(parser)


class Report:
    """What was asked for by these options, checked before the work.

    Args:
        arguments: parsed.

    Raises:
        OutputError: a place cannot be written.
        UsageError: the report's name does not end in .json.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._force: bool = arguments.force
        self._asked: str | None = arguments.json
        self._target: Path | None = None
        self.plots: Path | None = arguments.plots
        """Folder for pictures; None for none."""
        self.say: Callable[[str], None] = _nothing if arguments.json == "-" else _print
        """Tell a person a line, unless the output is JSON."""
        if self.plots is not None:
            _make(self.plots)
        if self._asked not in (None, "-"):
            self._target = _checked(str(self._asked), force=self._force)

    def draw(self, name: str, plot: Callable[[Path], None]) -> None:
        """Have a picture drawn, where pictures are wanted.

        Args:
            name: of the picture; what is neither letter nor digit becomes a dash.
            plot: writes it to a path.
        """
        if self.plots is None:
            return
        from models.wholefile import Draft  # noqa: PLC0415

        plain = "".join(c if c.isalnum() else "-" for c in name)
        with Draft(self.plots / f"{plain}.png", force=self._force) as draft:
            plot(draft.path)
            draft.commit()

    def finish(self, found: dict[str, Any]) -> None:
        """Write or print the JSON, where it is wanted."""
        text = json.dumps(without_nan(found), indent=2)
        if self._target is not None:
            _write(self._target, text, force=self._force)
        elif self._asked:
            print(text)


def _checked(name: str, *, force: bool) -> Path:
    from models.wholefile import check_target  # noqa: PLC0415

    target = Path(name)
    if target.suffix != ".json":  # it may be a source that followed a bare --json
        raise UsageError(f"--json {name!r} does not end in .json; name such a file or put --json last")
    check_target(target, force=force)
    return target


def _make(folder: Path) -> None:
    from models.wholefile import unwritable  # noqa: PLC0415

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error


def _write(target: Path, text: str, *, force: bool) -> None:
    from models.wholefile import Draft, unwritable  # noqa: PLC0415

    with Draft(target, force=force) as draft:
        try:
            draft.path.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise unwritable(target, error) from error
        draft.commit()


def _print(text: str) -> None:
    print("\n".join(map(printable, text.split("\n"))), flush=True)


def _nothing(_: str) -> None:
    pass
