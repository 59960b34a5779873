"""Throw random, cut off and hostile packets at an OSC server and see whether it still answers.

A million of them, at a server of its own or at one that runs already:

    python -m tests.plugin_bridge.osc.hostile --count 1000000
    python -m tests.plugin_bridge.osc.hostile --count 1000000 --target 127.0.0.1:9000 --pid 1234
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import struct
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from plugin_bridge.osc.addresses.table import ADDRESSES
from plugin_bridge.osc.server import OscServer
from plugin_bridge.osc.wire.packets import Argument
from plugin_bridge.osc.wire.replies import message
from tests.plugin_bridge.osc.clients import Client, bundle, served, tag
from tests.support.rigs import BLOCK, EPOCH, RATE, EngineRig

SENDERS = 16
VOLLEY = 32
"""Datagrams between two questions whether it still answers: they fit into the system's buffer."""
_PATHS = tuple(ADDRESSES)
_ESCAPES = (
    "../x",
    "/etc/passwd",
    "a/../../b",
    "..",
    ".",
    "",
    "\\x",
    "x" * 5000,
    "ü\u202e",
    "%2e%2e/",
    "one",
    "two",
)
_NUMBERS = (0.0, -1.0, 0.5, 1e38, -1e308, float("nan"), float("inf"), 2**31 - 1, -(2**31), 2**63 - 1, 60, 7)
_PATTERNS = (
    "/*",
    "/param/*",
    "/*/*",
    "//",
    "/[",
    "/{a,b",
    "/" + "*a" * 60,
    "/{" + "a," * 60 + "}",
    "/[!-~]*",
    "/status/*",
)
_ALPHABET = b"\0\0\0\0/,#*[]{}ifsbhdTFN\xff\xc0\xdb\xe2\x82"


class Foe:
    """A source of packets, the same ones for a seed.

    Args:
        seed: names them.
        now: seconds since 1970, around which time tags lie.
    """

    def __init__(self, seed: int, now: Callable[[], float] = time.time) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - to be repeatable, not secret
        self._now = now
        self._kinds = (
            self._noise,
            self._letters,
            self._request,
            self._cut,
            self._bent,
            self._group,
            self._broken_group,
            self._deep,
            self._typed,
        )

    def packet(self) -> bytes:
        """Return the next one, at most 60000 bytes."""
        return self._rng.choice(self._kinds)()[:60_000]

    def noise(self, size: int) -> bytes:
        """Return random bytes."""
        return self._rng.randbytes(size)

    def _noise(self) -> bytes:
        start = self._rng.choice((b"", b"/", b"#bundle\0", b"/param/gain\0,f\0\0"))
        large = self._rng.random() < 0.002
        return start + self.noise(self._rng.randrange(60_000 if large else 200))

    def _letters(self) -> bytes:
        return b"/" + bytes(self._rng.choices(_ALPHABET, k=self._rng.randrange(120)))

    def _request(self) -> bytes:
        rng = self._rng
        path = rng.choice(_PATHS if rng.random() < 0.9 else _PATTERNS)
        if path in ("/bounce/start", "/record/start", "/preset/save", "/preset/load"):
            return message(path, *rng.choices(_ESCAPES, k=rng.randrange(4)))
        return message(path, *(self._argument() for _ in range(rng.randrange(4))))

    def _argument(self) -> Argument:
        rng = self._rng
        kinds: tuple[Callable[[], Argument], ...] = (
            lambda: rng.choice(_NUMBERS),
            lambda: rng.choice(_ESCAPES),
            lambda: rng.choice(_PATHS + _PATTERNS),
            lambda: rng.choice((True, False, None, "#1", "bright", "auto", "#" * 300)),
            lambda: rng.uniform(-100.0, 100.0),
        )
        return rng.choice(kinds)()

    def _cut(self) -> bytes:
        whole = self._request()
        return whole[: self._rng.randrange(len(whole))]

    def _bent(self) -> bytes:
        bent = bytearray(self._request())
        for _ in range(self._rng.randrange(1, 5)):
            bent[self._rng.randrange(len(bent))] = self._rng.randrange(256)
        return bytes(bent)

    def _time(self) -> int:
        rng = self._rng
        ahead = tag(self._now() + rng.uniform(-2.0, 2.0))
        return rng.choice(
            (0, 1, 2, ahead, ahead, tag(self._now() + 1e5), 2**63, 2**64 - 1, rng.getrandbits(64))
        )

    def _group(self) -> bytes:
        return bundle(self._time(), *(self._request() for _ in range(self._rng.randrange(5))))

    def _broken_group(self) -> bytes:
        size = self._rng.choice((-1, -4, 0, 3, 2**31 - 1, -(2**31), 65_536))
        parts = b"" if self._rng.random() < 0.5 else self._group()[16:]
        return bundle(self._time()) + parts + struct.pack(">i", size) + self.noise(self._rng.randrange(20))

    def _deep(self) -> bytes:
        packet = self._request()
        for _ in range(self._rng.randrange(1, 30)):
            packet = bundle(self._time() if self._rng.random() < 0.3 else 1, packet)
        return packet

    def _typed(self) -> bytes:
        tags = bytes(self._rng.choices(b"ihfdsTFNbrmtSc[]I\xff", k=self._rng.randrange(40)))
        path = self._rng.choice(_PATHS).encode()
        head = b"".join(text + b"\0" * (4 - len(text) % 4) for text in (path, b"," + tags))
        return head + self.noise(4 * self._rng.randrange(60))


