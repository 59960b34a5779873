"""Some thousands of hostile packets; `python -m tests.plugin_bridge.osc.hostile` throws a million."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from plugin_bridge.osc.settings import OscSettings
from tests.plugin_bridge.osc.clients import Client, in_loop, served
from tests.plugin_bridge.osc.hostile import Foe, assault, target


@in_loop
async def test_the_server_answers_after_thousands_of_hostile_packets(tmp_path: Path) -> None:
    home = tmp_path / "open"
    home.mkdir()
    (tmp_path / "secret.wav").touch()
    async with target(home) as (rig, server, between):
        before = rig.engine.position
        tcp_port = server.tcp_port
        await assault(server.port, 6000, 3, tcp_port=tcp_port, between=between, now=server.clock)
        assert rig.engine.position > before
        assert server.counters.malformed > 1000
        assert server.counters.requests > 1000
        assert server.counters.late > 100
        assert server.counters.overrun == server.counters.limited == 0
        async with Client(server.port) as client:
            assert await client.done("/param/gain", -6.0) == (-6.0,)
            await client.done("/panic")
        assert np.all(np.isfinite(rig.run(1600)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["open", "secret.wav"]
    assert all(path.is_dir() or path.suffix == ".toml" for path in home.rglob("*"))  # sessions and presets


def test_the_packets_are_named_by_their_seed() -> None:
    def packets(seed: int) -> list[bytes]:
        foe = Foe(seed, now=lambda: 1.7e9)
        return [foe.packet() for _ in range(500)]

    assert packets(1) == packets(1) != packets(2)


@in_loop
async def test_one_sender_alone_is_held_to_its_share(tmp_path: Path) -> None:
    foe, limits = Foe(5), OscSettings(rate=1.0, burst=100.0)
    async with served(tmp_path, rate=limits.rate, burst=limits.burst) as (_, server):
        async with Client(server.port) as loud:
            for _ in range(400):
                loud.throw(foe.packet()[:1000])
        async with Client(server.port) as calm:
            await calm.done("/version")
        assert server.counters.packets <= 102 + 1
        assert server.counters.limited > 0
