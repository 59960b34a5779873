"""Write the surfaces that are drawn rather than written, for the singers of your choice.

    python examples/surfaces/make.py nit pjs my_voice

writes sessions for Open Stage Control, TouchOSC, Max for Live and Pure Data beside this file, or where
--folder says.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import maxforlive
import openstagecontrol
import puredata
import touchosc
from layout import SINGERS


def files(singers: list[str]) -> dict[str, bytes]:
    """Return what each file holds, by its name."""
    return {
        "plugin_bridge.json": openstagecontrol.session(singers).encode(),
        "plugin_bridge.tosc": touchosc.document(singers),
        "plugin_bridge.amxd": maxforlive.device(singers),
        "plugin_bridge.pd": puredata.patch(singers).encode(),
    }


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description="Write control surfaces for plugin-bridge live --osc.")
    parser.add_argument(
        "singers", nargs="*", default=list(SINGERS), help="ids, as `plugin-bridge live` has them"
    )
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent, help="where to write")
    arguments = parser.parse_args()
    for name, content in files(arguments.singers).items():
        (arguments.folder / name).write_bytes(content)
        print(arguments.folder / name)


if __name__ == "__main__":
    main()
