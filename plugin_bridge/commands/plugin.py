"""`plugin-bridge plugin`: the plug-in for DAWs, in VST3, CLAP and LV2."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import how_to_install
from plugin_bridge.commands import UsageError
from plugin_bridge.commands.options import add_json
from plugin_bridge.files.printable import printable

if TYPE_CHECKING:
    from plugin_bridge.plugin.installation import Installation, Status

_EPILOG = """\
install builds it, with a C++ compiler (on Debian and Ubuntu: apt-get install g++) and DPF 1.6, which it
fetches where the system has none (Debian 12 has it: apt-get install dpf-source), and puts the bundles where
DAWs look: ~/.vst3, ~/.clap and ~/.lv2.
Its button Panel opens the panel in the browser, which needs the extra live.
They hold the path of this Python environment, whose engine they start by themselves; after you move it,
install again.

status says what is installed and what runs. uninstall takes the bundles away.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of the command."""
    parser.description = "Install the plug-in for DAWs."
    parser.epilog = _EPILOG
    parser.add_argument("action", choices=("install", "status", "uninstall"), help="what to do")
    parser.add_argument(
        "--midi-map",
        type=Path,
        metavar="FILE",
        help="install: TOML file whose programs 0 to 15 are the singers to choose from",
    )
    parser.add_argument(
        "--into", type=Path, metavar="FOLDER", help="folder in place of your home; default: your home"
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do it."""
    from plugin_bridge.plugin.installation import Installation  # noqa: PLC0415 - loads numpy

    if arguments.midi_map is not None and arguments.action != "install":
        raise UsageError("--midi-map belongs to install; leave it out")
    place = Installation(arguments.into.resolve()) if arguments.into else Installation()
    if arguments.action == "install":
        done = _told("installed", place.install(arguments.midi_map), arguments)
        if find_spec("aiohttp") is None:
            lack = f"its button Panel needs aiohttp, which is not installed; {how_to_install('live')}"
            print(printable(f"plugin-bridge plugin: {lack}"), file=sys.stderr)
        return done
    if arguments.action == "uninstall":
        return _told("removed", place.uninstall(), arguments)
    return _status(place, place.status(), arguments)


def _told(done: str, paths: list[Path], arguments: argparse.Namespace) -> int:
    if arguments.json:
        print(json.dumps({done: [str(path) for path in paths]}, indent=2))
        return 0
    for path in paths:
        print(printable(f"{done} {path}"))
    if not paths:
        print(f"nothing is {done}")
    return 0


def _status(place: Installation, status: Status, arguments: argparse.Namespace) -> int:
    if arguments.json:
        print(json.dumps(asdict(status), indent=2, default=str))
        return 0
    if not status.bundles:
        print(printable(f"no plug-in in {place.home}; plugin-bridge plugin install puts it there"))
        return 0
    for path in status.bundles:
        print(printable(f"installed {path}"))
    gone = "" if Path(status.python).is_file() else ", which is gone: install again"
    print(printable(f"sung by {status.python}{gone}"))
    print(", ".join(f"{ms:.0f} ms at blocks of {block}" for block, ms in status.latencies) + " (48 kHz)")
    print("the engine runs" if status.running else "the engine does not run; a DAW starts it")
    for line in status.instances:
        print(printable(f"  {line}"))
    return 0
