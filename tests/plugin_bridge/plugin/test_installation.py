"""What is installed, and what runs, is told."""

from __future__ import annotations

import sys

import pytest

from plugin_bridge.plugin.installation import Installation
from tests.plugin_bridge.commands.commandline import call
from tests.plugin_bridge.plugin.claphosting import ClapHost
from tests.plugin_bridge.plugin.test_clap import RATE, voice
from tests.plugin_bridge.plugin.test_lifetime import plain, served
from tests.support.waiting import wait_until


def test_all_bundles_are_there_and_know_this_python(
    place: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    status = place.status()
    assert len(status.bundles) == 5
    assert status.python == sys.executable
    assert [ms for _, ms in status.latencies] == [50.0, 60.0, 70.0]
    out = call(capsys, "plugin", "status", "--into", place.home).out
    assert f"installed {place.home / '.vst3/plugin_bridge.vst3'}" in out
    assert "50 ms at blocks of 128, 60 ms at blocks of 512" in out


def test_instances_that_run_are_told(host: ClapHost) -> None:
    host.mode, host.block = "live", "256"
    running = plain(host).start(voice(1.5), RATE, 0)
    served(host.place, 0)
    told = host.place.status()
    running.heard()
    assert told.running
    (line,) = told.instances
    assert line.endswith(": ready, 48000 Hz, 1 channels, live")
    wait_until(lambda: not host.place.status().instances)
