"""Enrolment from the panel: a stem becomes a singer beside the sound, and joins the set that plays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import soundfile

from models.singer.file import load_singer
from plugin_bridge.osc import beside, jobs
from tests.plugin_bridge.panel.liveserver import LivePanel, OscClient, live_panel
from tests.support.doubles import sung
from tests.support.enrolling import enrolling
from tests.support.extras import needs
from tests.support.singerfiles import write_singer

if TYPE_CHECKING:
    from playwright.sync_api import Page

RATE = 16000
PATIENCE_MS = 240_000
"""Milliseconds; a busy machine is not a failing test."""


@pytest.fixture
def panel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LivePanel]:
    """One singer, and a voice of 6 s in the open folder."""
    monkeypatch.setattr(jobs, "_PROGRAM", enrolling(tmp_path / "shared.npz"))
    monkeypatch.setattr(beside, "_NICENESS", 0)  # what waits here is the test
    folder = tmp_path / "open"
    folder.mkdir()
    soundfile.write(folder / "voice.wav", sung(RATE, 6.0).T, RATE, "PCM_16")
    singer = write_singer(tmp_path / "dark.onnx", -2.0, 130.0)
    with live_panel(folder, folder / "voice.wav", (str(singer),)) as live:
        yield live


def enrol(page: Page, name: str) -> None:
    """Fill the form for the voice and send it."""
    page.get_by_role("button", name="voice.wav").click()
    page.get_by_role("textbox", name="Id of the new singer").fill(name)
    page.get_by_role("textbox", name="Licence of the voice").fill("CC0")
    page.get_by_role("textbox", name="Credits").fill("somebody, who sang")
    page.get_by_role("button", name="Enrol", exact=True).click()


def test_a_voice_is_enrolled_added_and_sung_with_on_every_panel(
    panel: LivePanel, new_page: Callable[..., Page]
) -> None:
    needs("axe_playwright_python.sync_playwright")
    from axe_playwright_python.sync_playwright import Axe

    page, phone = new_page(), new_page(phone=True)
    for one in (page, phone):
        one.goto(f"{panel.url}#bounce")
        one.locator("#state[data-state=playing]").wait_for()
        one.get_by_text("Enrol this voice").click()
    enrol(page, "first")
    phone.get_by_role("button", name="Cancel first.onnx").tap(timeout=PATIENCE_MS)
    for one in (page, phone):
        one.locator("#enrolments .job").wait_for(state="detached", timeout=PATIENCE_MS)
    enrol(page, "maria")
    phone.locator("#enrolments").get_by_text("maria.onnx").wait_for(timeout=PATIENCE_MS)
    add = phone.get_by_role("button", name="Add maria to the set")
    add.wait_for(timeout=PATIENCE_MS)
    assert sorted(path.name for path in panel.folder.iterdir()) == ["maria.onnx", "voice.wav"]
    manifest = load_singer(panel.folder / "maria.onnx").manifest
    assert (manifest.id, manifest.licence) == ("maria", "CC0")
    assert manifest.attribution.startswith("somebody, who sang")
    assert [fault for one in (page, phone) for fault in Axe().run(one).response["violations"]] == []
    add.tap()
    page.locator("#enrolled").get_by_text("in the set").wait_for(timeout=PATIENCE_MS)
    page.get_by_role("tab", name="Live").click()
    page.get_by_role("button", name="maria").first.click()
    osc = OscClient(panel.osc_port)
    assert osc.ask("/singer/list") == ["dark", "maria"]
    assert osc.value("singer") == "maria"
    osc.close()
    page.locator("#log").get_by_text("maria is in the set; the sound was away for").wait_for()
    page.get_by_role("button", name="Licence and credits of maria").click()
    page.locator("#credits").get_by_text("somebody, who sang").wait_for(timeout=PATIENCE_MS)
