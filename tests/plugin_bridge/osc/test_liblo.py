"""liblo's oscsend and oscdump, independent clients: one sends every address, the other reads every answer."""

from __future__ import annotations

import asyncio
import shlex
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from plugin_bridge import PARAMETERS, Preset, save_preset
from plugin_bridge.control.parameters import Value
from plugin_bridge.osc.addresses.table import ADDRESSES
from plugin_bridge.osc.server import OscServer
from plugin_bridge.osc.wire.replies import message
from tests.plugin_bridge.osc.clients import PATIENCE, Client, in_loop, served
from tests.support.extras import needs_program
from tests.support.rigs import RATE, EngineRig
from tests.support.singerfiles import write_singer

NOT_ASKED = {path for path, row in ADDRESSES.items() if row.kind == "notice"}
COMMANDS = {
    "/note/on": ("fi", "60.5", "100"),
    "/note/off": ("i", "60"),
    "/note/bend": ("d", "-2"),
    "/note/alloff": (),
    "/singer/list": (),
    "/singer/add": ("s", "new"),
    "/preset/save": ("sT", "kept"),
    "/preset/load": ("s", "mine"),
    "/preset/list": (),
    "/bounce/start": ("sssi", "stem.wav", "out.wav", "tail", "1"),
    "/bounce/list": (),
    "/bounce/cancel": ("i", "1"),
    "/enrol/start": ("ssss", "maria", "stem.wav", "licence", "CC0"),
    "/enrol/list": (),
    "/enrol/cancel": ("i", "1"),
    "/guide/start": ("ss", "stem.wav", "guide.wav"),
    "/guide/list": (),
    "/guide/cancel": ("i", "1"),
    "/record/start": ("s", "take 1"),
    "/record/stop": (),
    "/midi/learn": ("s", "gain"),
    "/midi/learn/stop": (),
    "/panic": (),
    "/status": (),
    "/report/list": (),
    "/version": (),
    "/sync": ("i", "7"),
    "/subscribe": ("ffss", "10", "60", "/param/*", "/report"),
    "/unsubscribe": (),
    "/token": ("i", "0"),
}
"""Type tags and arguments, in the order in which they make sense."""


def value_of(path: str) -> tuple[str, ...]:
    """Return type tags and arguments that set an address."""
    row = ADDRESSES[path]
    parameter = PARAMETERS[row.name]
    if row.kind == "position":
        return "f", "0.25"
    if parameter.kind == "switch":
        return ("T",)
    if parameter.kind == "number":
        return "f", f"{parameter.from_unit(0.75)}"
    return "s", "bright" if parameter.kind == "singer" else parameter.words[2]


def expected(path: str) -> Value:
    """Return what `value_of` sets."""
    row = ADDRESSES[path]
    if row.kind == "position":
        return PARAMETERS[row.name].from_unit(0.25)
    types, *arguments = value_of(path)
    return True if types == "T" else arguments[0] if types == "s" else float(np.float32(arguments[0]))


SET = {path: value_of(path) for path, row in ADDRESSES.items() if row.kind in ("value", "position")}


async def oscsend(where: str, path: str, *arguments: str) -> None:
    program = needs_program("oscsend", "liblo-tools")
    process = await asyncio.create_subprocess_exec(program, where, path, *arguments)
    assert await process.wait() == 0


