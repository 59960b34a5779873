"""The engine's side in this process: it serves a host that this test has started, and can be made late."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from plugin_bridge.plugin import server
from plugin_bridge.plugin.bridge import Stream
from plugin_bridge.plugin.stream import StreamEngine
from plugin_bridge.plugin.table import CONF, LOCK
from tests.plugin_bridge.plugin.claphosting import ClapHost
from tests.plugin_bridge.plugin.hosting import bounced
from tests.plugin_bridge.plugin.serving import copied, serving
from tests.plugin_bridge.plugin.test_clap import RATE, differing, voice
from tests.plugin_bridge.plugin.test_lifetime import LONGEST_STEP, PLAIN, plain, steps
from tests.support.waiting import wait_until


def test_what_is_served_here_is_the_bounce(host: ClapHost, tmp_path: Path) -> None:
    """From a reset on it is the bounce of what comes then; a program that nobody has is told."""
    audio, cut = voice(1.5), 24000
    wanted = [bounced(tmp_path, part, RATE, PLAIN) for part in (audio, audio[:, cut:])]
    with serving(host.place, tmp_path) as served:
        host.clap = served.clap
        plain(host).events += [f"{cut} reset", "30000 midi 192 99 0"]
        host.block = "400"
        heard = host.play(audio, RATE)
    latency = heard.figures["latency"]
    assert differing(heard.audio[:, latency:], wanted[0][:, : cut - latency]) == 0
    assert differing(heard.audio[:, cut + latency :], wanted[1]) == 0
    assert heard.text("status") == "ready"
    assert any("program 99" in sentence for sentence in served.said)


def test_an_engine_that_falls_behind_leaves_out_what_is_too_late(
    host: ClapHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio = voice(3.0)
    advance, turns = StreamEngine.advance, iter(range(10**9))

    def slow(served: StreamEngine, stream: Stream) -> bool:
        if next(turns) == 60:
            time.sleep(0.3)
        return advance(served, stream)

    monkeypatch.setattr(StreamEngine, "advance", slow)
    host.mode, host.block = "live", "256"
    with serving(host.place, tmp_path) as here:
        host.clap = here.clap
        heard = plain(host).play(audio, RATE, 0)
    assert 0.2 * RATE < heard.number("late") < 2.0 * RATE
    assert heard.figures["worst_us"] < 200_000  # the host was not held up
    assert steps(heard.audio) < LONGEST_STEP * max(steps(audio), 0.1)
    assert np.abs(heard.audio[:, -RATE // 2 :]).max() > 0.01


def test_a_map_that_is_gone_is_told(host: ClapHost, tmp_path: Path) -> None:
    with serving(host.place, tmp_path) as served:
        host.clap = served.clap
        conf = served.clap / CONF
        conf.write_text(conf.read_text().replace("map=", f"map={tmp_path / 'gone.toml'}"))
        heard = host.value(0, "singer", 1).play(voice(0.3), RATE)
    assert heard.text("status") == "failed"
    assert any("gone.toml" in sentence for sentence in served.said)


def test_workers_begin_without_a_fork_where_there_is_none(
    host: ClapHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS and Windows; and what a dead host has left is removed, and the server ends."""
    monkeypatch.setattr(server, "_FORKS", False)
    monkeypatch.setattr(server, "_GRACE_SECONDS", 1.0)
    audio = voice(0.5)
    here = copied(host.place, tmp_path)
    host.clap = here.clap
    here.run.mkdir(0o700)
    held = here.library().hold(here.run / LOCK)
    assert held is not None
    assert here.library().hold(here.run / LOCK) is None  # one server for a folder
    thread = threading.Thread(target=server.Server(here.run, here.clap / "plugin_bridge.clap", held).run)
    thread.start()
    heard = plain(host).play(audio, RATE)
    host.mode, host.block = "live", "256"
    dead = plain(host).start(audio, RATE, 10 * RATE)
    wait_until(lambda: list(here.run.glob("*.segment")))
    dead.process.kill()
    dead.process.communicate()
    thread.join()
    assert [path.name for path in here.run.iterdir()] == [LOCK]
    here.library().release(held)
    assert differing(heard.sung, bounced(tmp_path, audio, RATE, PLAIN)) == 0
