"""The button opens a panel of this instance; its moves go by way of the host, which may refuse them."""

from __future__ import annotations

import itertools
import math
import mmap
import shlex
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from plugin_bridge.plugin.bridge import REFUSED, WAITS, Library, Segment
from plugin_bridge.plugin.installation import Installation
from plugin_bridge.plugin.server import LOG
from plugin_bridge.plugin.table import PANEL, PANEL_SERVER, SEGMENT
from tests.plugin_bridge.panel.conftest import browser, new_page
from tests.plugin_bridge.plugin.ardour import Ardour
from tests.plugin_bridge.plugin.claphosting import NUMBER, ClapHost, Heard
from tests.plugin_bridge.plugin.hosting import Float32, Move, vst3
from tests.plugin_bridge.plugin.lv2hosting import Lv2Host
from tests.plugin_bridge.plugin.test_clap import RATE, voice
from tests.support.extras import needs
from tests.support.waiting import wait_until

needs("aiohttp")
needs("websockets")

from tests.plugin_bridge.plugin.panelclient import PanelClient, panels  # noqa: E402 - needs them

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["browser", "new_page"]  # fixtures
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
    live(host).value(6 * RATE, "breath", 6.0)
    for seconds in range(6, 60, 3):  # the first ones may come before the panel is there
        host.value(seconds * RATE, "panel", 1)
    with playing(host) as played:
        (port,) = panels(host.place)
        page, ear = PanelClient(port), PanelClient(port)
        wait_until(opened)
        assert b"<title>plugin_bridge</title>" in page.read("/panel/")
        assert page.get("/panel/about")["plugin"]
        assert [row["id"] for row in page.get("/panel/singers")] == page.ask("/singer/list") == ["pjs", "nit"]
        assert page.value("singer") == "nit"
        assert page.value("transpose") == 0.0
        before = sounding(page)
        ear.subscribe()
        assert page.ask("/param/gain", -20.0) == [-20.0]
        page.ask("/param/singer", "pjs")
        page.ask("/param/key", "D#")
        page.ask("/param/transpose", "auto")
        ear.hear_that("/param/breath", 6.0)
        after = position(page) + RATE // 4
        (latency,) = page.ask("/status/latency")
        assert page.ask("/status/sample_rate") == [RATE]
        assert page.ask("/status/device")[0] in ("CLAP: ready", "CLAP: behind")
        assert host.place.status().instances[0].endswith(f"live, panel at http://127.0.0.1:{port}/panel/")
        assert float(str(page.ask("/meter/voicing")[0])) > 0.9
        assert -60.0 < float(str(page.ask("/meter/input")[0])) < 0.0
        ear.close()
        wait_until(lambda: position(page) > after + RATE // 2)
        wait_until(lambda: len(opened()) > 1)  # pressed again
        assert set(opened()) == {f"http://127.0.0.1:{port}/panel/"}
        assert panels(host.place) == [port]
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


def test_instances_have_panels_of_their_own_that_end_with_them(host: ClapHost, tmp_path: Path) -> None:
    """One of them is killed."""
    other = ClapHost(host.program, host.place, tmp_path / "other")
    killed = live(other).value(0, "gain", -7.0).start(voice(60.0), RATE, 0)
    try:
        with playing(live(host).value(0, "gain", -3.0)) as played:
            pages = [PanelClient(port) for port in panels(host.place, 2)]
            one, two = sorted(pages, key=lambda page: float(str(page.value("gain"))))
            assert (one.value("gain"), two.value("gain")) == (-7.0, -3.0)
            one.ask("/param/gain", -9.0)
            wait_until(lambda: one.value("gain") == -9.0)
            assert two.value("gain") == -3.0
            killed.process.kill()
            wait_until(lambda: not is_served(one))
            assert is_served(two)
            for page in pages:
                page.close()
    finally:
        killed.process.kill()
        killed.process.communicate()
    assert played[0].number("gain") == -3.0
    wait_until(lambda: not list(host.place.run.glob(f"*{PANEL}")))


def test_the_page_shows_no_more_than_a_plug_in_can_do(host: ClapHost, new_page: Callable[..., Page]) -> None:
    with playing(live(host)):
        (port,) = panels(host.place)
        page = new_page(losing=True)  # the page outlives the instance
        page.goto(f"http://127.0.0.1:{port}/panel/")
        page.locator("#state[data-state=playing]").wait_for()
        for shown in ("#singers", "#pad", "#parameters", "#meter-input", "#presets", "#bypass", "#panic"):
            page.locator(shown).wait_for()
        for hidden in ("#record", "#learn", "#tab-bounce", "#preset-form", "#head-xruns"):
            assert not page.locator(hidden).is_visible(), hidden
        assert page.locator("#head-driver").inner_text().startswith("plug-in · CLAP: ")
        page.keyboard.press("1")
        wait_until(lambda: held(host.place, "singer") == 0.0)
        page.locator("#field-gain").fill("-9")
        page.keyboard.press("Enter")
        wait_until(lambda: held(host.place, "gain") == -9.0)


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
                assert answer(segment, segment.ask(number, value)) == REFUSED
            _write_nonsense(path, segment)
            page = PanelClient(panels(host.place)[0])
            page.ask("/param/gain", -11.0)
            wait_until(lambda: segment.values(len(NUMBER))[NUMBER["gain"]] == -11.0)
            page.close()
    assert played[0].number("gain") == -11.0


def held(place: Installation, parameter: str) -> float:
    """Return a parameter of the one instance that there is, as the plug-in has it."""
    (path,) = place.run.glob(f"*{SEGMENT}")
    segment = Library(place.home / ".clap/plugin_bridge/plugin_bridge.clap").look_at(path)
    assert segment is not None
    with segment:
        return segment.values(len(NUMBER))[NUMBER[parameter]]


@contextmanager
def running(place: Installation, *, takes_moves: bool) -> Iterator[Lv2Host]:
    """Run an LV2 host for the length of a `with` block, in a thread, and press the button."""
    block, audio, ended = 480, voice(1.0), threading.Event()
    host = Lv2Host(place.home / ".lv2/plugin_bridge_mono.lv2", RATE, block, takes_moves=takes_moves)
    host.activate()

    def play() -> None:
        for number in itertools.count():
            if ended.is_set():
                return
            start = number * block % RATE
            host.run(audio[:, start : start + block])
            if number == 50:
                host.controls["panel"].value = 1.0
            time.sleep(block / RATE)

    thread = threading.Thread(target=play)
    thread.start()
    try:
        yield host
    finally:
        ended.set()
        thread.join()
        host.close()


def test_an_lv2_host_may_take_moves_or_refuse_them(place: Installation) -> None:
    with running(place, takes_moves=True) as host:
        (port,) = panels(place)
        page, ear = PanelClient(port), PanelClient(port)
        ear.subscribe()
        page.ask("/param/gain", -12.5)
        page.ask("/param/bypass", True)  # a port that is turned round: lv2:enabled
        page.ask("/param/key", "A")
        wait_until(lambda: host.controls["gain"].value == -12.5 and host.controls["key"].value == 9.0)
        wait_until(lambda: host.controls["lv2_enabled"].value == 0.0)
        wait_until(lambda: page.value("gain") == -12.5)
        page.ask("/param/mix", 0.25)
        ear.hear_that("/report", "the DAW does not let its plug-in move mix now; move it in the DAW")
        assert page.value("mix") == 1.0
        assert page.ask("/status/device")[0] in (
            "LV2: ready",
            "LV2: behind",
        )  # of a host that waits for nobody
        page.close()
        ear.close()


def test_an_lv2_host_that_takes_no_moves_is_told(place: Installation) -> None:
    with running(place, takes_moves=False) as host:
        (port,) = panels(place)
        page, ear = PanelClient(port), PanelClient(port)
        ear.subscribe()
        assert page.refused("/param/gain", -12.5) == (
            "this LV2 host takes no moves from a plug-in; move gain in the DAW"
        )
        assert page.value("gain") == 0.0
        host.controls["gain"].value = -3.0
        ear.hear_that("/param/gain", -3.0)
        page.ask("/note/alloff")
        page.close()
        ear.close()


def test_a_vst3_host_takes_moves(place: Installation) -> None:
    audio, ended = voice(0.1, 2), threading.Event()
    plugin = vst3(place, 2)
    plugin.wait = "never"
    plugin.process(audio, RATE, buffer_size=480, reset=False)
    plugin.panel = True

    def play() -> None:
        while not ended.is_set():
            plugin.process(audio, RATE, buffer_size=480, reset=False)
            time.sleep(0.05)

    thread = threading.Thread(target=play)
    thread.start()
    try:
        page = PanelClient(panels(place)[0])
        page.ask("/param/gain", -12.5)
        page.ask("/param/singer", "nit")
        wait_until(lambda: round(float(plugin.gain_db), 3) == -12.5 and plugin.singer == "nit")
        assert not plugin.panel  # the button has come up
        wait_until(lambda: round(held(place, "gain"), 3) == -12.5 and held(place, "singer") == 1.0)
        assert str(page.ask("/status/device")[0]).startswith("VST3: ")
        page.close()
    finally:
        ended.set()
        thread.join()


def test_a_daw_records_and_saves_what_the_page_moves(
    place: Installation, stem: tuple[Float32, int], tmp_path: Path
) -> None:
    """Ardour takes it for a move of its own: in its automation, and in a project that is opened again."""
    ardour, (audio, rate) = Ardour(place), stem
    long = np.tile(audio, 20)
    session = ardour.make(tmp_path / "vox", "VST3", long, rate, [Move(0, "gain", -3.0)])
    with ardour.panel(session, recorded="gain"):
        page = PanelClient(panels(place)[0])
        assert page.value("gain") == -3.0
        page.ask("/param/gain", -12.5)
        page.ask("/param/key", "A")
        wait_until(lambda: held(place, "key") == 9.0)
        time.sleep(1.0)  # the gesture ends
        page.close()
    assert -12.5 in {round(value, 3) for value in session.recorded("gain")}
    saved = session.values()
    ardour.save(session)
    for found in (saved, session.values()):
        assert (found["Key"], found["Panel"]) == (9.0, 0.0)


def test_a_panel_of_another_version_is_refused_in_a_sentence(host: ClapHost) -> None:
    library = host.place.home / ".clap/plugin_bridge/plugin_bridge.clap"
    host.mode, host.block = "live", "256"
    with playing(host):
        wait_until(lambda: list(host.place.run.glob(f"*{SEGMENT}")))
        (path,) = host.place.run.glob(f"*{SEGMENT}")
        with path.open("r+b") as file:
            file.seek(4)  # behind the magic number
            (version,) = struct.unpack("<I", file.read(4))
            file.seek(4)
            file.write(struct.pack("<I", version - 1))
        words = [sys.executable, "-m", PANEL_SERVER, str(path), str(library)]
        subprocess.run(words, check=True, timeout=30.0)
        log = host.place.run / LOG
        wait_until(
            lambda: f"{path.name} is of another version of the plug-in; install it again" in log.read_text()
        )
    wait_until(lambda: not list(host.place.run.glob(f"*{PANEL}")))


def answer(segment: Segment, ask: int) -> int:
    """Wait for what becomes of a move."""
    wait_until(lambda: segment.answer(ask) != WAITS)
    return segment.answer(ask)


def _write_nonsense(path: Path, segment: Segment) -> None:
    """Move the count of what the panel has asked for, which lies before the asks, to anywhere."""
    ask = segment.ask(0x12345678, 1.0)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        place = memory.find(struct.pack("<fI", 1.0, 0x12345678)) - 8 * (ask - 1) - 8
        assert struct.unpack_from("<Q", memory, place) == (ask,)
        struct.pack_into("<Q", memory, place, 2**63 + 17)
    answer(segment, 2**63 + 17)