@asynccontextmanager
async def oscdump(port: int) -> AsyncIterator[asyncio.StreamReader]:
    program = needs_program("oscdump", "liblo-tools")
    process = await asyncio.create_subprocess_exec(
        program, "-L", str(port), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def rig_with_files(folder: Path, short_stem: Path) -> AsyncIterator[tuple[EngineRig, OscServer]]:
    """A rig and its server, with a stem, a preset and two singers' files."""
    home = folder / "open"
    home.mkdir()
    short_stem.rename(home / "stem.wav")
    save_preset(Preset(name="mine", singer="bright"), home / "mine.toml")
    write_singer(home / "new.onnx")
    singers = {name: str(write_singer(folder / f"{name}.onnx")) for name in ("dark", "bright")}
    async with served(home, singers=singers) as (rig, server):
        rig.run(RATE // 2)
        yield rig, server


def is_busy(server: OscServer) -> bool:
    assert server._udp is not None
    unfinished = any(getattr(one, "_steps", None) for one in server._connections)
    return bool(server._dispatcher._tasks or server._udp._turns or unfinished)


def test_no_address_is_left_out() -> None:
    readable = {path for path, row in ADDRESSES.items() if row.readable} - NOT_ASKED
    assert readable | set(COMMANDS) | NOT_ASKED == set(ADDRESSES)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_oscsend_reaches_every_address(tmp_path: Path, short_stem: Path, transport: str) -> None:
    @in_loop
    async def test() -> None:
        async with rig_with_files(tmp_path, short_stem) as (rig, server):
            port = server.port if transport == "udp" else server.tcp_port
            where = f"osc.{transport}://127.0.0.1:{port}/"
            gets: dict[str, tuple[str, ...]] = {path: () for path, row in ADDRESSES.items() if row.readable}
            asked = 0
            for requests in (SET, gets, COMMANDS):
                for path, arguments in requests.items():
                    if path in NOT_ASKED:
                        continue
                    await oscsend(where, path, *arguments)
                    asked += 1
                    async with asyncio.timeout(PATIENCE):
                        while server.counters.requests < asked or is_busy(server):
                            await asyncio.sleep(0.001)
                    assert server.counters.failed == server.counters.malformed == 0, path
                    if requests is SET:
                        assert rig.values[ADDRESSES[path].name] == expected(path)

    test()


SURFACE: list[tuple[tuple[str, ...], str, Value]] = [
    (("/param/melody", "T"), "melody", True),
    (("/panic", "i", "0"), "melody", True),
    (("/panic", "f", "0"), "melody", True),
    (("/panic", "F"), "melody", True),
    (("/panic", "I"), "melody", False),
    (("/bypass", "f", "1"), "bypass", True),
    (("/panic", "f", "1"), "bypass", False),
    (("/singer", "S", "bright"), "singer", "bright"),
    (("/param/key", "c", "D"), "key", "D"),
    (("/param/key", "s", "Bb"), "key", "A#"),
    (("/param/scale", "S", "MINOR"), "scale", "minor"),
    (("/param/mix", "h", "0"), "mix", 0.0),
    (("/param/mix", "f", "1.0000001"), "mix", 1.0),
    (("/param/mix/unit", "d", "1.0000001"), "mix", 1.0),
]
REFUSED_TYPES = [("/param/mix", "m", "00903c40"), ("/param/mix", "N"), ("/panic", "m", "00903c40")]


@in_loop
async def test_what_control_surfaces_send_is_understood(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server):
        for asked, (arguments, name, value) in enumerate(SURFACE, 1):
            await oscsend(f"osc.udp://127.0.0.1:{server.port}/", *arguments)
            async with asyncio.timeout(PATIENCE):
                while server.counters.requests < asked or is_busy(server):
                    await asyncio.sleep(0.001)
            assert rig.values[name] == value, arguments
        assert server.counters.failed == 0
        for arguments in REFUSED_TYPES:
            await oscsend(f"osc.udp://127.0.0.1:{server.port}/", *arguments)
        async with asyncio.timeout(PATIENCE):
            while server.counters.failed < len(REFUSED_TYPES):
                await asyncio.sleep(0.001)
        assert server.counters.malformed == 0
        assert rig.values["mix"] == 1.0


@in_loop
async def test_oscdump_reads_every_answer(tmp_path: Path, short_stem: Path) -> None:
    async with rig_with_files(tmp_path, short_stem) as (_, server), Client(server.port) as client:
        for path, row in ADDRESSES.items():
            if row.readable and path not in NOT_ASKED:
                await client.done(path)
        for path in ("/version", "/status", "/preset/list", "/singer/list", "/bounce/list", "/panic"):
            await client.done(path, "#id")
        await client.fail("/nowhere")
        answers = list(client.packets)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as relay:
            relay.bind(("127.0.0.1", 0))
            port = relay.getsockname()[1]
        async with oscdump(port) as lines:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as relay:
                await woken(relay, port, lines)
                told = []
                for packet in answers:
                    relay.sendto(packet, ("127.0.0.1", port))
                    told.append(await asyncio.wait_for(lines.readline(), PATIENCE))
    for line, packet in zip(told, answers, strict=True):
        address, tags, *_ = [part for part in packet.split(b"\0") if part]
        _, shown, types, rest = line.decode().split(" ", 3)
        assert (shown.encode(), b"," + types.encode()) == (address, tags)
        assert shlex.split(rest)[0] in ADDRESSES or shlex.split(rest)[0] == "/nowhere"


async def woken(sock: socket.socket, port: int, lines: asyncio.StreamReader) -> None:
    """Wait until oscdump is there, and until it has printed all that was sent to find that out."""
    sent, line = 0, b""
    while not line.endswith(f"/awake i {sent}\n".encode()):
        if not line:
            sent += 1
            sock.sendto(message("/awake", sent), ("127.0.0.1", port))
        try:
            line = await asyncio.wait_for(lines.readline(), 0.2)
        except TimeoutError:
            line = b""


@in_loop
async def test_oscdump_is_a_subscriber(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server):
        async with Client(server.port) as client:
            port = client.socket.getsockname()[1]
            await client.done("/subscribe", 50.0, 60.0, "/param/gain", "/param/mix", "/report")
        async with oscdump(port) as lines, Client(server.port) as other:
            heard = b""
            while not heard:
                await other.done("/param/gain", -20.0)
                await other.done("/param/gain", -10.0)
                try:
                    heard = await asyncio.wait_for(lines.readline(), 0.2)
                except TimeoutError:
                    continue
            assert b" /param/gain f -" in heard
            rig.tell("all is well")
            while b"/report" not in heard:
                heard = await asyncio.wait_for(lines.readline(), PATIENCE)
            assert heard.endswith(b' /report s "all is well"\n')
