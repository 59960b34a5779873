"""What the tests of the OSC server share: a served rig, a client, and tests that run in an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ParamSpec, Self

from plugin_bridge.osc.server import OscServer, OscSettings
from plugin_bridge.osc.wire.packets import Argument, Message, read_packet
from plugin_bridge.osc.wire.replies import message
from plugin_bridge.version import __version__
from tests.support.rigs import EPOCH, EngineRig

P = ParamSpec("P")
Answer = tuple[str, tuple[Argument, ...]]
PATIENCE = 120.0
"""Seconds until an answer counts as missing; a busy machine is not a failing test."""


def in_loop(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Run a test in an event loop of its own."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def whole() -> None:
            async with asyncio.timeout(4 * PATIENCE):
                await test(*args, **kwargs)

        asyncio.run(whole())

    return run


@asynccontextmanager
async def served(
    home: Path,
    now: float = EPOCH,
    *,
    clock: Callable[[], float] | None = None,
    **settings: object,
) -> AsyncIterator[tuple[EngineRig, OscServer]]:
    """A rig and its server, on ports that are free; files lie in `home`.

    Args:
        home: for bounces, presets and sessions.
        now: what the server's clock shows throughout.
        clock: instead of `now`.
        **settings: of `OscSettings`, over these.
    """
    rig = EngineRig(home)
    chosen: dict[str, Any] = {"port": 0, "tcp_port": 0, "http_port": 0, "folder": home, "presets": home}
    server = OscServer(rig, OscSettings(**chosen | settings), clock=clock or (lambda: now))
    await server.start()
    try:
        yield rig, server
    finally:
        await server.stop()


class Client:
    """A UDP socket; `async with Client(port) as client`.

    Args:
        port: of the server.
        host: of the server.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._server = (host, port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(("127.0.0.1" if host == "127.0.0.1" else "", 0))
        self.packets: list[bytes] = []
        """All that came."""
        self._messages: list[Message] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.socket.close()

    def throw(self, packet: bytes) -> None:
        """Send bytes."""
        self.socket.sendto(packet, self._server)

    def send(self, address: str, *arguments: Argument) -> None:
        """Send a message."""
        self.throw(message(address, *arguments))

    async def hear(self) -> Answer:
        """Wait for the next message."""
        loop = asyncio.get_running_loop()
        while not self._messages:
            packet = await asyncio.wait_for(loop.sock_recv(self.socket, 65536), PATIENCE)
            self.packets.append(packet)
            self._messages += [found for group in read_packet(packet) for found in group.messages]
        first = self._messages.pop(0)
        return first.address, first.arguments

    async def hear_of(self, *addresses: str) -> Answer:
        """Wait for the next message to one of these."""
        while True:
            answer = await self.hear()
            if answer[0] in addresses:
                return answer

    async def ask(self, address: str, *arguments: Argument) -> Answer:
        """Send a request and return its answer."""
        self.send(address, *arguments)
        return await self.hear_of("/done", "/fail")

    async def done(self, address: str, *arguments: Argument) -> tuple[Argument, ...]:
        """Send a request that must be met and return its values."""
        answer, values = await self.ask(address, *arguments)
        assert answer == "/done", values
        assert values[0] == address
        return values[1:]

    async def fail(self, address: str, *arguments: Argument) -> str:
        """Send a request that must be refused and return the reason."""
        answer, values = await self.ask(address, *arguments)
        assert answer == "/fail", values
        assert values[0] == address
        return str(values[1])

    def forget(self) -> None:
        """Throw away all that has come and was not waited for."""
        self._messages.clear()
        self.packets.clear()
        with contextlib.suppress(BlockingIOError):
            while True:
                self.socket.recv(65536)

    async def silence(self) -> None:
        """Check that nothing comes before the answer to a request that is sent now."""
        assert await self.ask("/version", "#end") == (
            "/done",
            ("/version", "plugin_bridge", __version__, "#end"),
        )


def bundle(time_tag: int, *elements: bytes) -> bytes:
    """Return a bundle; a time tag of 1 is at once."""
    parts: Sequence[bytes] = [len(element).to_bytes(4, "big") + element for element in elements]
    return b"#bundle\0" + time_tag.to_bytes(8, "big") + b"".join(parts)


def tag(time: float) -> int:
    """Return the time tag of a moment in seconds since 1970."""
    return round((time + 2_208_988_800) * 2**32)
