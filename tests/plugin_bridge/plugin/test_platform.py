"""The doorbell by sockets, which macOS and Windows use, carries a render as the futex of Linux does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from plugin_bridge.plugin.build import build, bundles
from plugin_bridge.plugin.installation import cache_folder
from plugin_bridge.plugin.table import CONF, slots
from tests.plugin_bridge.plugin.claphosting import ClapHost
from tests.plugin_bridge.plugin.hosting import bounced
from tests.plugin_bridge.plugin.test_clap import RATE, differing, voice
from tests.plugin_bridge.plugin.test_lifetime import PLAIN, plain


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is the only one")
def test_a_render_by_socket_bells_is_the_bounce(
    host: ClapHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXXFLAGS", "-O0 -DPLUGIN_BRIDGE_SOCKET_BELL")
    (one,) = (bundle for bundle in bundles() if bundle.format == "CLAP" and bundle.channels == 1)
    work = tmp_path / "work"
    work.mkdir()
    build(tmp_path, work, cache_folder(), slots(), [one])
    library = tmp_path / one.place
    library.with_name(CONF).write_text(host.place.conf())
    host.clap = library.parent
    audio = voice(1.0)
    heard = plain(host).play(audio, RATE)
    assert differing(heard.sung, bounced(tmp_path, audio, RATE, PLAIN)) == 0
    assert heard.number("late") == 0.0
