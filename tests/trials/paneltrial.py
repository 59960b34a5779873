"""What an open panel costs: the engine's block times without it and with it, and the bytes it is sent.

    python -m tests.trials.paneltrial --seconds 60 -o panel.json

All built-in singers play live from a file, paced by a clock as a sound card would, while one parameter
moves; by turns without a panel and with one. The panel subscribes as the page does, 30 times a second, from a
process of its own; with `--browser` it is the page itself in the system's Chromium, without a window, which
draws on this machine's cores. Speed is measured, never judged: read the figures of a machine at rest.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import websockets
from numpy.typing import NDArray

from plugin_bridge.commands.surfaces import Surfaces, playing
from plugin_bridge.control.events import Event
from plugin_bridge.live.rig.liverig import LiveRig
from plugin_bridge.live.settings import DriverSettings, LiveSettings
from plugin_bridge.measure.bench import write_stem
from plugin_bridge.osc.addresses.table import ADDRESSES
from plugin_bridge.osc.settings import OscSettings
from plugin_bridge.osc.wire.replies import message
from tests.trials.blocktimes import quantiles

RATE = 48000
UPDATES = 30.0
WARM_SECONDS = 3.0
STEM_SECONDS = 60.0
MOVES_A_SECOND = 20.0
_CLIENT = "--client"
_FAST = {"position", "load", "worst_ms", "queue_ms"}
"""What the page asks for only while its figures are open."""


def main() -> int:
    """Run the trial and print its figures."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each turn")
    parser.add_argument("--turns", type=int, default=3, help="without and with the panel, each so often")
    parser.add_argument("--block", type=int, default=128, help="samples")
    parser.add_argument("--browser", action="store_true", help="the page itself, in Chromium")
    parser.add_argument("-o", "--output", type=Path, help="a JSON file, besides standard output")
    parser.add_argument(_CLIENT, metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        asyncio.run(subscribed(options.client, browser=options.browser))
        return 0
    with tempfile.TemporaryDirectory(prefix="plugin-bridge-trial-") as name:
        figures = asyncio.run(trial(Path(name), options))
    text = json.dumps(figures, indent=2)
    sys.stdout.write(text + "\n")
    if options.output:
        options.output.write_text(text + "\n", encoding="utf-8")
    return 0


async def trial(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return block times without and with the panel, and its traffic."""
    write_stem(folder / "stem.wav", STEM_SECONDS)
    driver = DriverSettings("null", str(folder / "stem.wav"), block=options.block)
    osc = OscSettings(port=None, tcp_port=None, http_port=0, folder=folder, presets=folder)
    said: list[str] = []
    counts = {"without": np.zeros(1), "with": np.zeros(1)}
    traffic: list[dict[str, float]] = []
    async with playing(LiveSettings(driver, sessions=folder), Surfaces(osc, panel=True), said.append) as rig:
        url = next(line.split()[-1] for line in said if line.startswith("the panel is at "))
        moving = asyncio.create_task(moved(rig))
        for _ in range(options.turns):
            counts["without"] = counts["without"] + await counted(rig, options.seconds)
            async with panel(url, traffic, browser=options.browser):
                counts["with"] = counts["with"] + await counted(rig, options.seconds)
        moving.cancel()
        status = rig.status
        form = f"{status.sample_rate} Hz, {status.block}, {', '.join(rig.singers)}"
    return {
        "form": form,
        "updates_a_second": UPDATES,
        "panel": "page in Chromium" if options.browser else "client",
        "blocks": {name: quantiles(found) for name, found in counts.items()},
        "panel_bytes_a_second": {
            way: round(float(np.mean([turn[way] for turn in traffic]))) for way in ("received", "sent")
        },
        "xruns": status.xruns,
    }


async def moved(rig: LiveRig) -> None:
    """Move a parameter, as a hand on a fader does."""
    for step in range(10**9):
        rig.send([Event(0, "gain", -6.0 + 6.0 * math.sin(0.1 * step))])
        await asyncio.sleep(1.0 / MOVES_A_SECOND)


async def counted(rig: LiveRig, seconds: float) -> NDArray[np.float64]:
    """Return how many blocks took how long in a while."""
    await asyncio.sleep(WARM_SECONDS)
    before = np.asarray(rig.block_times(), np.float64)
    await asyncio.sleep(seconds)
    return np.asarray(rig.block_times(), np.float64) - before


@asynccontextmanager
async def panel(url: str, traffic: list[dict[str, float]], *, browser: bool) -> AsyncIterator[None]:
    """Open a panel in a process of its own; add its bytes a second."""
    words = (sys.executable, "-m", "tests.trials.paneltrial", _CLIENT, url, *(["--browser"] * browser))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    await process.stdout.readline()  # it is open
    yield
    process.stdin.close()
    traffic.append(json.loads(await process.stdout.readline()))
    await process.wait()


async def subscribed(url: str, *, browser: bool) -> None:
    """Be a panel until standard input ends; then print the bytes a second that came and went."""
    loop = asyncio.get_running_loop()
    counts = {"received": 0, "sent": 0}
    opened = page_opened if browser else client_opened
    async with opened(url, counts):
        await asyncio.sleep(WARM_SECONDS)
        before, began = dict(counts), loop.time()
        sys.stdout.write("open\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
        passed = loop.time() - began
    rates = {way: (count - before[way]) / passed for way, count in counts.items()}
    sys.stdout.write(f"{json.dumps(rates)}\n")


@asynccontextmanager
async def client_opened(url: str, counts: dict[str, int]) -> AsyncIterator[None]:
    """Subscribe to what the page subscribes to."""
    rows = ADDRESSES.values()
    slow = [row.path for row in rows if row.kind == "status" and row.name not in _FAST]
    wanted = ("/param/*", "/meter/*", "/report", "/bounce/progress", *slow)
    async with websockets.connect(url.replace("http:", "ws:").replace("panel/", "")) as socket:
        packet = message("/subscribe", UPDATES, 3600.0, *wanted)
        counts["sent"] += len(packet)
        await socket.send(packet)

        async def read() -> None:
            async for frame in socket:
                counts["received"] += len(frame)

        reading = asyncio.create_task(read())
        yield
        reading.cancel()


@asynccontextmanager
async def page_opened(url: str, counts: dict[str, int]) -> AsyncIterator[None]:
    """Open the page in the system's Chromium."""
    from playwright.async_api import WebSocket, async_playwright

    from tests.support.extras import needs_program

    program = needs_program("chromium", "chromium")

    def count(way: str, payload: str | bytes) -> None:
        counts[way] += len(payload)

    def follow(socket: WebSocket) -> None:
        socket.on("framereceived", lambda payload: count("received", payload))
        socket.on("framesent", lambda payload: count("sent", payload))

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        page.on("websocket", follow)
        await page.goto(url)
        yield
        await browser.close()


if __name__ == "__main__":
    sys.exit(main())
