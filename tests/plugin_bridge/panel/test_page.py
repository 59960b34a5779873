"""The panel as people use it: a real browser, a rig that plays, and another program that hears it by OSC."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile

from models.refiner.facts import Refiner
from plugin_bridge.panel.opening import address
from tests.plugin_bridge.commands.commandline import spawn
from tests.plugin_bridge.panel.conftest import DESK
from tests.plugin_bridge.panel.liveserver import LivePanel, OscClient, live_panel
from tests.support.doubles import sung
from tests.support.extras import needs
from tests.support.singerfiles import write_singer
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    NewPage = Callable[..., Page]
    Place = tuple[float, float]

RATE = 16000
_NETWORK = urlsplit(address("0.0.0.0", 1)).hostname or ""  # noqa: S104 - only its name
OWN_ADDRESS = _NETWORK if re.fullmatch(r"[\d.]+", _NETWORK) else ""
BOUNCED_MS = 120_000
"""Milliseconds until a bounce counts as missing; a busy machine is not a failing test."""
START: dict[str, float | str] = {"singer": "dark", "morph": 0.0, "gain": 0.0, "breath": 0.0, "bypass": False}
REFINER = Refiner(bands=4, steps=(1, 8), milliseconds=0.25)
FACTS: dict[str, Any] = {"licence": "CC BY 4.0", "attribution": "A voice of the tests"}


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivePanel]:
    """Two singers, `dark` and `bright`, and a vowel that is sung over and over."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("open")
    singers = (
        write_singer(home / "dark.onnx", -2.0, 130.0, REFINER, **FACTS),
        write_singer(home / "bright.onnx", 2.0, 260.0),
    )
    soundfile.write(home / "stem.wav", sung(RATE, 2.0).T, RATE, "PCM_16")
    with live_panel(folder, home / "stem.wav", tuple(str(path) for path in singers)) as live:
        yield live


@pytest.fixture
def osc(panel: LivePanel) -> Iterator[OscClient]:
    """A program beside the panel; the sound is as at the start."""
    client = OscClient(panel.osc_port)
    for name, value in START.items():
        client.ask(f"/param/{name}", value)
    yield client
    client.close()


def opened(page: Page, panel: LivePanel, view: str = "live") -> Page:
    """Open the panel and wait until it shows what the server holds."""
    page.goto(f"{panel.url}#{view}")
    page.locator("#state[data-state=playing]").wait_for()
    page.locator(".singer").first.wait_for(state="attached")
    shows(page, "#head-rate", "16 kHz")
    return page


def shows(page: Page, selector: str, pattern: str) -> None:
    """Wait until the text of an element fits a pattern as a whole."""
    place = page.locator(selector)
    wait_until(lambda: re.fullmatch(pattern, place.inner_text(), re.DOTALL))


def holds(page: Page, name: str, value: str) -> None:
    """Wait until the field of a parameter has a value."""
    field = page.get_by_role("textbox", name=name)
    wait_until(lambda: field.input_value() == value)


def shows_colours(page: Page, canvas: str, count: int) -> None:
    """Wait until a canvas has more colours than that, whatever is drawn on it meanwhile."""
    counting = """async (id) => {
      const picture = await createImageBitmap(document.getElementById(id));
      const canvas = new OffscreenCanvas(picture.width, picture.height);
      const copy = canvas.getContext("2d", { willReadFrequently: true });
      copy.drawImage(picture, 0, 0);
      const { data } = copy.getImageData(0, 0, picture.width, picture.height);
      return new Set(new Uint32Array(data.buffer)).size;
    }"""
    wait_until(lambda: page.evaluate(counting, canvas) > count)


