"""`plugin-bridge devices`: the audio devices and MIDI ports that `plugin-bridge live` can use."""

from __future__ import annotations

import argparse
import json

from plugin_bridge.commands.options import add_json
from plugin_bridge.files.printable import printable


def add_options(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of the command."""
    parser.description = "List the sound cards, JACK ports and MIDI ports that are available now."
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print them; a library that is missing is named in its place."""
    from plugin_bridge.live.drivers.survey import survey  # noqa: PLC0415 - loads the libraries there are

    found = survey()
    if arguments.json:
        print(json.dumps(found, indent=2))
        return 0
    for title, rows in found.items():
        print(title)
        for row in rows or ["none"]:
            print(f"  {printable(row if isinstance(row, str) else _line(row))}")
    return 0


def _line(row: dict[str, object]) -> str:
    return (
        f"{row['number']}: {row['name']} ({row['api']}), {row['inputs']} in, {row['outputs']} out, "
        f"{row['sample_rate']} Hz"
    )
