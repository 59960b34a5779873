"""A rig that plays, with its OSC server and panel, in a thread of its own; and a program that speaks OSC."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket

from plugin_bridge.commands.surfaces import Surfaces, playing
from plugin_bridge.live.rig.liverig import LiveRig
from plugin_bridge.live.settings import DriverSettings, LiveSettings
from plugin_bridge.osc.settings import OscSettings
from tests.support.waiting import SECONDS, wait_until

What = TypeVar("What")


class LivePanel:
    """What tests ask of it."""

    def __init__(self, folder: Path, rig: LiveRig, loop: asyncio.AbstractEventLoop, said: list[str]) -> None:
        self.folder = folder
        """Where stems, bounces, presets and sessions lie."""
        self.said = said
        self._rig = rig
        self._loop = loop

    @property
    def url(self) -> str:
        """Of the page."""
        return next(text for text in self.said if "panel is at" in text).split()[-1]

    @property
    def osc_port(self) -> int:
        """Of UDP."""
        told = next(text for text in self.said if "OSC listens" in text)
        return int(told.split("127.0.0.1, port ")[1].split(",")[0])

    def do(self, what: Callable[[LiveRig], What]) -> What:
        """Call something with the rig, in its own thread, and return what it returns."""
        done: list[What] = []
        self._loop.call_soon_threadsafe(lambda: done.append(what(self._rig)))
        wait_until(lambda: done)
        return done[0]


@contextmanager
def live_panel(
    folder: Path, stem: Path, singers: tuple[str, ...], host: str = "127.0.0.1"
) -> Iterator[LivePanel]:
    """Play a stem over and over, with the panel open to this machine, or to a network if the host says so."""
    settings = LiveSettings(
        driver=DriverSettings("null", str(stem)),
        singers=singers,
        parameters={"transpose": 0.0},
        sessions=folder,
    )
    osc = OscSettings(host=host, port=0, tcp_port=None, http_port=0, folder=folder, presets=folder)
    ready: list[LivePanel] = []
    ended: list[BaseException | None] = []
    end = asyncio.Event()

    async def play() -> None:
        said: list[str] = []
        async with playing(settings, Surfaces(osc, panel=True), said.append) as rig:
            ready.append(LivePanel(folder, rig, asyncio.get_running_loop(), said))
            await end.wait()

    def run() -> None:
        try:
            asyncio.run(play())
            ended.append(None)
        except BaseException as error:  # noqa: BLE001 - told to the test
            ended.append(error)

    thread = threading.Thread(target=run, name="live panel")
    thread.start()
    wait_until(lambda: ready or ended)
    if ended:
        raise AssertionError("the rig did not start") from ended[0]
    try:
        yield ready[0]
    finally:
        ready[0]._loop.call_soon_threadsafe(end.set)
        thread.join()
    assert ended == [None]


class OscClient:
    """Another program that speaks OSC over UDP."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(SECONDS)
        self._socket.connect(("127.0.0.1", port))

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()

    def send(self, address: str, *values: float | str | bool) -> None:
        """Send a message."""
        builder = OscMessageBuilder(address)
        for value in values:
            builder.add_arg(value)
        self._socket.send(builder.build().dgram)

    def hear(self, address: str) -> list[object]:
        """Return the values of the next message to an address."""
        while True:
            for timed in OscPacket(self._socket.recv(65536)).messages:
                message: OscMessage = timed.message
                if message.address == address:
                    return list(message.params)

    def hear_that(self, address: str, value: object) -> None:
        """Wait until an address has a value, of those that come to subscribers."""
        while self.hear(address) != [value]:
            pass

    def ask(self, address: str, *values: float | str | bool) -> list[object]:
        """Send a request and return the values of its answer."""
        self.send(address, *values)
        found = self.hear("/done")
        assert found[0] == address
        return found[1:]

    def value(self, name: str) -> object:
        """Return the value of a parameter."""
        return self.ask(f"/param/{name}")[0]