@pytest.mark.skipif(not OWN_ADDRESS, reason="this machine has no network")
def test_on_a_network_the_address_with_its_token_opens_all_of_it(
    new_page: NewPage, tmp_path: Path, short_stem: Path
) -> None:
    singer = str(write_singer(tmp_path / "dark.onnx", -2.0, 130.0))
    folder = tmp_path / "open"
    folder.mkdir()
    with live_panel(folder, short_stem, (singer,), host="0.0.0.0") as panel:  # noqa: S104 - to try that
        page = new_page()
        assert f"http://{OWN_ADDRESS}:" in panel.url
        assert "/panel/?token=" in panel.url
        page.goto(panel.url)
        holds(page, "Gain", "0")
        page.get_by_role("tab", name="Bounce").click()
        page.locator("#stem-file").set_input_files(short_stem)
        page.locator("#bounce-source").get_by_text("short_stem.wav").wait_for()
        page.close()


def test_a_singer_is_switched_by_button_and_key_and_heard_of_by_osc(
    new_page: NewPage, panel: LivePanel, osc: OscClient
) -> None:
    page = opened(new_page(), panel)
    osc.send("/subscribe", 50.0, 60.0, "/param/singer")
    osc.hear_that("/param/singer", "dark")
    page.get_by_role("button", name="bright").first.click()
    osc.hear_that("/param/singer", "bright")
    page.keyboard.press("1")
    osc.hear_that("/param/singer", "dark")
    pressed = page.locator("[data-singer=dark][aria-pressed=true]")
    pressed.wait_for()
    osc.ask("/param/morph_singer", "bright")
    osc.ask("/param/morph", 1.0)
    shows(page, "#pad-words", "bright")
    page.keyboard.press("1")  # it is heard alone, not morphed away
    shows(page, "#pad-words", "dark")
    assert osc.value("morph") == 0.0
    page.locator("#open-help").click()
    page.get_by_label("Letters and digits are keys").uncheck()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("2")
    page.locator("body").press("3")
    assert osc.value("singer") == "dark"
    assert pressed.count() == 1


def test_licence_and_credits_are_one_touch_away(new_page: NewPage, panel: LivePanel) -> None:
    page = opened(new_page(phone=True), panel)
    page.get_by_role("button", name="Licence and credits of dark").tap()
    for told in (*FACTS.values(), "draft (none), live (1 step, 0.25 ms), render (8 steps, 2 ms)"):
        page.locator("#credits").get_by_text(told).wait_for()


def test_a_parameter_is_moved_in_every_way_and_read_back(
    new_page: NewPage, panel: LivePanel, osc: OscClient
) -> None:
    page = opened(new_page(), panel)
    fader, field = page.get_by_role("slider", name="Breath"), page.get_by_role("textbox", name="Breath")
    fader.hover()  # waits until nothing moves it any longer
    box = fader.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)  # beside the thumb: a touch alone moves nothing
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, middle, steps=5)
    page.mouse.up()
    a_quarter_down = pytest.approx(-15.0, abs=0.1)  # of 60 dB, from 0
    wait_until(lambda: osc.value("breath") == a_quarter_down)
    wait_until(lambda: re.fullmatch(r"−1[45](\.\d)?", field.input_value()))
    field.fill("3,5")
    field.press("Enter")
    wait_until(lambda: osc.value("breath") == 3.5)
    fader.press("ArrowRight")
    wait_until(lambda: osc.value("breath") == pytest.approx(3.6))
    fader.hover()
    page.mouse.wheel(0, 100)
    wait_until(lambda: osc.value("breath") == pytest.approx(3.5))
    fader.dblclick()
    wait_until(lambda: osc.value("breath") == 0.0)
    field.fill("99")
    field.press("Enter")
    page.get_by_text("breath 99.0 is out of range; give -40 to 20 dB").wait_for()
    field.press("Escape")
    assert field.input_value() == "0"
    page.get_by_role("textbox", name="Transpose").fill("auto")
    page.keyboard.press("Enter")
    wait_until(lambda: osc.value("transpose") == "auto")
    page.get_by_role("button", name="auto", pressed=True).click()
    wait_until(lambda: osc.value("transpose") == 0.0)
    page.get_by_label("Scale").select_option("major")
    wait_until(lambda: osc.value("scale") == "major")
    page.get_by_role("switch", name="Melody").click()
    wait_until(lambda: osc.value("melody") is True)
    page.get_by_role("switch", name="Melody").click()
    wait_until(lambda: osc.value("melody") is False)


