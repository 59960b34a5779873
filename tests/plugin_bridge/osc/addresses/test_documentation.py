"""The page of addresses is in step with the tables, and tells the limits that hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import plugin_bridge.osc
from plugin_bridge.cli import main
from plugin_bridge.osc import subscriptions
from plugin_bridge.osc.addresses.documentation import page
from plugin_bridge.osc.addresses.table import ADDRESSES
from plugin_bridge.osc.settings import OscSettings
from plugin_bridge.osc.wire import packets

PAGE = Path(plugin_bridge.osc.__file__).with_name("OSC.md")


def test_the_page_is_in_step_with_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), f"plugin-bridge params --osc > {PAGE.name}"
    assert main(["params", "--osc"]) == 0
    assert capsys.readouterr().out == page()


def test_every_address_stands_in_it_once() -> None:
    rows = re.findall(r"^\| `(/\S+)`", page(), re.MULTILINE)
    assert sorted(rows) == sorted(ADDRESSES)


def test_it_tells_the_limits_that_hold() -> None:
    text = " ".join(page().split())
    settings = OscSettings()
    for sentence in (
        f"{settings.rate:.0f} requests a second from one sender, {settings.burst:.0f} at once",
        f"change the sound {settings.events:.0f} times a second, {2 * settings.events:.0f} times at once",
        f"an equal share, {settings.events:.0f} divided by",
        f"{subscriptions.MAX_SUBSCRIBERS} subscribers",
        f"at most {packets.MAX_MESSAGES} messages, bundles nested up to {packets.MAX_DEPTH} deep",
        f"one more than {settings.horizon:.0f} s ahead is refused",
    ):
        assert sentence in text
