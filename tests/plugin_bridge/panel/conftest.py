"""One browser for the tests of a file, and pages that must not complain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.extras import needs, needs_program

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

DESK: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
OPTIONS = ("--no-sandbox", "--autoplay-policy=no-user-gesture-required")
"""Root, as in a container, has no sandbox of Chromium; sound needs no finger here."""


@pytest.fixture(scope="module", autouse=True)
def _no_desktop() -> Iterator[None]:
    """Let `live` open no browser of the person who runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSH_CONNECTION", "a test")
        yield


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, without a window; while it is there, asyncio's loop counts as running."""
    needs("playwright.sync_api")
    from playwright.sync_api import sync_playwright

    program = needs_program("chromium", "chromium")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield found
        found.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open pages; each is one of a browser of its own, and what it complains of fails the test.

    `new_page(phone=True)` is a phone's, `new_page(losing=True)` may say that the server is not reached.
    """
    complaints: list[str] = []
    contexts = []

    def open_one(*, phone: bool = False, losing: bool = False) -> Page:
        context = browser.new_context(viewport=PHONE if phone else DESK, has_touch=phone, is_mobile=phone)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))

        def heard(text: str) -> None:
            if not (losing and "net::ERR_" in text):
                complaints.append(text)

        page.on("console", lambda line: heard(line.text) if line.type in {"error", "warning"} else None)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []
