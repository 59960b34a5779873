"""OSCQuery's WebSocket by an independent client: `websockets` on the wire, python-osc as its codec."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket as socket_module
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from plugin_bridge.osc.server import OscServer
from plugin_bridge.version import __version__
from tests.plugin_bridge.osc.clients import PATIENCE, Client, in_loop, served
from tests.support.extras import needs

needs("aiohttp")
needs("websockets")

import websockets  # noqa: E402 - may be missing


class Socket:
    """A connection: what comes is sorted into OSC messages and JSON."""

    def __init__(self, connection: websockets.ClientConnection) -> None:
        self.connection = connection
        self.heard: list[tuple[str, list[Any]]] = []
        self.told: list[dict[str, Any]] = []

    async def command(self, command: str, path: str) -> None:
        await self.connection.send(json.dumps({"COMMAND": command, "DATA": path}))

    async def send(self, address: str, *values: float | str) -> None:
        builder = OscMessageBuilder(address)
        for value in values:
            builder.add_arg(value)
        await self.connection.send(builder.build().dgram)

    async def take(self) -> None:
        frame = await asyncio.wait_for(self.connection.recv(), PATIENCE)
        if isinstance(frame, str):
            self.told.append(json.loads(frame))
        elif OscBundle.dgram_is_bundle(frame):
            self.heard += [(one.address, list(one.params)) for one in OscBundle(frame)]
        else:
            found = OscMessage(frame)
            self.heard.append((found.address, list(found.params)))

    async def hear(self, address: str) -> list[Any]:
        """Wait for a message to an address; those before it are dropped."""
        while True:
            while self.heard:
                found, values = self.heard.pop(0)
                if found == address:
                    return values
            await self.take()

    async def hear_json(self) -> dict[str, Any]:
        while not self.told:
            await self.take()
        return self.told.pop(0)

    async def ask(self, address: str, *values: float | str) -> list[Any]:
        await self.send(address, *values, "#asked")
        while True:
            while self.heard:
                found, answer = self.heard.pop(0)
                if found in ("/done", "/fail") and answer[-1] == "#asked":
                    return [found, *answer[:-1]]
            await self.take()


@asynccontextmanager
async def connected(server: OscServer, path: str = "/", origin: str | None = None) -> AsyncIterator[Socket]:
    url = f"ws://127.0.0.1:{server.http_port}{path}"
    headers = {} if origin is None else {"Origin": origin}
    async with websockets.connect(url, additional_headers=headers) as connection:
        yield Socket(connection)


@in_loop
async def test_listen_sends_the_value_and_each_change_until_ignore(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server), connected(server) as socket, Client(server.port) as other:
        await socket.command("LISTEN", "/param/gain")
        assert await socket.hear("/param/gain") == [0.0]
        await other.done("/param/gain", -6.0)  # by another surface
        assert await socket.hear("/param/gain") == [-6.0]
        await socket.command("LISTEN", "/singer")
        assert await socket.hear("/singer") == ["dark"]
        await other.done("/singer", "bright")
        assert await socket.hear("/singer") == ["bright"]
        await socket.command("IGNORE", "/param/gain")
        await other.done("/param/gain", -9.0)
        await other.done("/singer", "dark")
        assert await socket.hear("/singer") == ["dark"]
        assert await socket.ask("/version") == ["/done", "/version", "plugin_bridge", __version__]
        assert rig.values["gain"] == -9.0
        assert [address for address, _ in socket.heard if address == "/param/gain"] == []


@in_loop
async def test_binary_frames_are_osc_with_its_answers_and_subscriptions(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server), connected(server, "/anywhere") as socket:
        assert await socket.ask("/param/gain", -3.0) == ["/done", "/param/gain", -3.0]
        assert rig.values["gain"] == -3.0
        found = await socket.ask("/param/gain", 99.0)
        assert found[0] == "/fail"
        assert "out of range" in found[2]
        assert await socket.ask("/subscribe", 50.0, 60.0, "/param/mix") == ["/done", "/subscribe", 1]
        assert await socket.hear("/param/mix") == [1.0]
        assert await socket.ask("/param/mix", 0.5) == ["/done", "/param/mix", 0.5]
        assert await socket.hear("/param/mix") == [0.5]
        assert (await socket.ask("/subscribe", 50.0, 60.0, 9001, "/param/mix"))[2].startswith(
            "port 9001 cannot be reached by a WebSocket"
        )
        await socket.connection.send(b"no OSC at all")
        assert "send an OSC message or bundle" in (await socket.hear("/fail"))[1]
        assert (await socket.ask("/status"))[0] == "/done"  # it goes on


@in_loop
async def test_presets_that_come_and_go_are_told(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server), connected(server) as socket, connected(server) as other:
        await socket.connection.send("/preset/load?RANGE")
        before = (await socket.hear_json())["RANGE"][0]["VALS"]
        assert "mine" not in before
        assert await other.ask("/preset/save", "mine") == ["/done", "/preset/save", "mine"]
        for each in (socket, other):
            assert await each.hear_json() == {"COMMAND": "PATH_CHANGED", "DATA": "/preset/load"}
        await socket.connection.send("/preset/load?RANGE")
        assert (await socket.hear_json())["RANGE"][0]["VALS"] == sorted([*before, "mine"])
        (tmp_path / "mine.toml").unlink()  # by hand
        assert await socket.hear_json() == {"COMMAND": "PATH_CHANGED", "DATA": "/preset/load"}


@in_loop
async def test_the_namespace_can_be_read_through_the_socket(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server), connected(server) as socket:
        await socket.connection.send("/?HOST_INFO")
        assert (await socket.hear_json())["WS_PORT"] == server.http_port
        await socket.connection.send("/param/gain")
        assert (await socket.hear_json())["RANGE"] == [{"MIN": -60, "MAX": 24}]


@pytest.mark.parametrize(
    ("text", "address", "reason"),
    [
        ("{", "", "text frame is no command"),
        ("[" * 60_000, "", "text frame is no command"),
        ("null", "", "text frame is no command"),
        ('{"COMMAND": "LISTEN"}', "", "text frame is no command"),
        ('{"COMMAND": "DELETE", "DATA": "/"}', "", "text frame is no command"),
        ('{"COMMAND": "LISTEN", "DATA": "/nothing"}', "/nothing", "has no value to subscribe to"),
        ('{"COMMAND": "IGNORE", "DATA": "/panic"}', "/panic", "has no value to subscribe to"),
    ],
)
def test_a_text_frame_that_is_no_command_is_refused(
    tmp_path: Path, text: str, address: str, reason: str
) -> None:
    @in_loop
    async def test() -> None:
        async with served(tmp_path) as (_, server), connected(server) as socket:
            await socket.connection.send(text)
            found = await socket.hear("/fail")
            assert found[0] == address
            assert reason in found[1]
            assert (await socket.ask("/sync"))[0] == "/done"

    test()


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1", "https://localhost"])
def test_pages_of_another_origin_get_no_socket(tmp_path: Path, origin: str) -> None:
    @in_loop
    async def test() -> None:
        async with served(tmp_path) as (_, server):
            with pytest.raises(websockets.InvalidStatus) as refused:
                async with connected(server, origin=origin):
                    pass
            assert refused.value.response.status_code == 403
            own = f"http://127.0.0.1:{server.http_port}"
            async with connected(server, origin=own) as socket:
                assert (await socket.ask("/sync"))[0] == "/done"

    test()


@in_loop
async def test_too_many_sockets_close_one_that_says_why_and_leave_the_subscribers(tmp_path: Path) -> None:
    async with served(tmp_path, connections=4) as (_, server), connected(server) as panel:
        await panel.command("LISTEN", "/param/gain")
        assert await panel.hear("/param/gain") == [0.0]
        silent = [
            await websockets.connect(f"ws://127.0.0.1:{server.http_port}/", open_timeout=PATIENCE)
            for _ in range(6)
        ]
        for one in silent[:3]:
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await asyncio.wait_for(one.recv(), PATIENCE)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1013
            assert closed.value.rcvd.reason == "too many are connected; close one and come back"
        assert (await panel.ask("/param/gain", -6.0))[0] == "/done"
        for one in silent:
            await one.close()


@in_loop
async def test_a_frame_that_is_too_large_closes_the_socket_alone(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server), connected(server) as panel, connected(server) as socket:
        with contextlib.suppress(websockets.ConnectionClosed):
            await socket.connection.send(b"/" * 2_000_000)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await asyncio.wait_for(socket.connection.recv(), PATIENCE)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
        assert (await panel.ask("/sync"))[0] == "/done"


@in_loop
async def test_a_client_that_does_not_read_is_closed_and_others_are_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "plugin_bridge.osc.wire.websocket._HEARTBEAT_SECONDS", None
    )  # which would see it, too
    async with served(tmp_path, rate=1e6, burst=1e6) as (_, server), connected(server) as panel:
        small = socket_module.create_connection(("127.0.0.1", server.http_port))
        small.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_RCVBUF, 4096)
        reader, writer = await asyncio.open_connection(sock=small, limit=1024)
        head = (
            "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        writer.write(head.encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        whole_namespace = bytes([0x81, 0x81, 0, 0, 0, 0]) + b"/"
        writer.write(whole_namespace * 500)
        assert server._http is not None
        async with asyncio.timeout(PATIENCE):
            while len(server._http._sockets) > 1:
                await asyncio.sleep(0.01)
        writer.transport.abort()
        assert (await panel.ask("/sync"))[0] == "/done"


@in_loop
async def test_a_server_that_ends_says_so(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server):
        one = await websockets.connect(f"ws://127.0.0.1:{server.http_port}/")
    with pytest.raises(websockets.ConnectionClosed) as closed:
        await asyncio.wait_for(one.recv(), PATIENCE)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (
        1001,
        "the server ends; connect again once it is back",
    )


@in_loop
async def test_a_sender_that_is_too_fast_waits_and_loses_nothing(tmp_path: Path) -> None:
    async with served(tmp_path, rate=200.0, burst=20.0) as (rig, server), connected(server) as socket:
        began = asyncio.get_running_loop().time()
        for number in range(60):
            await socket.send("/param/gain", -0.5 * number)
        for number in range(60):
            assert await socket.hear("/done") == ["/param/gain", -0.5 * number]
        assert asyncio.get_running_loop().time() - began >= 0.15
        assert rig.values["gain"] == -29.5