def test_what_other_surfaces_move_is_shown_and_two_panels_stay_in_step(
    new_page: NewPage, panel: LivePanel, osc: OscClient
) -> None:
    first, second = opened(new_page(), panel), opened(new_page(phone=True), panel)
    osc.ask("/param/gain", -7.5)
    for page in (first, second):
        holds(page, "Gain", "−7.5")
    second.get_by_role("button", name="Bypass").tap()
    first.locator("#bypass[aria-pressed=true]").wait_for()
    first.keyboard.press("b")
    second.locator("#bypass[aria-pressed=false]").wait_for()
    assert osc.value("bypass") is False


def test_the_pad_morphs_and_its_puck_stays_where_the_hand_leaves_it(
    new_page: NewPage, panel: LivePanel, osc: OscClient
) -> None:
    page, other = opened(new_page(), panel), opened(new_page(phone=True), panel)
    osc.ask("/param/morph_singer", "")
    pad = page.locator("#pad")
    box = pad.bounding_box()
    assert box is not None

    def at(x: float, y: float) -> tuple[float, float]:
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    page.mouse.click(*at(0.5, 0.3))
    wait_until(lambda: osc.value("morph") == pytest.approx(0.5, abs=0.01))
    assert osc.value("morph_singer") == "bright"
    for one in (page, other):
        shows(one, "#pad-words", "(49|50|51) % dark, (49|50|51) % bright")
    assert page.locator("#pad .puck").evaluate("(puck) => Math.round(parseFloat(puck.style.top))") == 30
    page.mouse.move(*at(0.5, 0.3))
    page.mouse.down()
    page.mouse.move(*at(0.86, 0.5), steps=8)  # the marker of `bright`
    page.mouse.up()
    wait_until(lambda: osc.value("morph") == pytest.approx(1.0, abs=0.02))
    pad.press("ArrowLeft")
    wait_until(
        lambda: 0.9 < float(str(osc.value("morph"))) < 0.98
    )  # a step of 2 % of the pad, of 72 % between
    page.get_by_role("button", name="Panic").click()
    shows(other, "#pad-words", "dark")


def test_the_pad_lays_singers_out_by_their_voices(
    new_page: NewPage, panel: LivePanel, osc: OscClient
) -> None:
    page = opened(new_page(losing=True), panel)
    heard = page.evaluate("async () => (await fetch('/panel/places')).json()")
    assert [row["id"] for row in heard] == ["dark", "bright"]
    assert [(row["x"], row["y"]) for row in heard] == [
        pytest.approx((x, 0.5), abs=0.01) for x in (0.14, 0.86)
    ]
    rows = [{"id": "dark", "x": 0.3, "y": 0.2}, {"id": "bright", "x": 0.6, "y": 0.9}]
    page.route("**/panel/places", lambda route: route.fulfill(json=rows))
    osc.ask("/param/morph_singer", "bright")
    osc.ask("/param/morph", 0.5)
    layout = page.get_by_role("combobox", name="Where singers lie on the pad")
    layout.select_option("By voice")
    placed = (
        "() => [...document.querySelectorAll('#pad .marker, #pad .puck')].map(({style}) => style.cssText)"
    )
    wait_until(lambda: "left: 45%; top: 55%" in page.evaluate(placed)[2])
    assert "left: 30%; top: 20%" in page.evaluate(placed)[0]
    page.route("**/panel/places", lambda route: route.abort())
    page.reload()
    shows(page, "#toast", "Failed to fetch")
    assert layout.input_value() == "ring"


