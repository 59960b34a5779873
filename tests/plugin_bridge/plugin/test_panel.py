"""The button opens a panel of this instance; its moves go by way of the host, which may refuse them."""

from __future__ import annotations

import math
import mmap
import shlex
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from plugin_bridge.plugin.bridge import REFUSED, WAITS, Library, Segment
from plugin_bridge.plugin.server import LOG
from plugin_bridge.plugin.table import PANEL, SEGMENT
from tests.plugin_bridge.plugin.claphosting import NUMBER, ClapHost, Heard
from tests.plugin_bridge.plugin.hosting import Float32
from tests.plugin_bridge.plugin.test_clap import RATE, voice
from tests.support.extras import needs
from tests.support.waiting import wait_until

needs("aiohttp")
needs("websockets")

from tests.plugin_bridge.plugin.panelclient import PanelClient, panels  # noqa: E402 - needs them

PRESSED = RATE // 2
"""Sample at which the button is."""


@pytest.fixture(autouse=True)
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Give hosts a desktop whose browser only notes what it opens; return that."""
    notes, browser = tmp_path / "opened", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {shlex.quote(str(notes))}\n')
    browser.chmod(0o700)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    monkeypatch.setenv("DISPLAY", ":99")
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    return lambda: notes.read_text().split() if notes.exists() else []


def live(host: ClapHost) -> ClapHost:
    """Ask for a host that plays at the clock's pace, and presses the button."""
    host.mode, host.block = "live", "256"
    host.value(0, "singer", 1).value(0, "transpose_auto", 0)
    return host.value(PRESSED, "panel", 1)


@contextmanager
def playing(host: ClapHost) -> Iterator[list[Heard]]:
    """Play a vowel for the length of a `with` block; what was heard is in the list then."""
    heard: list[Heard] = []
    running = host.start(voice(60.0), RATE, 0)
    try:
        yield heard
        (host.folder / "out.raw.end").touch()
        heard.append(running.heard())
    finally:
        running.process.kill()
        running.process.communicate()


def sounding(page: PanelClient) -> int:
    """Wait until the voice is heard, and return where the stream is then."""
    wait_until(lambda: float(str(page.ask("/meter/output")[0])) > -30.0)
    return position(page)


def is_served(page: PanelClient) -> bool:
    """Return whether its server is there."""
    try:
        page.read("/panel/about")
    except OSError:
        return False
    return True


def position(page: PanelClient) -> int:
    """Return where the stream is."""
    return int(str(page.ask("/status/position")[0]))


