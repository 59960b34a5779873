"""`plugin-bridge params`: the table of parameters."""

from __future__ import annotations

import argparse
import json

from plugin_bridge.commands.options import add_json
from plugin_bridge.control.parameters import PARAMETERS, Parameter


def add_options(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of the command."""
    parser.description = "List every parameter with its range, default and unit."
    kind = parser.add_mutually_exclusive_group()
    add_json(kind)
    kind.add_argument("--osc", action="store_true", help="print all OSC addresses as Markdown")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the table."""
    if arguments.osc:
        from plugin_bridge.osc.addresses.documentation import page  # noqa: PLC0415 - loads python-osc

        print(page(), end="")
        return 0
    if arguments.json:
        print(json.dumps([described(row) for row in PARAMETERS.values()], indent=2))
        return 0
    rows = [
        (row.id, row.rule().removeprefix("give "), row.text(row.default), row) for row in PARAMETERS.values()
    ]
    widths = [max(len(text) for text in column) for column in list(zip(*rows, strict=True))[:2]]
    for name, rule, default, row in rows:
        print(f"{name:<{widths[0]}}  {row.description}")
        smoothing = f"; smoothed over {row.smoothing_ms:g} ms" if row.smoothing_ms else ""
        print(f"{'':<{widths[0]}}  {rule}; default {default or 'none'}{smoothing}")
    return 0


def described(row: Parameter) -> dict[str, object]:
    """Return a row of the table for programs; a number has a low, a high and a curve."""
    found: dict[str, object] = {"id": row.id, "description": row.description, "kind": row.kind}
    if row.kind == "number":
        found |= {"unit": row.unit, "low": row.low, "high": row.high, "curve": row.curve}
    if row.words:
        found["words"] = list(row.words)
    return found | {"default": row.default, "smoothing_ms": row.smoothing_ms}