class Finger:
    """One that is put on a page, moved and lifted, as a touch screen tells of it."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)

    def drag(self, start: Place, end: Place, steps: int = 8) -> None:
        """Put it down, move it there and lift it."""
        self._tell("touchStart", start)
        for step in range(1, steps + 1):
            there = [a + (b - a) * step / steps for a, b in zip(start, end, strict=True)]
            self._tell("touchMove", (there[0], there[1]))
        self._tell("touchEnd")

    def _tell(self, kind: str, *places: Place) -> None:
        points = [{"x": x, "y": y} for x, y in places]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_a_finger_drags_a_parameter_and_scrolls_across_it(
    new_page: NewPage, panel: LivePanel, osc: OscClient
) -> None:
    page = opened(new_page(phone=True), panel)
    fader = page.get_by_role("slider", name="Breath")
    fader.evaluate("(fader) => fader.scrollIntoView({ block: 'center' })")  # clear of the bar at the bottom
    fader.hover()  # waits until nothing moves it any longer
    finger, scrolled = Finger(page), page.evaluate("scrollY")
    box = fader.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    finger.drag((x, y), (x, y))  # a tap alone moves nothing
    finger.drag((x, y), (x - box["width"] / 4, y + 3))
    a_quarter_down = pytest.approx(-15.0, abs=0.5)  # of 60 dB, from 0
    wait_until(lambda: osc.value("breath") == a_quarter_down)
    assert page.evaluate("scrollY") == scrolled
    left = osc.value("breath")
    finger.drag((x, y), (x + 60, y - 200))  # aslant, as a thumb does
    wait_until(lambda: page.evaluate("scrollY") > scrolled + 100)
    assert osc.value("breath") == left
    fader.hover()
    box = fader.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def is_reset() -> bool:
        finger.drag(middle, middle, steps=0)
        finger.drag(middle, middle, steps=0)
        return osc.value("breath") == 0.0

    wait_until(is_reset)  # where the machine is too busy for two taps in time, they are tried again


def test_a_finger_drags_the_pad_and_the_page_stays(
    new_page: NewPage, panel: LivePanel, osc: OscClient
) -> None:
    page = opened(new_page(phone=True), panel)
    pad = page.locator("#pad")
    pad.evaluate("(pad) => pad.scrollIntoView({ block: 'center' })")  # clear of the bar at the bottom
    pad.hover()
    scrolled = page.evaluate("scrollY")
    box = pad.bounding_box()
    assert box is not None

    def at(x: float, y: float) -> Place:
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    finger = Finger(page)
    finger.drag(at(0.14, 0.5), at(0.86, 0.5))  # from the marker of `dark` to that of `bright`
    wait_until(lambda: osc.value("morph") == pytest.approx(1.0, abs=0.02))
    assert osc.value("morph_singer") == "bright"
    finger.drag(at(0.5, 0.9), at(0.5, 0.1))
    wait_until(lambda: osc.value("morph") == pytest.approx(0.5, abs=0.02))
    assert page.locator("#pad .puck").evaluate("(puck) => Math.round(parseFloat(puck.style.top))") == 10
    assert page.evaluate("scrollY") == scrolled


def test_midi_learn(new_page: NewPage, panel: LivePanel, osc: OscClient) -> None:
    page, other = opened(new_page(), panel), opened(new_page(), panel)
    page.get_by_role("button", name="MIDI learn").click()
    page.get_by_role("button", name="Learn Brightness").click()
    for one in (page, other):
        one.get_by_text("Move a control for Brightness.").wait_for()
    panel.do(lambda rig: rig.midi(b"\xb0\x15\x40"))  # control 21
    page.get_by_text("Learned. Touch the next parameter.").wait_for()
    page.locator("#log").get_by_text("control 21 moves brightness").wait_for()
    page.keyboard.press("Escape")
    assert page.get_by_role("button", name="MIDI learn", pressed=False).count() == 1
    panel.do(lambda rig: rig.midi(b"\xb0\x15\x7f"))
    holds(page, "Brightness", "6")
    assert osc.value("brightness") == 6.0


def test_pitch_levels_and_figures_are_those_of_the_rig(
    new_page: NewPage, panel: LivePanel, osc: OscClient
) -> None:
    page = opened(new_page(), panel)
    osc.ask("/param/transpose", 12.0)
    hertz = page.locator("#source-hertz"), page.locator("#output-hertz")

    def an_octave_apart() -> bool:
        source, output = (float(place.inner_text().removesuffix(" Hz") or "nan") for place in hertz)
        return output / source == pytest.approx(2.0, rel=0.02)

    wait_until(an_octave_apart)
    shows(page, "#output-note", "[A-G]♯?[345]")
    meter = page.get_by_role("meter", name="Level of the source")
    wait_until(lambda: -60 < int(meter.get_attribute("aria-valuenow") or "-60") < 0)
    assert page.locator("#head-rate").inner_text() == "16 kHz"
    assert page.locator("#head-driver").inner_text() == "null · stem.wav"
    assert float(page.locator("#head-latency").inner_text().removesuffix(" ms")) > 30.0
    page.locator("#open-figures").click()
    shows(page, "#figures-lines", r".*Position\s+[1-9]\d* samples.*")
    shows_colours(page, "pitch", 10)  # notes, names and two lines


def test_presets_are_saved_loaded_and_known_to_every_panel(
    new_page: NewPage, panel: LivePanel, osc: OscClient
) -> None:
    page, other = opened(new_page(), panel), opened(new_page(), panel)
    osc.ask("/param/gain", -4.0)
    page.get_by_label("Name of the preset").fill("quiet")
    page.get_by_role("button", name="Save", exact=True).click()
    other.get_by_role("button", name="quiet", exact=True).wait_for()
    osc.ask("/param/gain", 0.0)
    other.get_by_role("button", name="quiet", exact=True).click()
    wait_until(lambda: osc.value("gain") == -4.0)
    page.get_by_label("Name of the preset").fill("quiet")
    page.get_by_role("button", name="Replace", exact=True).click()
    page.locator("#log").get_by_text("preset quiet is saved").nth(1).wait_for()


def test_a_panel_that_opens_later_shows_what_was_told_before_in_step_with_the_others(
    new_page: NewPage, panel: LivePanel, osc: OscClient
) -> None:
    first = opened(new_page(), panel)
    osc.ask("/preset/save", "early")
    panel.do(lambda rig: rig.learn("brightness"))
    panel.do(lambda rig: rig.midi(b"\xb0\x16\x40"))  # control 22
    first.locator("#log").get_by_text("control 22 moves brightness").wait_for()
    later = opened(new_page(phone=True), panel)
    later.locator("#log").get_by_text("control 22 moves brightness").wait_for()
    osc.ask("/panic")
    reports = "[...document.querySelectorAll('#log .report span')].map((line) => line.textContent)"
    expected = [str(sentence) for sentence in osc.ask("/report/list")[0::2]][::-1]
    assert {
        "preset early is saved",
        "panic: all notes off; bypass, melody and morph are as at the start",
    } <= {*expected}
    wait_until(lambda: first.evaluate(reports) == later.evaluate(reports) == expected)
    times = "[...document.querySelectorAll('#log .event')].map((line) => Number(line.dataset.when))"
    assert later.evaluate(times) == sorted(later.evaluate(times), reverse=True)


_DROP = """([name, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name));
  const dropped = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
  document.getElementById("drop").dispatchEvent(dropped);
}"""


def test_a_stem_is_dropped_bounced_compared_and_downloaded(
    new_page: NewPage, panel: LivePanel, osc: OscClient, short_stem: Path
) -> None:
    osc.ask("/param/singer", "bright")
    page = opened(new_page(), panel, "bounce")
    page.evaluate(_DROP, ["my stem.wav", base64.b64encode(short_stem.read_bytes()).decode()])
    page.locator("#bounce-source").get_by_text("my stem.wav").wait_for()
    assert (panel.folder / "my stem.wav").read_bytes() == short_stem.read_bytes()
    page.get_by_role("button", name="Bounce", exact=True).click()
    page.locator("#compare-name").get_by_text("my stem - now.wav").wait_for(timeout=BOUNCED_MS)
    made = soundfile.info(panel.folder / "my stem - now.wav")
    assert (made.frames, made.samplerate) == (66150, 44100)

    shows(page, "#play-time", "0:00 / 0:01")
    page.get_by_role("button", name="Play", exact=True).click()
    playhead = "parseFloat(document.getElementById('playhead').style.left)"
    wait_until(lambda: page.evaluate(playhead) > 10)
    before = page.evaluate(playhead)
    page.keyboard.press("x")
    assert page.get_by_label("A · Source").is_checked()
    page.get_by_label("B · Result").check(force=True)
    assert page.evaluate(playhead) >= before
    for picture in ("source-waveform", "source-spectrogram", "result-waveform", "result-spectrogram"):
        shows_colours(page, picture, 3)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download", exact=True).click()
    assert download.value.path().read_bytes() == (panel.folder / "my stem - now.wav").read_bytes()


def test_a_session_is_recorded_listed_and_bounced_with_another_singer(
    new_page: NewPage, panel: LivePanel, osc: OscClient
) -> None:
    page = opened(new_page(), panel)
    page.get_by_label("Name of the recording").fill("evening")
    page.get_by_role("button", name="Record").click()
    page.get_by_role("button", name="Stop").wait_for()
    start = osc.ask("/status/position")[0]
    assert isinstance(start, int)
    wait_until(lambda: osc.ask("/status/position")[0] > start + RATE)  # type: ignore[operator]
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("tab", name="Bounce").click()
    page.get_by_role("button", name="evening").click()
    assert page.locator("#bounce-preset option").first.inner_text() == "as it was recorded"
    page.get_by_role("combobox", name="Singer").select_option("bright")
    page.get_by_role("button", name="Bounce", exact=True).click()
    page.locator("#compare-name").get_by_text("evening - bright.wav").wait_for(timeout=BOUNCED_MS)
    assert soundfile.info(panel.folder / "evening - bright.wav").duration > 1.0


def test_a_bounce_tells_the_time_left_on_every_panel_and_can_be_cancelled(
    new_page: NewPage, panel: LivePanel
) -> None:
    name = "long: 2?.wav" if os.name != "nt" else "long_ 2_.wav"  # put there by hand
    soundfile.write(panel.folder / name, np.tile(sung(RATE, 2.0), 60).T, RATE, "PCM_16")
    page, other = opened(new_page(), panel, "bounce"), opened(new_page(), panel, "bounce")
    page.get_by_role("button", name=name).click()
    page.get_by_role("button", name="Bounce", exact=True).click()
    for one in (page, other):
        one.locator("#jobs").get_by_text(re.compile(r"\d:\d\d left")).wait_for(timeout=BOUNCED_MS)
    other.get_by_role("button", name="Cancel long_ 2_ - now.wav").click()
    for one in (page, other):
        one.locator("#jobs .job").wait_for(state="detached")
    assert not (panel.folder / "long_ 2_ - now.wav").exists()
    (panel.folder / name).unlink()


def test_a_refusal_is_a_sentence_that_is_shown(new_page: NewPage, panel: LivePanel) -> None:
    (panel.folder / "words.wav").write_text("no sound", encoding="utf-8")
    page = opened(new_page(), panel, "bounce")
    page.get_by_role("button", name="words.wav").click()
    page.get_by_role("button", name="Bounce", exact=True).click()
    page.locator("#toast").get_by_text("words - now.wav: ").wait_for(timeout=BOUNCED_MS)
    (panel.folder / "words.wav").unlink()


def test_a_new_parameter_appears_by_itself(new_page: NewPage, panel: LivePanel) -> None:
    page = new_page()

    def add(route: Route) -> None:
        namespace = json.loads(route.fetch().text())
        namespace["CONTENTS"]["param"]["CONTENTS"]["sparkle"] = {
            "FULL_PATH": "/param/sparkle",
            "TYPE": "f",
            "ACCESS": 3,
            "RANGE": [{"MIN": -3.0, "MAX": 3.0}],
            "UNIT": ["gain.db"],
            "DESCRIPTION": "How much it sparkles.",
            "TAGS": ["glitter"],
        }
        route.fulfill(body=json.dumps(namespace), content_type="application/json")

    page.route(panel.url.removesuffix("panel/"), add)
    opened(page, panel)
    fader = page.get_by_role("group", name="Glitter").get_by_role("slider", name="Sparkle")
    assert [fader.get_attribute(f"aria-value{end}") for end in ("min", "max")] == ["-3", "3"]


@pytest.mark.parametrize("phone", [False, True])
def test_it_fits_its_screen_and_has_no_fault_that_a_checker_finds(
    new_page: NewPage, panel: LivePanel, phone: bool
) -> None:
    needs("axe_playwright_python.sync_playwright")
    from axe_playwright_python.sync_playwright import Axe

    page = opened(new_page(phone=phone), panel)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if phone:
        small = page.evaluate(
            """() => [...document.querySelectorAll("#view-live :is(button, input, select, .fader)")]
              .filter((one) => one.checkVisibility() && !one.matches(".peak"))
              .filter((one) => one.getBoundingClientRect().height < 44).map((one) => one.outerHTML)"""
        )
        assert small == []
    else:
        places = page.evaluate(
            """() => [...document.querySelectorAll("#view-live .card, #view-live .control")]
              .filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect().bottom)"""
        )
        assert len(places) > 20
        assert max(places) <= DESK["height"]
        assert page.evaluate("document.documentElement.scrollHeight") <= DESK["height"]
    found = [Axe().run(page)]
    page.get_by_role("button", name="MIDI learn").click()
    found.append(Axe().run(page))
    page.keyboard.press("Escape")
    page.locator("#singers .about").first.click()
    found.append(Axe().run(page))
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Bounce").click()
    found.append(Axe().run(page))
    assert [fault for one in found for fault in one.response["violations"]] == []
    assert all(len(one.response["passes"]) > 15 for one in found)


def started(folder: Path, port: int) -> subprocess.Popen[str]:
    """Start `live` with the panel on a port; return when it plays."""
    options = ("--driver", "null", "--device", "stem.wav", "--singer", "dark.onnx", "--osc", "0")
    process = spawn(["live", *options, "--panel", str(port)], folder)
    assert process.stderr is not None
    for line in process.stderr:
        if "Ctrl-C ends" in line:
            return process
    raise AssertionError("it did not start")


def test_a_lost_server_is_said_and_found_again_and_nothing_typed_is_lost(
    new_page: NewPage, tmp_path: Path
) -> None:
    write_singer(tmp_path / "dark.onnx", -2.0, 130.0)
    soundfile.write(tmp_path / "stem.wav", sung(RATE, 1.0).T, RATE, "PCM_16")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    process = started(tmp_path, port)
    try:
        page = new_page(losing=True)
        page.goto(f"http://127.0.0.1:{port}/panel/")
        page.get_by_role("textbox", name="Gain").wait_for()
        page.get_by_label("Name of the recording").fill("a name half ty")
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        page.get_by_text("The server is away. It is looked for").wait_for()
        page.get_by_role("textbox", name="Gain").fill("-6")
        page.keyboard.press("Enter")
        page.locator(".control[data-id=gain].pending").wait_for()
        assert page.get_by_role("button", name="Panic").is_disabled()
        process = started(tmp_path, port)
        page.locator("#state[data-state=playing]").wait_for()
        page.locator(".control[data-id=gain]:not(.pending)").wait_for()
        assert not page.locator("#away").is_visible()
        assert page.get_by_label("Name of the recording").input_value() == "a name half ty"
        value = "fetch('/param/gain?VALUE').then((answer) => answer.json())"
        wait_until(lambda: page.evaluate(value) == {"VALUE": [-6.0]})
        assert page.get_by_role("textbox", name="Gain").input_value() == "−6"
    finally:
        process.kill()
        process.communicate()
