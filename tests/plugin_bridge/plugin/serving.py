"""Serve the plug-in in this process, in place of the engine that it would start."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from plugin_bridge.plugin.bridge import Library
from plugin_bridge.plugin.build import bundles
from plugin_bridge.plugin.installation import Installation
from plugin_bridge.plugin.instance import Instance
from plugin_bridge.plugin.server import is_abandoned
from plugin_bridge.plugin.singers import SingerLoader
from plugin_bridge.plugin.table import CONF, SEGMENT
from tests.support.extras import needs_program


class Served(NamedTuple):
    """A copy of the installed plug-in that starts no engine of its own."""

    home: Path
    run: Path
    """Of its instances."""
    said: list[str]
    """For the log."""

    @property
    def clap(self) -> Path:
        """The folder of the CLAP plug-ins."""
        return self.home / ".clap/plugin_bridge"

    def library(self) -> Library:
        """Return the engine's functions."""
        return Library(self.clap / "plugin_bridge.clap")


def copied(place: Installation, folder: Path) -> Served:
    """Copy what is installed; what it starts for an engine ends at once."""
    run, home = place.run / folder.name, folder / "home"
    nothing = needs_program("true", "coreutils")
    for kind in (".clap", ".lv2"):
        shutil.copytree(place.home / kind, home / kind)
    conf = Installation(home, run).conf().splitlines()
    for bundle in bundles():
        if (home / bundle.place).exists():
            (home / bundle.place).with_name(CONF).write_text("\n".join([f"python={nothing}", *conf[1:]]))
    return Served(home, run, [])


@contextmanager
def serving(place: Installation, folder: Path) -> Iterator[Served]:
    """Serve every instance of a copy for the length of a `with` block."""
    served, ended = copied(place, folder), threading.Event()
    library, singers = served.library(), SingerLoader()
    singers.load()

    def serve() -> None:
        while not ended.is_set():
            for path in served.run.glob(f"*{SEGMENT}"):
                segment = library.claim(path)
                if segment is not None:
                    with segment:
                        gone = partial(is_abandoned, library, path)
                        Instance(segment, singers, gone, served.said.append).run()
            time.sleep(0.005)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield served
    finally:
        ended.set()
        thread.join()
        shutil.rmtree(served.run, ignore_errors=True)
