"""The panel of an instance as a page speaks to it: HTTP, and OSC by WebSocket."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from plugin_bridge.plugin.bridge import Library
from plugin_bridge.plugin.installation import Installation
from plugin_bridge.plugin.table import SEGMENT
from tests.plugin_bridge.panel.liveserver import OscClient
from tests.support.waiting import SECONDS, wait_until


class _Socket:
    """A WebSocket with the methods of a socket that `OscClient` uses."""

    def __init__(self, port: int) -> None:
        self._link = connect(f"ws://127.0.0.1:{port}/", origin=None)
        self.send, self.close = self._link.send, self._link.close

    def recv(self, _: int) -> bytes:
        while not isinstance(data := self._link.recv(SECONDS), bytes):
            pass
        return data


class PanelClient(OscClient):
    """One page of a panel.

    Args:
        port: of HTTP.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self._socket: Any = _Socket(port)

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return what is told at a path."""
        return json.loads(self.read(path))

    def read(self, path: str) -> bytes:
        """Return what lies at a path."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=SECONDS) as answer:
            return bytes(answer.read())

    def refused(self, address: str, *values: float | str | bool) -> str:
        """Send a request that is refused, and return the sentence."""
        self.send(address, *values)
        found = self.hear("/fail")
        assert found[0] == address
        return str(found[1])

    def subscribe(self) -> None:
        """Hear of all values from now on; what comes is lost where this page asks for something, too."""
        self.send("/subscribe", 30.0, 60.0, "/param/*", "/meter/*", "/report", "/status/running")


def panels(place: Installation, count: int = 1) -> list[int]:
    """Wait until so many instances show their panels, and return the ports."""
    found: list[int] = []

    def look() -> bool:
        library = Library(place.home / ".clap/plugin_bridge/plugin_bridge.clap")
        found[:] = [port for path in place.run.glob(f"*{SEGMENT}") if (port := _port(library, path))]
        return len(found) == count

    wait_until(look)
    return found


def _port(library: Library, path: Path) -> int:
    segment = library.look_at(path)
    if segment is None:
        return 0
    with segment:
        return segment.port()
