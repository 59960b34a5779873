"""Pure Data and SuperCollider, with the surfaces' own files, move a rig and hear what it does."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.plugin_bridge.osc.clients import PATIENCE, Client, in_loop, served
from tests.support.extras import needs_program
from tests.support.rigs import BLOCK, EngineRig
from tests.support.waiting import until
from tests.surfaces.reading import FILES

PROBE = """\
#N canvas 0 0 300 200 12;
#X obj 20 20 r pb-gain-set;
#X obj 20 60 print gain;
#X obj 120 20 r pb-output-now;
#X obj 120 60 print output;
#X connect 0 0 1 0;
#X connect 2 0 3 0;
"""
"""A patch that prints what moves the fader of the gain, and the meter of the output."""
SCRIPT = """\
~bridgePort = {port};
"{surface}".load;
~singer.("bright");
~morphSinger.("dark");
~morph.(0.25);
~transpose.(-12);
~bypass.(true);
Routine({{ loop {{ [~heard[\\gain], ~heard[\\output]].postln; 0.05.wait }} }}).play;
"""

NO_SCREEN = {"QT_QPA_PLATFORM": "offscreen", "QTWEBENGINE_DISABLE_SANDBOX": "1"}
"""SuperCollider shows its help in a browser of its own, which does not start as root in its sandbox."""


@asynccontextmanager
async def running(program: str, *words: object, folder: Path) -> AsyncIterator[asyncio.StreamReader]:
    """Run a program without a screen, and end it; what it prints is read here."""
    environment = {**os.environ, "HOME": str(folder), **NO_SCREEN}
    process = await asyncio.create_subprocess_exec(
        program,
        *map(str, words),
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        with contextlib.suppress(ProcessLookupError):  # it has ended, and the test says so
            process.kill()
        await process.communicate()


async def printed(lines: asyncio.StreamReader, word: bytes) -> bytes:
    """Wait for a line with a word."""
    before = []
    while line := await asyncio.wait_for(lines.readline(), PATIENCE):
        before.append(line)
        assert b"error" not in line.lower(), line
        if word in line:
            return line
    raise AssertionError(b"".join(before).decode())


@asynccontextmanager
async def sounding(rig: EngineRig) -> AsyncIterator[None]:
    """Let audio pass, so that the meters move."""

    async def run() -> None:
        while True:
            rig.run(BLOCK)
            await asyncio.sleep(0.01)

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()


@in_loop
async def test_pure_data_switches_the_singer_and_shows_the_gain_and_the_meters(tmp_path: Path) -> None:
    program = needs_program("pd", "puredata-core")
    async with served(tmp_path) as (rig, server), sounding(rig):
        patch = FILES["plugin_bridge.pd"].read_text(encoding="utf-8")
        (tmp_path / "surface.pd").write_text(patch.replace("127.0.0.1 9000", f"127.0.0.1 {server.port}"))
        (tmp_path / "probe.pd").write_text(PROBE)
        moves = "pb-singer symbol bright; pb-morph-singer symbol dark; pb-morph 0.25; pb-bypass 1"
        words = (
            "-nogui",
            "-noaudio",
            "-nomidi",
            "-noprefs",
            "-stderr",
            "-open",
            "surface.pd",
            "-open",
            "probe.pd",
        )
        async with running(program, *words, "-send", moves, folder=tmp_path) as lines:
            await until(lambda: rig.values["bypass"] is True, PATIENCE)
            assert (rig.values["singer"], rig.values["morph_singer"]) == ("bright", "dark")
            assert rig.values["morph"] == 0.25
            await until(lambda: rig.engine.value("singer") == "bright")
            await printed(lines, b"gain: set 0")
            async with Client(server.port) as other:
                await other.done("/param/transpose", "auto")  # a word where a fader has numbers
                await other.done("/param/gain", -20.0)
            await printed(lines, b"gain: set -20")
            assert float((await printed(lines, b"output: ")).split()[1]) < 0.0
            assert rig.values["gain"] == -20.0  # what moves a fader is not sent again
            assert server.counters.failed == server.counters.malformed == 0


@in_loop
async def test_pure_datas_panic_is_heard(tmp_path: Path) -> None:
    program = needs_program("pd", "puredata-core")
    async with served(tmp_path) as (rig, server):
        patch = FILES["plugin_bridge.pd"].read_text(encoding="utf-8")
        (tmp_path / "surface.pd").write_text(patch.replace("127.0.0.1 9000", f"127.0.0.1 {server.port}"))
        async with Client(server.port) as other:
            await other.done("/param/morph", 0.5)
        words = (
            "-batch",
            "-nogui",
            "-noprefs",
            "-stderr",
            "-open",
            "surface.pd",
            "-send",
            "pb-panic bang; pd quit",
        )
        async with running(program, *words, folder=tmp_path):
            await until(lambda: rig.values["morph"] == 0.0, PATIENCE)
        assert server.counters.failed == server.counters.malformed == 0


@in_loop
async def test_super_collider_switches_the_singer_and_hears_the_gain_and_the_meters(tmp_path: Path) -> None:
    program = needs_program("sclang", "supercollider-language")
    async with served(tmp_path) as (rig, server), sounding(rig):
        script = SCRIPT.format(port=server.port, surface=FILES["plugin_bridge.scd"])
        (tmp_path / "script.scd").write_text(script, encoding="utf-8")
        async with running(program, "script.scd", folder=tmp_path) as lines:
            await until(lambda: rig.values["bypass"] is True, PATIENCE)
            assert (rig.values["singer"], rig.values["morph_singer"]) == ("bright", "dark")
            assert (rig.values["morph"], rig.values["transpose"]) == (0.25, -12.0)
            await until(lambda: rig.engine.value("singer") == "bright")
            async with Client(server.port) as other:
                await other.done("/param/gain", -20.0)
            await printed(lines, b"[ -20.0, -10.4")  # bypassed, the output is the source
            assert server.counters.failed == server.counters.malformed == 0