def level(audio: Float32, start: int) -> float:
    """Return the peak of a quarter of a second."""
    return float(np.abs(audio[0, start : start + RATE // 4]).max())


def test_the_page_moves_the_values_of_the_host_and_shows_its_moves(
    host: ClapHost, opened: Callable[[], list[str]]
) -> None:
    with playing(live(host).value(8 * RATE, "breath", 6.0)) as played:
        (port,) = panels(host.place)
        page = PanelClient(port)
        wait_until(opened)
        assert opened() == [f"http://127.0.0.1:{port}/panel/"]
        assert b"<title>plugin_bridge</title>" in page.read("/panel/")
        assert page.get("/panel/about")["plugin"]
        assert [row["id"] for row in page.get("/panel/singers")] == page.ask("/singer/list") == ["pjs", "nit"]
        assert page.value("singer") == "nit"
        assert page.value("transpose") == 0.0
        before = sounding(page)
        page.subscribe()
        assert page.ask("/param/gain", -20.0) == [-20.0]
        page.ask("/param/singer", "pjs")
        page.ask("/param/key", "D#")
        page.ask("/param/transpose", "auto")
        page.hear_that("/param/breath", 6.0)
        after = position(page) + RATE // 4
        (latency,) = page.ask("/status/latency")
        assert page.ask("/status/sample_rate") == [RATE]
        assert page.ask("/status/device") == ["CLAP: ready"]
        assert float(str(page.ask("/meter/voicing")[0])) > 0.9
        assert -60.0 < float(str(page.ask("/meter/input")[0])) < 0.0
        wait_until(lambda: position(page) > after + RATE // 2)
        page.close()
    (heard,) = played
    assert {name: heard.number(name) for name in ("gain", "singer", "key", "transpose_auto", "breath")} == {
        "gain": -20.0,
        "singer": 0.0,
        "key": 3.0,
        "transpose_auto": 1.0,
        "breath": 6.0,
    }
    assert heard.figures["latency"] == latency
    told = heard.figures["told"]
    assert told[str(NUMBER["gain"])] == [-20.0, 1, 1]  # a gesture that has begun and ended
    assert told[str(NUMBER["panel"])][0] == 0.0  # the button has come up
    assert level(heard.audio, after) < 0.2 * level(heard.audio, before - RATE // 4)
    wait_until(lambda: not list(host.place.run.glob(f"*{PANEL}")))
    wait_until(lambda: not is_served(page))
    assert "Traceback" not in (host.place.run / LOG).read_text()


def test_what_a_daw_does_is_refused_in_a_sentence(host: ClapHost) -> None:
    with playing(live(host)):
        page = PanelClient(panels(host.place)[0])
        assert page.refused("/record/start", "take") == (
            "session 'take' cannot begin in a plug-in; record in the DAW"
        )
        assert page.refused("/midi/learn", "gain") == "a DAW learns for its plug-ins; learn gain there"
        assert page.refused("/note/on", 60.0) == (
            "notes come from the DAW's MIDI; play them on a track that goes to the plug-in"
        )
        assert "nothing is being recorded" in page.refused("/record/stop")
        assert "folder" in page.refused("/bounce/start", "a.wav", "b.wav")
        assert "folder" in page.refused("/preset/save", "mine")
        assert page.refused("/param/gain", 99.0) == "gain 99.0 is out of range; give -60 to 24 dB"
        page.ask("/param/bypass", True)
        assert page.value("bypass") is True
        page.ask("/panic")
        wait_until(lambda: page.value("bypass") is False)
        page.close()


def test_another_press_opens_the_same_page_again(host: ClapHost, opened: Callable[[], list[str]]) -> None:
    live(host)
    for seconds in (6, 9):  # the first one may come while the panel starts
        host.value(seconds * RATE, "panel", 1)
    with playing(host):
        (port,) = panels(host.place)
        wait_until(lambda: len(opened()) >= 2)
        assert set(opened()) == {f"http://127.0.0.1:{port}/panel/"}
        assert panels(host.place) == [port]


def test_instances_have_panels_of_their_own(host: ClapHost, tmp_path: Path) -> None:
    other = ClapHost(host.program, host.place, tmp_path / "other")
    with playing(live(host).value(0, "gain", -3.0)) as first:
        with playing(live(other).value(0, "gain", -7.0)) as second:
            pages = [PanelClient(port) for port in panels(host.place, 2)]
            one, two = sorted(pages, key=lambda page: float(str(page.value("gain"))))
            assert (one.value("gain"), two.value("gain")) == (-7.0, -3.0)
            one.ask("/param/gain", -9.0)
            wait_until(lambda: one.value("gain") == -9.0)
            assert two.value("gain") == -3.0
            for page in pages:
                page.close()
        assert second[0].number("gain") == -9.0
        wait_until(lambda: panels(host.place) == [two.port])
    assert first[0].number("gain") == -3.0


def test_the_panel_of_a_host_that_is_killed_ends(host: ClapHost) -> None:
    running = live(host).start(voice(60.0), RATE, 0)
    try:
        page = PanelClient(panels(host.place)[0])
    finally:
        running.process.kill()
        running.process.communicate()
    wait_until(lambda: not is_served(page))


def test_a_project_that_was_saved_with_the_button_down_opens_nothing(
    host: ClapHost, opened: Callable[[], list[str]]
) -> None:
    host.mode, host.block = "live", "256"
    host.value(0, "panel", 1).play(voice(2.0), RATE, 0)
    assert opened() == []
    assert not list(host.place.run.glob(f"*{PANEL}"))


def test_a_panel_that_writes_nonsense_harms_no_host(host: ClapHost) -> None:
    """What it asks for is refused one by one, and what it writes elsewhere is not followed."""
    with playing(live(host)) as played:
        panels(host.place)
        library = Library(host.place.home / ".clap/plugin_bridge/plugin_bridge.clap")
        (path,) = host.place.run.glob(f"*{SEGMENT}")
        segment = library.look_at(path)
        assert segment is not None
        with segment:
            for number, value in (
                (NUMBER["gain"], math.nan),
                (NUMBER["gain"], 1e9),
                (NUMBER["late"], 1.0),
                (NUMBER["panel"], 1.0),
                (999, 0.0),
                (2**32 - 1, math.inf),
            ):
                ask = segment.ask(number, value)
                wait_until(lambda asked=ask: segment.answer(asked) != WAITS)
                assert segment.answer(ask) == REFUSED
            _write_nonsense(path, segment)
            page = PanelClient(panels(host.place)[0])
            page.ask("/param/gain", -11.0)
            wait_until(lambda: segment.values(len(NUMBER))[NUMBER["gain"]] == -11.0)
            page.close()
    assert played[0].number("gain") == -11.0


def _write_nonsense(path: Path, segment: Segment) -> None:
    """Move the count of what the panel has asked for, which lies before the asks, to anywhere."""
    ask = segment.ask(0x12345678, 1.0)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        place = memory.find(struct.pack("<fI", 1.0, 0x12345678)) - 8 * (ask - 1) - 8
        assert struct.unpack_from("<Q", memory, place) == (ask,)
        struct.pack_into("<Q", memory, place, 2**63 + 17)
    wait_until(lambda: segment.answer(2**63 + 17) != WAITS)
