"""The panel of one instance: `python -m plugin_bridge.plugin.panelserver SEGMENT LIBRARY`.

The plug-in starts it. It is a process of its own at ordinary priority, so that a page disturbs neither the
host nor the engine. It detaches itself, serves the page on 127.0.0.1, opens it whenever the button is
pressed, and ends with the instance.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from plugin_bridge.errors import BridgeError
from plugin_bridge.osc.server import OscServer
from plugin_bridge.osc.settings import OscSettings
from plugin_bridge.panel.opening import address, open_page
from plugin_bridge.plugin.bridge import Library, Segment
from plugin_bridge.plugin.rig import PluginRig
from plugin_bridge.plugin.server import LOG, is_abandoned, is_detached, log_to, say
from plugin_bridge.plugin.singers import SingerLoader
from plugin_bridge.plugin.table import PANEL

if TYPE_CHECKING:
    from aiohttp.web import RouteDef

_TICK_SECONDS = 0.04
_WATCH_SECONDS = 1.0
_TRIES, _TRY_SECONDS = 20, 0.02
"""For the lock, which the plug-in holds for a moment where it looks whether anybody does."""


def main(arguments: list[str]) -> int:
    """Serve the panel of an instance; return at once where another process does.

    Args:
        arguments: the segment and a built plug-in.
    """
    path, library = Path(arguments[0]), Library(Path(arguments[1]))
    if not is_detached():
        return 0
    log_to(path.with_name(LOG))
    lock = path.with_suffix(PANEL)
    if not _is_held(library, lock):
        return 0
    segment = library.look_at(path)
    if segment is None:
        say(f"{path.name} is of another version of the plug-in; install it again, and open the project again")
        return 1
    try:
        with segment:
            asyncio.run(serve(library, path, segment))
    except BridgeError as error:
        say(f"the panel cannot open: {error}")
        return 1
    finally:
        lock.unlink(missing_ok=True)
    return 0


def _is_held(library: Library, lock: Path) -> bool:
    """Lock a file for as long as this process lives; return False where another one holds it."""
    for _ in range(_TRIES):
        if library.hold(lock) is not None:
            return True
        time.sleep(_TRY_SECONDS)
    return False


async def serve(library: Library, path: Path, segment: Segment) -> None:
    """Serve the panel until the instance is gone.

    Args:
        library: the functions of the plug-in.
        path: of the segment.
        segment: looked at.

    Raises:
        MissingExtraError: aiohttp is missing.
        DeviceError: no port can be had.
        ScoreError, SingerFileError: the MIDI map that names the singers, or one of them.
    """
    names = await asyncio.to_thread(SingerLoader().names_of, segment)
    rig = PluginRig(segment, {number: name for number, (name, _) in names.items()})
    files = {name: file for name, file in names.values() if file != name}
    settings = OscSettings(port=None, tcp_port=None, http_port=0, singers=files)

    def pages() -> Sequence[RouteDef]:
        from plugin_bridge.panel.panel import Panel  # noqa: PLC0415 - needs the extra `live`

        named = {name: files.get(name, name) for name in rig.singers}
        return Panel(lambda: named, None, is_plugin=True).routes

    server = OscServer(rig, settings, pages=pages)
    await server.start()
    try:
        port = server.http_port or 0
        segment.show(port)
        await _follow(library, path, segment, rig, address(server.host, port))
    finally:
        segment.show(0)
        await server.stop()


async def _follow(library: Library, path: Path, segment: Segment, rig: PluginRig, where: str) -> None:
    """Keep the rig up to date, and open the page when the button is pressed, until the instance is gone."""
    pressed, watched = 0, time.monotonic()
    while rig.alive:
        if segment.pressed() != pressed:
            pressed = segment.pressed()
            if not open_page(where):
                say(f"there is no desktop to open a browser on; the panel is at {where}")
        await asyncio.sleep(_TICK_SECONDS)
        rig.poll()
        if time.monotonic() - watched > _WATCH_SECONDS:
            watched = time.monotonic()
            if not path.exists() or is_abandoned(library, path):
                return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