async def assault(
    port: int,
    count: int,
    seed: int,
    *,
    host: str = "127.0.0.1",
    tcp_port: int | None = None,
    between: Callable[[int], None] = lambda _: None,
    now: Callable[[], float] = time.time,
) -> None:
    """Throw packets, and after every 32 of them wait until the server answers.

    Args:
        port: of UDP.
        count: of datagrams.
        seed: names them.
        host: of the server.
        tcp_port: garbage goes there too, a connection for every 1024 datagrams.
        between: called with the number thrown so far.
        now: seconds since 1970, as the server takes it.

    Raises:
        TimeoutError: it does not answer any longer.
    """
    foe = Foe(seed, now)
    senders = [Client(port, host) for _ in range(SENDERS)]
    async with Client(port, host) as friend:
        for thrown in range(count):
            senders[thrown % SENDERS].throw(foe.packet())
            if thrown % VOLLEY == VOLLEY - 1:
                assert await friend.done("/sync", thrown) == (thrown,)
                for client in (friend, *senders):
                    client.forget()
                between(thrown + 1)
            if tcp_port is not None and thrown % 1024 == 0:
                await _garbage(host, tcp_port, foe)
        assert (await friend.done("/version"))[0] == "plugin_bridge"
    for sender in senders:
        sender.socket.close()


async def _garbage(host: str, port: int, foe: Foe) -> None:
    _, writer = await asyncio.open_connection(host, port)
    writer.write(foe.packet() + foe.noise(3000))
    await asyncio.sleep(0)
    writer.transport.abort()


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024.0


@asynccontextmanager
async def target(home: Path) -> AsyncIterator[tuple[EngineRig, OscServer, Callable[[int], None]]]:
    """A rig, its server, and what makes their time pass: 10 ms of audio for every 256 packets.

    Args:
        home: for presets and sessions.
    """
    rigs: list[EngineRig] = []
    async with served(home, clock=lambda: EPOCH + rigs[0].engine.position / RATE) as (rig, server):
        rigs.append(rig)

        def between(thrown: int) -> None:
            if thrown % 256 == 0:
                rig.run(BLOCK)
                rig.sent.clear()
                rig.taken.clear()

        yield rig, server, between


async def _main(arguments: argparse.Namespace) -> None:
    marks: list[float] = []
    pid, began = arguments.pid or os.getpid(), time.monotonic()

    def mark(thrown: int) -> None:
        if thrown // (VOLLEY * 1000) > len(marks):
            marks.append(memory_mb(pid))
            print(f"{thrown} thrown, {time.monotonic() - began:.0f} s, {marks[-1]:.1f} MB", flush=True)  # noqa: T201

    if arguments.target:
        host, _, port = arguments.target.rpartition(":")
        tcp_port, pace = arguments.tcp_port, arguments.seconds / max(1, arguments.count)

        def paced(thrown: int) -> None:
            mark(thrown)
            time.sleep(max(0.0, began + thrown * pace - time.monotonic()))

        await assault(int(port), arguments.count, arguments.seed, host=host, tcp_port=tcp_port, between=paced)
        print("it still answers")  # noqa: T201
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "open"
        home.mkdir()
        async with target(home) as (_, server, between):

            def both(thrown: int) -> None:
                between(thrown)
                mark(thrown)

            await assault(
                server.port,
                arguments.count,
                arguments.seed,
                tcp_port=server.tcp_port,
                between=both,
                now=server.clock,
            )
            print(f"it still answers; {server.counters}")  # noqa: T201
        left = sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*"))
        print(f"files made: {', '.join(left)}")  # noqa: T201


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=10_000, help="datagrams to throw")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", metavar="HOST:PORT", help="a server that runs already")
    parser.add_argument("--tcp-port", type=int, metavar="PORT", help="of the target")
    parser.add_argument("--seconds", type=float, default=0.0, help="take at least so long for a target")
    parser.add_argument("--pid", type=int, help="of the process whose memory is told, instead of this one")
    sys.exit(asyncio.run(_main(parser.parse_args())))
