"""Play live for a while with real programs around, and measure.

    python -m tests.trials.livetrial --minutes 10 -o trial.json

A JACK server without hardware, at 48 kHz in blocks of 128 or as told; `jack-play` sings a long stem into the
engine and `jack_capture` records what goes in and out, both of them programs of others; OSC moves parameters
200 times a second and switches the singer every 2 s, while two subscribers read meters. Afterwards the
session that the engine recorded is bounced and compared, sample by sample, with what JACK recorded. What the
machine does by itself is measured, too: a process on each core counts its stalls (see
tests.support.stalls), and before the engine starts, the same server and the same programs play a minute
without it, under the same traffic and attack. Needs jackd2, jack-tools and jack-capture, of which Debian 13
has the last two no longer. Speed is measured, never judged: read the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jack
import numpy as np
import soundfile
from numpy.typing import NDArray

from plugin_bridge.bounce.bounce import bounce
from plugin_bridge.bounce.settings import BounceSettings
from plugin_bridge.commands.surfaces import Surfaces, playing
from plugin_bridge.files.writer import OutputFormat
from plugin_bridge.live.rig.liverig import LiveRig
from plugin_bridge.live.settings import DriverSettings, LiveSettings
from plugin_bridge.measure.bench import write_stem
from plugin_bridge.osc.settings import OscSettings
from plugin_bridge.osc.wire.replies import done, message
from plugin_bridge.sessions.reader import SessionReader
from tests.conftest import ROOT
from tests.trials.blocktimes import quantiles

Float32 = NDArray[np.float32]

RATE = 48000
WARM_SECONDS = 5.0
ALONE_SECONDS = 60.0
PORT = 9010
SINGERS = ("nit", "pjs")
PROGRAMS = ("jackd", "jack-play", "jack_capture")
_SERVER = "plugin-bridge-trial"
_MEMORY_SECONDS = 5.0
_ATTACK_PART = 0.95  # of the time, over which the datagrams are spread; unpaced they would be gone early
_SEARCH = 4800  # samples around the declared latency


def main() -> int:
    """Run the trial and print its figures."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--block", type=int, default=128, help="of JACK, samples")
    parser.add_argument("--ring", type=int, default=0, help="blocks between input and output")
    parser.add_argument(
        "--hostile", type=int, default=0, metavar="N", help="datagrams and TCP garbage, besides"
    )
    parser.add_argument("-o", "--output", type=Path, help="a JSON file, besides standard output")
    options = parser.parse_args()
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        parser.error(f"{' and '.join(missing)} must be installed; on Debian 12: sh .ci/setup test")
    os.environ["JACK_DEFAULT_SERVER"] = _SERVER
    with tempfile.TemporaryDirectory(prefix="plugin-bridge-trial-") as name:
        figures = asyncio.run(trial(Path(name), options))
    text = json.dumps(figures, indent=2)
    sys.stdout.write(text + "\n")
    if options.output:
        options.output.write_text(text + "\n", encoding="utf-8")
    return 0


