"""Options shared by commands: singers, reports, progress, seconds, and one for each parameter."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from plugin_bridge.control.parameters import PARAMETERS, Parameter, Value
from plugin_bridge.engine.pitchtracking import PITCHES, USUAL

_PREFIX = "parameter_"


def add_singer(parser: argparse.ArgumentParser, more: str, *, several: bool = False) -> None:
    """Add `--singer`, "" or an empty list where it is not given.

    Args:
        parser: of a command.
        more: the end of its help.
        several: it may be repeated, and gives a list.
    """
    parser.add_argument(
        "--singer",
        action="append" if several else "store",
        default=[] if several else "",
        metavar="SINGER",
        help=f"id or path of a singer file; {more}",
    )


def add_progress(parser: argparse.ArgumentParser) -> None:
    """Add `--progress`, for programs that start the command."""
    parser.add_argument(
        "--progress", action="store_true", help="print progress to standard error as JSON lines"
    )


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Add `--jobs`, None where it is not given."""
    parser.add_argument(
        "--jobs",
        type=number_within(1, 1024, whole=True),
        metavar="N",
        help="files bounced at the same time, each in a process of its own; default: one for each core",
    )


def add_pitch(parser: argparse.ArgumentParser, unset: str = USUAL, more: str = "") -> None:
    """Add `--pitch`, how the pitch of the source is heard.

    Args:
        parser: of a command.
        unset: its value where it is not given.
        more: the end of its help.
    """
    parser.add_argument(
        "--pitch",
        choices=PITCHES,
        default=unset,
        help="pitch tracker: periodicity for a voice alone, melody for a voice in a mix"
        + (more or "; default ")
        + USUAL,
    )


def add_seconds(parser: argparse.ArgumentParser, least: float, default: float, description: str) -> None:
    """Add `--seconds`, from `least` to an hour.

    Args:
        parser: of a command.
        least: allowed.
        default: where it is not given.
        description: what lasts so long.
    """
    kind = number_within(least, 3600)
    parser.add_argument("--seconds", type=kind, default=default, metavar="S", help=description)


def add_json(parser: argparse._ActionsContainer) -> None:
    """Add `--json`, a switch, to a command or to a group of its options."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def add_force(parser: argparse.ArgumentParser) -> None:
    """Add `--force`, a switch."""
    parser.add_argument("--force", action="store_true", help="overwrite existing outputs")


def add_parameters(parser: argparse.ArgumentParser, leave_out: tuple[str, ...] = ()) -> None:
    """Add an option for every parameter, `fine_tune` as `--fine-tune`; switches also as `--no-...`.

    Args:
        parser: of a command.
        leave_out: ids that the command handles itself.
    """
    group = parser.add_argument_group("parameters", "initial values, which automation may change")
    for row in PARAMETERS.values():
        if row.id not in leave_out:
            _add(group, row)


def parameter_values(arguments: argparse.Namespace) -> dict[str, Value]:
    """Return the values that were given, by parameter id."""
    found = vars(arguments).items()
    return {
        name.removeprefix(_PREFIX): value
        for name, value in found
        if name.startswith(_PREFIX) and value is not None
    }


def number_within(low: float, high: float, *, whole: bool = False) -> Callable[[str], Any]:
    """Return a converter for an option that takes a number from `low` to `high`."""

    def convert(text: str) -> float:
        try:
            value = int(text) if whole else float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            rule = (
                f"a whole number from {low:.0f} to {high:.0f}"
                if whole
                else f"a number from {low:g} to {high:g}"
            )
            raise argparse.ArgumentTypeError(f"{text!r} does not fit; give {rule}")
        return value

    return convert


def from_text(row: Parameter, text: str) -> Value:
    """Return the checked value of a parameter written as text.

    Raises:
        argparse.ArgumentTypeError: it does not fit.
    """
    try:
        return row.check(_number(text) if row.kind == "number" and text not in row.words else text)
    except (TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _add(group: argparse._ArgumentGroup, row: Parameter) -> None:
    option = "--" + row.id.replace("_", "-")
    description = row.description.replace("`", "").replace("%", "%%")
    if row.kind == "switch":
        action = argparse.BooleanOptionalAction
        group.add_argument(option, dest=_PREFIX + row.id, default=None, action=action, help=description)
        return
    rule = f"{row.rule().removeprefix('give ')}; default {row.text(row.default) or 'none'}".replace("%", "%%")
    group.add_argument(
        option,
        dest=_PREFIX + row.id,
        metavar={"number": (row.unit or "x").split("/")[0].upper(), "choice": "NAME", "singer": "SINGER"}[
            row.kind
        ],
        type=lambda text: from_text(row, text),
        help=f"{description.rstrip('.')} ({rule})",
    )
