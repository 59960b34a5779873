"""Traffic for an OSC server: so many messages a second, a singer switch now and then, and two subscribers.

    python -m tests.trials.osctraffic PORT SECONDS NIT PJS

A process of its own, as a controller would be. Prints a JSON object of what was sent and came back.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any

from pythonosc.osc_message_builder import OscMessageBuilder

MESSAGES_PER_SECOND = 200
SWITCH_SECONDS = 2.0
METERS_PER_SECOND = 30
MOVED = (("breath", -6.0, 6.0), ("brightness", -2.0, 2.0), ("formant", -1.0, 1.0), ("gain", -6.0, 0.0))


class Client(asyncio.DatagramProtocol):
    """Counts what it gets, by address."""

    def __init__(self) -> None:
        self.got: Counter[str] = Counter()
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        del addr
        self.got[data.partition(b"\0")[0].decode(errors="replace")] += 1

    def send(self, address: str, *arguments: float | str) -> None:
        builder = OscMessageBuilder(address)
        for argument in arguments:
            builder.add_arg(argument)
        self.transport.sendto(builder.build().dgram)


async def traffic(port: int, seconds: float, singers: list[str]) -> dict[str, Any]:
    """Send for so long; return the counts."""
    loop = asyncio.get_running_loop()
    place = ("127.0.0.1", port)
    clients = []
    for _ in range(3):
        _, client = await loop.create_datagram_endpoint(Client, remote_addr=place)
        clients.append(client)
    mover, *subscribers = clients
    start = time.monotonic()
    sent = switches = 0
    while (now := time.monotonic() - start) < seconds:
        if now >= sent / MESSAGES_PER_SECOND:
            if sent % (30 * MESSAGES_PER_SECOND) == 0:
                for subscriber in subscribers:
                    subscriber.send("/subscribe", METERS_PER_SECOND, 60, "/meter/*", "/param/*")
            if now >= switches * SWITCH_SECONDS:
                switches += 1
                mover.send("/singer", singers[switches % len(singers)])
            else:
                name, low, high = MOVED[sent % len(MOVED)]
                mover.send(f"/param/{name}", low + (high - low) * (sent % 997) / 996)
            sent += 1
        else:
            await asyncio.sleep(max(0.0, sent / MESSAGES_PER_SECOND - now))
    await asyncio.sleep(0.5)
    return {
        "sent": sent,
        "singer_switches": switches,
        "done": mover.got["/done"],
        "failed": mover.got["/fail"],
        "to_subscribers": [sum(subscriber.got.values()) for subscriber in subscribers],
    }


if __name__ == "__main__":
    counts = asyncio.run(traffic(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
    sys.stdout.write(json.dumps(counts))