async def trial(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return all figures of a run of so many minutes, warm-up and teardown not counted."""
    seconds = 60.0 * options.minutes
    whole = seconds + WARM_SECONDS + 10.0
    write_stem(folder / "stem.wav", whole)
    settings = LiveSettings(DriverSettings("jack", "none"), SINGERS, sessions=folder, ring=options.ring)
    osc = OscSettings(port=PORT, tcp_port=PORT)
    said: deque[str] = deque(maxlen=20)
    async with contextlib.AsyncExitStack() as stack:
        real_time = await stack.enter_async_context(server(options.block))
        without = await alone(folder, round(options.hostile * ALONE_SECONDS / seconds))
        rig = await stack.enter_async_context(playing(settings, Surfaces(osc), said.append))
        player, source = await played(folder / "stem.wav", "plugin-bridge:in_1")
        capture = await captured(folder / "heard.wav", whole - 2.0, source, "plugin-bridge:out_1")
        await asyncio.sleep(1.0)
        await rig.record("take")
        await asyncio.sleep(WARM_SECONDS)
        figures = await measured(rig, seconds, options.hostile)
        rig.stop_recording()
        await asyncio.sleep(1.0)
        figures |= {"system": {"server_real_time": real_time, "engine_real_time": rig.real_time}}
        figures |= {"server_alone": {"seconds": ALONE_SECONDS, "xruns": without}}
        latency, form = rig.status.latency, f"{RATE} Hz, {options.block}"
        for process in (capture, player):
            process.terminate()
            await process.wait()
    return {"form": form, "said": list(said), **figures, "heard": compared(folder, latency)}


class StandIn(asyncio.DatagramProtocol):
    """Answers only what an attacker waits for: there is no engine here."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        if data.startswith(b"/sync\0") and len(data) == len(message("/sync", 1)):
            self.transport.sendto(done("/sync", [int.from_bytes(data[-4:])]), addr)
        elif data == message("/version"):
            self.transport.sendto(done("/version", ["plugin_bridge"]), addr)


async def alone(folder: Path, hostile: int) -> int:
    """Return the xruns of a minute of the server and the programs without the engine."""
    write_stem(folder / "alone.wav", ALONE_SECONDS + 10.0)
    client = jack.Client("counter", no_start_server=True)
    client.inports.register("in_1")
    xruns: list[float] = []
    client.set_xrun_callback(xruns.append)
    with client:
        player, source = await played(folder / "alone.wav", "counter:in_1")
        capture = await captured(folder / "alone_heard.wav", ALONE_SECONDS + 5.0, source, source)
        place = ("127.0.0.1", PORT)
        listener, _ = await asyncio.get_running_loop().create_datagram_endpoint(StandIn, local_addr=place)
        await asyncio.sleep(WARM_SECONDS)
        before = len(xruns)
        others = [await traffic(ALONE_SECONDS), await attack(hostile, ALONE_SECONDS)]
        others += await watched(ALONE_SECONDS)
        await asyncio.sleep(ALONE_SECONDS)
        count = len(xruns) - before
        for other in others:
            await ended(other)
        listener.close()
        for process in (capture, player):
            process.terminate()
            await process.wait()
    return count


async def played(path: Path, target: str) -> tuple[asyncio.subprocess.Process, str]:
    """Let a program play a file into a port; return it and the name of the port that it plays by."""
    where = {"JACK_PLAY_CONNECT_TO": target.replace("_1", "_%d")}
    player = await program("jack-play", str(path), **where)
    return player, await connected("jack-play.*", target)


async def captured(path: Path, seconds: float, *sources: str) -> asyncio.subprocess.Process:
    """Let a program record two ports."""
    ports = [word for source in sources for word in ("-p", source)]
    how = ("-d", str(round(seconds)), "-dc", "-as", "-c", "2")
    return await program("jack_capture", *how, *ports, str(path))


async def measured(rig: LiveRig, seconds: float, hostile: int) -> dict[str, Any]:
    """Let OSC traffic run and return what happened between its start and its end."""
    before, past, times = rig.status, rig.figures, np.array(rig.block_times())
    memory: list[tuple[int, int]] = []
    load, attacker = await traffic(seconds), await attack(hostile, seconds, "--tcp-port", str(PORT))
    watches = await watched(seconds)
    loads, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        memory.append((resident(os.getpid()), resident(rig.pid)))
        loads.append(rig.status.load)
        await asyncio.sleep(min(_MEMORY_SECONDS, max(0.0, end - time.monotonic())))
    after, now, counts = rig.status, rig.figures, np.array(rig.block_times()) - times
    out, _ = await load.communicate()
    words = (await ended(attacker)).decode().splitlines()
    stood = [json.loads((await watch.communicate())[0]) for watch in watches]
    names = ("xruns", "dropped", "late", "refused", "restarts")
    kept = memory[len(memory) // 10 :]
    return {
        "seconds": seconds,
        **{name: getattr(after, name) - getattr(before, name) for name in names},
        "xruns_of_the_server": int(now.overruns - past.overruns),
        "blocks_not_ready": int(now.missed - past.missed),
        "blocks": quantiles(counts),
        "load": {"mean": float(np.mean(loads)), "worst": float(np.max(loads))},
        "osc": json.loads(out),
        "hostile": {"asked": hostile, "last_words": words[-1:]},
        "stalls_of_the_machine": [
            {"core": core, "count": len(ms), "worst_ms": max(ms, default=0.0)}
            for core, ms in enumerate(stood)
        ],
        "memory_mb": {
            name: {"first": sizes[0] / 1e6, "last": sizes[-1] / 1e6, "most": max(sizes) / 1e6}
            for name, sizes in zip(("control", "audio"), zip(*kept, strict=True), strict=True)
        },
    }


async def traffic(seconds: float) -> asyncio.subprocess.Process:
    """Start the regular OSC traffic."""
    return await python("tests.trials.osctraffic", str(PORT), str(seconds), *SINGERS)


async def attack(count: int, seconds: float, *more: str) -> asyncio.subprocess.Process:
    """Start an attack of so many datagrams, spread over most of the time."""
    return await python(
        *("tests.plugin_bridge.osc.hostile", "--count", str(count), "--target", f"127.0.0.1:{PORT}"),
        *("--pid", str(os.getpid()), "--seconds", str(_ATTACK_PART * seconds), *more),
    )


async def watched(seconds: float) -> list[asyncio.subprocess.Process]:
    """Watch each core for stalls."""
    return [await python("tests.support.stalls", str(core), str(seconds)) for core in os.sched_getaffinity(0)]


async def ended(process: asyncio.subprocess.Process) -> bytes:
    """End a process that has not ended by itself; return what it said."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    return (await process.communicate())[0]


def compared(folder: Path, declared: int) -> dict[str, Any]:
    """Compare what JACK recorded with the bounce of the session.

    The input that both hold says which sample is which.
    """
    done = bounce(folder / "take", folder / "take.wav", OutputFormat("wav", "32f"), BounceSettings())
    bounced = soundfile.read(done.target, dtype="float32")[0]
    with SessionReader(folder / "take") as session:
        recorded = np.concatenate(list(session.chunks()), axis=1)[0]
        gaps, missed = sum(n for _, n in session.gaps), sum(n for _, n in session.missed)
    source, heard = soundfile.read(folder / "heard.wav", dtype="float32")[0].T
    shift = aligned(recorded, source)
    lags = [lag for lag in range(declared - _SEARCH, declared + _SEARCH) if same(bounced, heard, shift + lag)]
    # The last samples of a session hear, through the engine's look-ahead, what came after it.
    n = min(bounced.size - declared, heard.size - shift - declared)
    ours, theirs = bounced[:n], heard[shift + declared : shift + declared + n]
    return {
        "latency_declared": declared,
        "latency_measured": lags,
        "seconds_compared": n / RATE,
        "input_differs": int(np.count_nonzero(recorded[:n] != source[shift : shift + n])),
        "output_differs": int(np.count_nonzero(ours != theirs)),
        "output_peak": float(np.abs(theirs).max()),
        "session_gaps": gaps,
        "session_missed": missed,
    }


def aligned(recorded: Float32, source: Float32) -> int:
    """Return by how many samples a recording lags another of the same input."""
    piece = recorded[RATE : RATE + 64]
    found = [i for i in np.flatnonzero(source == piece[0]) if np.array_equal(source[i : i + 64], piece)]
    if len(found) != 1:
        raise RuntimeError(f"the input was found {len(found)} times in what JACK recorded; once is right")
    return int(found[0]) - RATE


def same(bounced: Float32, heard: Float32, shift: int) -> bool:
    """Return whether a second in the middle is the same at a shift."""
    middle = slice(bounced.size // 2, bounced.size // 2 + RATE)
    return np.array_equal(bounced[middle], heard[middle.start + shift : middle.stop + shift])


def resident(pid: int) -> int:
    """Return the memory of a process that lies in RAM, bytes."""
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@contextlib.asynccontextmanager
async def server(block: int) -> AsyncIterator[bool]:
    """Run a JACK server, in real time where the system grants it; yield whether it does."""
    for real_time in ("-R", "-r"):
        backend = ("-d", "dummy", "-r", str(RATE), "-p", str(block))
        process = await program("jackd", real_time, "--name", _SERVER, "-S", *backend)
        await asyncio.sleep(2.0)
        if process.returncode is None:
            break
    try:
        yield real_time == "-R"
    finally:
        process.terminate()
        await process.wait()


async def program(*command: str, **environment: str) -> asyncio.subprocess.Process:
    """Start a program that says nothing."""
    quiet = asyncio.subprocess.DEVNULL
    env = {**os.environ, **environment}
    return await asyncio.create_subprocess_exec(*command, env=env, stdin=quiet, stdout=quiet, stderr=quiet)


async def python(*arguments: str) -> asyncio.subprocess.Process:
    """Run a module of ours that prints JSON."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )


async def connected(pattern: str, target: str) -> str:
    """Wait until a port of a pattern is connected to another; return its name."""
    client = jack.Client("trial", no_start_server=True)
    try:
        for _ in range(200):
            sources = client.get_all_connections(client.get_port_by_name(target))
            for port in client.get_ports(pattern, is_output=True):
                if port in sources:
                    return str(port.name)
            await asyncio.sleep(0.05)
    finally:
        client.close()
    raise RuntimeError(f"nothing called {pattern} was connected to {target}; does jack-play run?")


if __name__ == "__main__":
    sys.exit(main())
