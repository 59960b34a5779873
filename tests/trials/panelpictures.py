"""Take the pictures of the panel that the README shows: `python -m tests.trials.panelpictures FOLDER`."""

from __future__ import annotations

import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import STEM
from tests.plugin_bridge.panel.conftest import DESK, OPTIONS, PHONE
from tests.plugin_bridge.panel.liveserver import LivePanel, live_panel
from tests.support.extras import needs_program
from tests.support.waiting import wait_until

SHARPNESS = 2
"""Pixels of the picture for each of the page."""
_SEEN_MS = 9000
"""Milliseconds until the pitch view is full."""
_SOUND = {"transpose": "12", "correction": "0.6", "breath": "3"}


def taken(folder: Path) -> None:
    """Write panel.png and panel-phone.png of a rig that sings."""
    program = needs_program("chromium", "chromium")
    with (
        tempfile.TemporaryDirectory() as sessions,
        live_panel(Path(sessions), STEM, ("nit", "pjs")) as panel,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        desk = _opened(browser, panel, phone=False)
        _sing(desk)
        _keep(desk, folder / "panel.png")
        _keep(_opened(browser, panel, phone=True), folder / "panel-phone.png")
        browser.close()


def _opened(browser: Browser, panel: LivePanel, *, phone: bool) -> Page:
    page = browser.new_page(
        viewport=PHONE if phone else DESK, device_scale_factor=SHARPNESS, is_mobile=phone, has_touch=phone
    )
    page.goto(panel.url)
    page.get_by_role("textbox", name="Gain").wait_for()
    return page


def _sing(page: Page) -> None:
    """Morph, correct, save a preset and record."""
    pad = page.locator("#pad").bounding_box()
    assert pad is not None
    page.mouse.click(pad["x"] + 0.42 * pad["width"], pad["y"] + 0.33 * pad["height"])
    page.locator("#field-scale").select_option("major")
    page.locator("#field-key").select_option("A")
    for name, value in _SOUND.items():
        page.locator(f"#field-{name}").fill(value)
        page.keyboard.press("Enter")
    page.get_by_label("Name of the preset").fill("evening")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_label("Name of the recording").fill("first take")
    page.get_by_role("button", name="Record").click()


def _keep(page: Page, path: Path) -> None:
    page.wait_for_timeout(_SEEN_MS)
    wait_until(lambda: "Hz" in page.locator("#output-hertz").inner_text())  # while a note is sung
    shot = Image.open(BytesIO(page.screenshot())).convert("RGB")
    shot.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    taken(Path(sys.argv[1]))
