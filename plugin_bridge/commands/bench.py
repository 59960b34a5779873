"""`plugin-bridge bench`: how fast the engine is, how much memory a bounce takes, how long a start lasts."""

from __future__ import annotations

import argparse
import json

from plugin_bridge.commands.options import add_json, add_pitch, add_seconds, add_singer, number_within


def add_options(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of the command."""
    parser.description = (
        "Measure speed and block times, at each quality that the singer has, start times and, with --hours, "
        "the memory of a long bounce."
    )
    add_singer(parser, "default: the first built-in one")
    add_seconds(parser, 1.0, 210.0, "length of the stem for the speed; default 210, a song")
    parser.add_argument(
        "--hours",
        type=number_within(0, 24),
        default=0.0,
        metavar="H",
        help="also measure the memory of a bounce of this length; takes minutes",
    )
    add_pitch(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the figures."""
    from plugin_bridge.measure.bench import as_lines, measured  # noqa: PLC0415 - loads the engine

    figures = measured(arguments.singer, arguments.seconds, arguments.hours, arguments.pitch)
    print(json.dumps(figures, indent=2) if arguments.json else "\n".join(as_lines(figures)))
    return 0
