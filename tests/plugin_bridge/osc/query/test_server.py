"""OSCQuery: the namespace over HTTP, what is not HTTP, and the announcement."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from plugin_bridge.errors import DeviceError
from plugin_bridge.osc.addresses.table import ADDRESSES
from plugin_bridge.osc.server import OscServer, OscSettings
from tests.plugin_bridge.osc.clients import PATIENCE, Client, in_loop, served
from tests.support.extras import needs, needs_program
from tests.support.rigs import EngineRig


async def request(server: OscServer, raw: bytes, host: str = "127.0.0.1") -> bytes:
    reader, writer = await asyncio.open_connection(host, server.http_port)
    writer.write(raw)
    found = await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()
    return found


async def get(server: OscServer, target: str, host: str = "127.0.0.1") -> tuple[int, Any]:
    found = await request(server, f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), host)
    head, _, body = found.partition(b"\r\n\r\n")
    assert (f"Content-Length: {len(body)}".encode() in head) == (b" 204 " not in head)
    return int(head.split()[1]), json.loads(body) if body else None


def leaves(node: dict[str, Any]) -> list[str]:
    below = [path for child in node.get("CONTENTS", {}).values() for path in leaves(child)]
    return [node["FULL_PATH"], *below] if "TYPE" in node or node["ACCESS"] else below


@in_loop
async def test_the_namespace_holds_every_address(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server):
        status, root = await get(server, "/")
        assert status == 200
        assert sorted(leaves(root)) == sorted(ADDRESSES)
        gain = root["CONTENTS"]["param"]["CONTENTS"]["gain"]
        assert gain == {
            "FULL_PATH": "/param/gain",
            "ACCESS": 3,
            "DESCRIPTION": "Level of the output.",
            "TYPE": "f",
            "RANGE": [{"MIN": -60, "MAX": 24}],
            "CLIPMODE": ["none"],
            "UNIT": ["gain.db"],
            "DEFAULT_VALUE": [0.0],
            "CURVE": 1.0,
            "TAGS": ["level"],
            "VALUE": [0.0],
            "CONTENTS": gain["CONTENTS"],
        }
        assert root["CONTENTS"]["param"]["CONTENTS"]["transpose"]["WORDS"] == ["auto"]
        assert root["CONTENTS"]["meter"]["CONTENTS"]["f0"]["ACCESS"] == 1
        assert root["CONTENTS"]["panic"]["ACCESS"] == 2
        assert root["CONTENTS"]["singer"]["RANGE"] == [{"VALS": ["dark", "bright"]}]


@in_loop
async def test_an_attribute_can_be_asked_for_and_follows_the_rig(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server), Client(server.port) as client:
        await client.done("/param/gain", -6.0)
        assert await get(server, "/param/gain?VALUE") == (200, {"VALUE": [-6.0]})
        assert await get(server, "/param/scale?TYPE") == (200, {"TYPE": "s"})
        assert await get(server, "/panic?VALUE") == (204, None)
        none = {"error": "'/param/none' is no address here; / lists them all"}
        assert await get(server, "/param/none") == (404, none)
        status, refused = await get(server, "/param/gain?COLOUR")
        assert status == 400
        assert refused["error"].startswith("'COLOUR' is not one attribute; ask for one of FULL_PATH, ")
        status, info = await get(server, "/?HOST_INFO")
        assert (status, info["OSC_PORT"], info["OSC_TRANSPORT"]) == (200, server.port, "UDP")
        assert info["OSC_IP"] == "127.0.0.1"
        assert info["EXTENSIONS"]["VALUE"] is True
        assert info["EXTENSIONS"]["LISTEN"] is True


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104 - for a moment
def test_a_host_that_stands_for_all_is_left_out_for_the_address_asked(tmp_path: Path, host: str) -> None:
    own = "::1" if ":" in host else "127.0.0.1"
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        try:
            probe.bind((own, 0))
        except OSError:
            pytest.skip(f"this machine has no {own}")

    @in_loop
    async def test() -> None:
        async with served(tmp_path, host=host, name="a name") as (_, server):
            _, info = await get(server, "/?HOST_INFO", own)
            assert not {"OSC_IP", "WS_IP"} & set(info)
            assert (info["NAME"], info["OSC_PORT"]) == ("a name", server.port)
            assert info["WS_PORT"] == server.http_port

    test()


def head(first: str, *headers: str) -> bytes:
    return "\r\n".join((f"{first} HTTP/1.1", "Host: localhost", *headers, "\r\n")).encode()


MALFORMED = "is not well-formed HTTP/1.1; send it with a browser"
TOO_LONG = "head is too long; send a shorter address, and fewer or shorter headers"


@pytest.mark.parametrize(
    ("raw", "status", "sentence"),
    [
        (head("POST /"), b"405", "POST is not taken at /; send one of GET, HEAD"),
        (head("DELETE /param/gain"), b"405", "DELETE is not taken at /param/gain; send one of GET, HEAD"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400", MALFORMED),
        (b"GET /\r\n\r\n", b"400", "older than HTTP/1.0; send one of HTTP/1.1"),
        (b"\xff\xfe\r\n\r\n", b"400", MALFORMED),
        (bytes.fromhex("16030100c8010000c40303") + b"x" * 200, b"400", MALFORMED),  # https
        (head("GET http://["), b"400", MALFORMED),
        (head("GET /["), b"404", "'/[' is no address here; / lists them all"),
        (head("GET //["), b"400", "is no URL; ask for / and what it lists"),
        (head("GET /%00%ff"), b"404", "is no address here; / lists them all"),
        (head("GET /../../etc/passwd"), b"404", "is no address here; / lists them all"),
        (head("GET /?VALUE&TYPE"), b"400", "'VALUE&TYPE' is not one attribute; ask for one of FULL_PATH"),
        (head("OPTIONS *"), b"404", "that is no address of this server; / lists those of OSC"),
        (head("GET /", "Expect: miracles"), b"417", "leave the header Expect out"),
        (head("GET /", "Upgrade: websocket"), b"400", "is none of a WebSocket by RFC 6455; connect with a"),
        (head("GET /", "no header"), b"400", MALFORMED),
        (head("POST /", "Content-Length: ten"), b"400", MALFORMED),
        (head("GET /" + "x" * 20_000), b"400", TOO_LONG),
        (head("GET /", f"X: {'x' * 20_000}"), b"400", TOO_LONG),
        (head("GET /", *(f"X{number}: y" for number in range(5000))), b"400", TOO_LONG),
        (b"x" * 20_000, b"400", MALFORMED),
    ],
)
def test_what_is_no_good_request_is_refused_in_a_sentence_and_fills_no_terminal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, raw: bytes, status: bytes, sentence: str
) -> None:
    @in_loop
    async def test() -> None:
        async with served(tmp_path) as (_, server):
            found = await request(server, raw)
            top, _, body = found.partition(b"\r\n\r\n")
            assert top.split(b" ")[1] == status
            assert b"Server: plugin_bridge\r\n" in top
            told: dict[str, str] = json.loads(body)
            assert list(told) == ["error"]
            assert sentence in told["error"]
            assert ";" in told["error"]
            assert "\n" not in told["error"]
            assert (await get(server, "/param/gain?VALUE"))[0] == 200

    test()
    assert caplog.messages == []


@in_loop
async def test_a_fault_of_ours_is_told_without_what_is_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(tmp_path) as (_, server):
        assert server._http is not None
        monkeypatch.setattr(server._http, "answer", lambda _: 1 / 0)
        status, refused = await get(server, "/")
        assert status == 500
        assert refused["error"].startswith("the server has failed, and its terminal says where; try again")
    assert "ZeroDivisionError" in caplog.text


@in_loop
async def test_a_head_is_that_of_the_answer_without_it(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server):
        found = await request(server, head("HEAD /param/gain?VALUE"))
        assert found.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Content-Length: 16\r\n" in found
        assert found.endswith(b"\r\n\r\n")


OWN = ["localhost", "LOCALHOST:8000", "127.0.0.1", "127.0.0.1:80", "127.9.9.9", "[::1]:80", "osc.localhost"]
FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:80",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "192.0.2.77",
    "[2001:db8::1]",
    "0.0.0.0",  # noqa: S104 - nothing is bound to it
    "2130706433",
    "[",
    "",
    "user@evil.example",
    "localhost@evil.example",
]


def test_only_names_of_this_machine_are_answered(tmp_path: Path) -> None:
    @in_loop
    async def test() -> None:
        async with served(tmp_path) as (_, server):
            name = socket.gethostname()
            for host in (*OWN, name, f"{name.partition('.')[0]}.local", f"{name}:9000"):
                raw = f"GET /?HOST_INFO HTTP/1.1\r\nHost: {host}\r\n\r\n"
                assert (await request(server, raw.encode())).split(b" ")[1] == b"200", host
            for host in FOREIGN_HOSTS:
                twice = f"GET /param/gain HTTP/1.1\r\nHost: localhost\r\nHost: {host}\r\n\r\n".encode()
                assert (await request(server, twice)).split(b" ")[1] == b"400"
                for head in (f"Host: {host}", f"host:{host}"):
                    found = await request(server, f"GET /param/gain HTTP/1.1\r\n{head}\r\n\r\n".encode())
                    assert found.split(b" ")[1] == b"403", head
                    assert b"is no name of this machine; ask for localhost" in found
            for origin in ("http://evil.example", "null", "https://192.0.2.7:443", "localhost"):
                head = f"Host: localhost\r\nOrigin: {origin}"
                found = await request(server, f"GET / HTTP/1.1\r\n{head}\r\n\r\n".encode())
                assert found.split(b" ")[1] == b"403", origin
            found = await request(
                server, b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:3000\r\n\r\n"
            )
            assert found.split(b" ")[1] == b"200"
            assert (await request(server, b"GET / HTTP/1.0\r\n\r\n")).split(b" ")[1] == b"200"

    test()


@in_loop
async def test_curl_reads_it_and_is_refused_under_another_name(tmp_path: Path) -> None:
    curl = needs_program("curl", "curl")
    async with served(tmp_path) as (_, server):
        url = f"http://127.0.0.1:{server.http_port}/param/gain?VALUE"

        async def status(*options: str) -> bytes:
            process = await asyncio.create_subprocess_exec(
                curl, "-s", "-o", "/dev/null", "-w", "%{http_code}", *options, stdout=asyncio.subprocess.PIPE
            )
            return (await process.communicate())[0]

        assert await status(url) == b"200"
        assert await status("-H", "Host: evil.example", url) == b"403"
        rebound = f"evil.example:{server.http_port}:127.0.0.1"
        assert await status("--resolve", rebound, url.replace("127.0.0.1", "evil.example")) == b"403"
        assert await status("-X", "POST", "-d", "x", url) == b"405"


@in_loop
async def test_half_requests_shut_nobody_out(tmp_path: Path) -> None:
    logged: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context))
    async with served(tmp_path) as (_, server):
        halves = [await asyncio.open_connection("127.0.0.1", server.http_port) for _ in range(100)]
        for _, writer in halves:
            writer.write(b"GET / HTTP/1.1\r\nHost: local")
            await writer.drain()
        for _ in range(3):
            assert (await get(server, "/param/gain?VALUE"))[0] == 200
        assert server._http is not None
        assert len(server._http._clients()) <= 33
        for reader, _ in halves[:60]:
            with contextlib.suppress(ConnectionError):
                found = await asyncio.wait_for(reader.read(), PATIENCE)
                assert found.startswith(b"HTTP/1.1 503 ")
                assert b"more than 32 requests are open; try again" in found
    for _, writer in halves:  # the server stops while the others wait
        writer.close()
    await asyncio.sleep(0)
    assert logged == []


@in_loop
async def test_a_port_that_is_taken_is_named_and_nothing_stays_open(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server):
        for taken in ({"port": server.port}, {"tcp_port": server.tcp_port}, {"http_port": server.http_port}):
            ports: dict[str, Any] = {"port": 0, "tcp_port": None} | taken
            with pytest.raises(DeviceError, match=r"port \d+ of 127.0.0.1 cannot be used"):
                await OscServer(EngineRig(tmp_path), OscSettings(**ports)).start()
        with pytest.raises(DeviceError, match="cannot be used"):
            await OscServer(EngineRig(tmp_path), OscSettings(host="no such host", port=0)).start()


@in_loop
async def test_the_ports_are_told_those_of_tcp_where_they_differ(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server):
        port, tcp, http = server.port, server.tcp_port, server.http_port
        assert server.ports == f"port {port}, TCP port {tcp}, OSCQuery port {http}"
    async with served(tmp_path, port=port, tcp_port=port, http_port=None) as (_, server):
        assert server.ports == f"port {port}"
    async with served(tmp_path, tcp_port=None, http_port=None) as (_, server):
        assert server.ports == f"port {server.port}"


@pytest.mark.parametrize(
    "wrong", [{"port": 70_000}, {"tcp_port": -1}, {"rate": 0.0}, {"connections": 0}, {"announce": True}]
)
def test_settings_that_do_not_fit_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r";|positive"):
        OscSettings(**wrong)


def multicast_sockets(server: OscServer) -> list[socket.socket]:
    assert server._announcement is not None
    assert server._announcement._zeroconf is not None
    readers = server._announcement._zeroconf.zeroconf.engine.readers
    return [reader.transport.get_extra_info("socket") for reader in readers]


def device_of(sock: socket.socket) -> str:
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0").decode()


@in_loop
async def test_it_is_found_by_zeroconf(tmp_path: Path) -> None:
    needs("zeroconf")
    from zeroconf import ServiceStateChange, Zeroconf
    from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

    kind, found = "_oscjson._tcp.local.", asyncio.Queue[str]()

    def changed(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        del zeroconf, service_type
        if state_change is ServiceStateChange.Added:
            found.put_nowait(name)

    own = f"plugin_bridge test {os.getpid()}"
    async with served(tmp_path, announce=True, name=own) as (_, server):
        reader = AsyncZeroconf(interfaces=["127.0.0.1"])
        browser = AsyncServiceBrowser(reader.zeroconf, kind, handlers=[changed])
        name = ""
        while not name.startswith(own):  # others may play on this machine
            name = await asyncio.wait_for(found.get(), PATIENCE)
        info = AsyncServiceInfo(kind, name)
        assert await info.async_request(reader.zeroconf, 5000)
        assert (info.port, info.parsed_addresses()) == (server.http_port, ["127.0.0.1"])
        if sys.platform == "linux":
            heard = {device_of(sock) for sock in multicast_sockets(server)}
            assert heard == {"lo"}
        await browser.async_cancel()
        await reader.async_close()
