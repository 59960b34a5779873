"""The engine comes and goes by itself; hosts that die leave nothing; no host is held up."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from plugin_bridge.plugin.bridge import Library
from plugin_bridge.plugin.installation import Installation
from plugin_bridge.plugin.server import LOG
from plugin_bridge.plugin.table import CONF, LOCK, SEGMENT
from tests.plugin_bridge.plugin.claphosting import ClapHost, Running
from tests.plugin_bridge.plugin.hosting import Float32, Move, bounced
from tests.plugin_bridge.plugin.test_clap import RATE, differing, voice
from tests.support.waiting import wait_until

PLAIN = [Move(0, "singer", "nit"), Move(0, "transpose", 3.0)]
LONGEST_STEP = 1.2
"""How much larger than in the voice a step from sample to sample may be where the engine comes and goes."""


def plain(host: ClapHost) -> ClapHost:
    """Ask for the same as `PLAIN`."""
    return host.value(0, "singer", 1).value(0, "transpose_auto", 0).value(0, "transpose", 3)


def served(place: Installation, least: int, before: int = 0) -> int:
    """Return the process that serves an instance, once so many samples are made; not the one before."""
    library = Library(place.home / ".clap/plugin_bridge/plugin_bridge.clap")
    found: list[int] = []

    def look() -> bool:
        for path in place.run.glob(f"*{SEGMENT}"):
            if (segment := library.look_at(path)) is None:
                continue
            with segment:
                stream = segment.stream()
                made = stream.made - stream.base if stream and stream.ack == stream.epoch else 0
                if stream and made > least and stream.process not in {0, before}:
                    found.append(stream.process)
        return bool(found)

    wait_until(look)
    return found[0]


def steps(audio: Float32) -> float:
    """Return the largest step from a sample to the next."""
    return float(np.abs(np.diff(audio)).max())


def silence(audio: Float32) -> int:
    """Return the most samples of digital silence in a row, the beginning left out."""
    sounding = np.flatnonzero(audio[0])
    return int(np.diff(sounding).max())


def test_a_render_in_which_the_engine_is_killed_is_the_bounce(host: ClapHost, tmp_path: Path) -> None:
    audio = voice(6.0)
    running = plain(host).start(audio, RATE)
    os.kill(served(host.place, RATE), signal.SIGKILL)
    heard = running.heard()
    assert differing(heard.sung, bounced(tmp_path, audio, RATE, PLAIN)) == 0
    assert heard.number("late") == 0.0


@pytest.mark.parametrize("fallback", ["silence", "source"])
def test_live_the_voice_fades_and_comes_back(host: ClapHost, fallback: str) -> None:
    audio = voice(4.0)
    host.mode, host.block = "live", "256"
    running = plain(host).value(0, "fallback", fallback == "source").start(audio, RATE, 0)
    process = served(host.place, RATE // 2)
    os.kill(process, signal.SIGSTOP)  # killed at once it may be back before anything is late
    time.sleep(0.3)
    os.kill(process, signal.SIGKILL)
    served(host.place, RATE // 2, process)
    heard = running.heard()
    assert heard.text("status") in {"ready", "behind"}
    assert heard.number("late") > 0.0
    assert steps(heard.audio) < LONGEST_STEP * max(steps(audio), 0.1)
    if fallback == "source":
        assert silence(heard.audio[:, RATE // 4 :]) < 50
    assert np.abs(heard.audio[:, -RATE // 4 :]).max() > 0.01
    assert heard.figures["median_us"] < 5000.0


def test_without_an_engine_a_host_is_not_held_up_and_told(host: ClapHost, tmp_path: Path) -> None:
    for python, status in (("/no/such/python", "no engine"), ("/bin/false", "no engine")):
        broken = tmp_path / python.replace("/", "_")
        shutil.copytree(host.place.home / ".clap/plugin_bridge", broken)
        conf = (broken / CONF).read_text()
        folder = tmp_path / "empty"
        (broken / CONF).write_text(
            "".join(
                f"python={python}\n" if line.startswith("python=") else f"run={folder}\n"
                for line in conf.splitlines()
                if line.startswith(("python=", "run="))
            )
        )
        host.clap, host.events, host.mode, host.block = broken, [], "live", "512"
        audio = voice(1.5)
        heard = host.value(0, "fallback", 1).play(audio, RATE, 0)
        assert heard.text("status") == status
        lag = heard.figures["latency"]
        assert np.array_equal(heard.audio[:, lag:], audio[:, :-lag])  # the source, as late as the voice
        host.mode, began = "offline", time.monotonic()
        assert not host.value(0, "fallback", 0).play(voice(0.5), RATE).audio.any()
        assert time.monotonic() - began < 3.0
        assert not list(folder.glob(f"*{SEGMENT}"))


def test_two_hosts_at_once_are_both_the_bounce(host: ClapHost, tmp_path: Path) -> None:
    audio = voice(1.5)
    other = ClapHost(host.program, host.place, tmp_path / "other", block="512")
    first, second = plain(host).start(audio, RATE), plain(other).start(audio, RATE)
    wanted = bounced(tmp_path, audio, RATE, PLAIN)
    assert differing(first.heard().sung, wanted) == 0
    assert differing(second.heard().sung, wanted) == 0


def test_a_host_that_is_killed_leaves_nothing(host: ClapHost) -> None:
    host.mode, host.block = "live", "256"
    running: Running = plain(host).start(voice(10.0), RATE, 0)
    process = served(host.place, 0)
    running.process.kill()
    running.process.communicate()
    wait_until(
        lambda: not list(host.place.run.glob("*.host")) and not list(host.place.run.glob(f"*{SEGMENT}"))
    )
    wait_until(lambda: not Path(f"/proc/{process}").exists())


def test_the_engine_ends_after_the_last_instance(host: ClapHost) -> None:
    plain(host).play(voice(0.2), RATE)
    library = Library(host.place.home / ".clap/plugin_bridge/plugin_bridge.clap")
    wait_until(lambda: library.is_free(host.place.run / LOCK))
    assert "Traceback" not in (host.place.run / LOG).read_text()
