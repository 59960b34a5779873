"""A guide from the panel: a backing track gets a vocal, its notes and a mix, which is heard beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
import soxr

from models.guide.styles import styles
from models.training.guide import instruments
from plugin_bridge.midi.notesfile import read_notes
from plugin_bridge.osc import beside
from tests.models.guide.conftest import song_of
from tests.plugin_bridge.panel.liveserver import LivePanel, live_panel
from tests.support.extras import needs
from tests.support.singerfiles import write_singer

if TYPE_CHECKING:
    from playwright.sync_api import Page

RATE = 16000
PATIENCE_MS = 240_000
"""Milliseconds; a busy machine is not a failing test."""


@pytest.fixture
def panel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LivePanel]:
    """One singer, and a band of 8 s in the open folder."""
    needs("librosa")
    monkeypatch.setattr(beside, "_NICENESS", 0)  # what waits here is the test
    folder = tmp_path / "open"
    folder.mkdir()
    song = song_of("minor", 0, 120.0, "rock", 0.0)
    sound = soxr.resample(instruments.accompaniment(song, np.random.default_rng(4)), instruments.RATE, RATE)
    soundfile.write(folder / "band.wav", 0.5 * sound[: 8 * RATE], RATE, "PCM_16")
    singer = write_singer(tmp_path / "dark.onnx", -2.0, 220.0)
    with live_panel(folder, folder / "band.wav", (str(singer),)) as live:
        yield live


def test_a_backing_gets_a_guide_that_is_heard_with_it(
    panel: LivePanel, new_page: Callable[..., Page]
) -> None:
    needs("axe_playwright_python.sync_playwright")
    from axe_playwright_python.sync_playwright import Axe

    page, phone = new_page(), new_page(phone=True)
    for one in (page, phone):
        one.goto(f"{panel.url}#bounce")
        one.locator("#state[data-state=playing]").wait_for()
        one.get_by_text("Sing a guide to this backing").click()
    start = page.get_by_role("button", name="Sing a guide", exact=True)
    assert start.is_disabled()
    page.get_by_role("button", name="band.wav").click()
    page.get_by_label("Style of the guide").select_option("legato")
    assert page.get_by_label("Style of the guide").locator("option").all_inner_texts() == [
        f"{name}: {style.about}" for name, style in styles().items()
    ]
    page.get_by_label("Key of the guide").select_option("A minor")
    page.get_by_label("Seed of the melody").fill("7")
    start.click()
    phone.locator("#guides").get_by_text("band - guide.wav").wait_for(timeout=PATIENCE_MS)
    for one in (page, phone):
        one.locator("#guide-notes").get_by_text("band - guide.mid").wait_for(timeout=PATIENCE_MS)
    page.locator("#compare-name").get_by_text("band - guide mix.wav").wait_for(timeout=PATIENCE_MS)
    assert page.get_by_label("Seed of the melody").input_value() == "8"
    made = sorted(path.name for path in panel.folder.iterdir())
    assert made == ["band - guide mix.wav", "band - guide.mid", "band - guide.wav", "band.wav"]
    assert soundfile.info(panel.folder / "band - guide mix.wav").frames == 8 * RATE
    with page.expect_download() as download:
        page.get_by_role("link", name="Download band - guide.mid").click()
    assert read_notes(download.value.path()) == read_notes(panel.folder / "band - guide.mid") != []
    assert [fault for one in (page, phone) for fault in Axe().run(one).response["violations"]] == []
