"""Options shared by commands: one for each parameter of the table, and plain numbers within a range."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from plugin_bridge.parameters import PARAMETERS, Parameter, Value

_PREFIX = "parameter_"


def add_parameters(parser: argparse.ArgumentParser, leave_out: tuple[str, ...] = ()) -> None:
    """Add an option for every parameter, `fine_tune` as `--fine-tune`; switches also as `--no-...`.

    Args:
        parser: of a command.
        leave_out: ids that the command handles itself.
    """
    group = parser.add_argument_group("parameters", "the values at the start; automation moves them")
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
    rule = f"{row.rule()}; default {row.text(row.default) or 'none'}".replace("%", "%%")
    group.add_argument(
        option,
        dest=_PREFIX + row.id,
        metavar={"number": (row.unit or "x").split("/")[0].upper(), "choice": "NAME", "singer": "SINGER"}[
            row.kind
        ],
        type=lambda text: from_text(row, text),
        help=f"{description} ({rule})",
    )
