"""Every address and argument in the surfaces' files is taken by the server, and nothing promised lacks."""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from plugin_bridge import shipped_singers
from plugin_bridge.osc.addresses.table import ADDRESSES
from plugin_bridge.osc.wire.packets import Argument
from plugin_bridge.osc.wire.patterns import Pattern
from plugin_bridge.osc.wire.replies import ANSWERS
from tests.plugin_bridge.osc.clients import Client, in_loop, served
from tests.surfaces.reading import FILES, SURFACES, read

MAKE = SURFACES / "make.py"
READ_ME = (SURFACES / "README.md").read_text(encoding="utf-8")
BYPASS = "/param/bypass/unit"
CONTROLS = {"/singer", "/param/morph", "/param/transpose", "/param/formant", "/param/breath"}
CONTROLS |= {"/param/mix", "/param/gain", BYPASS, "/panic", "/subscribe"}
METERS = {"/meter/input", "/meter/output", "/meter/f0", "/meter/voicing"}
REAPERS = {"/singer", "/param/formant/unit", "/param/mix/unit", "/param/gain", BYPASS}
SINGERS = {"nit": "dark", "pjs": "bright"}
"""The rig of the tests has others than those that ship."""


def test_there_is_a_file_for_each_program() -> None:
    assert set(FILES) == {
        f"plugin_bridge.{kind}" for kind in ("json", "tosc", "amxd", "pd", "scd", "ReaperOSC")
    }
    sections = READ_ME.split("\n## ")[1:]
    assert sorted(section.split("`")[1] for section in sections) == sorted([*FILES, "bounce_items.py"])
    assert all(len(re.findall(r"^\d+\. ", section, re.MULTILINE)) in range(5, 11) for section in sections)


@pytest.mark.parametrize("name", FILES)
@in_loop
async def test_the_server_takes_all_that_it_sends(tmp_path: Path, name: str) -> None:
    surface = read(FILES[name])
    async with served(tmp_path) as (_, server), Client(server.port) as client:
        for address, arguments in surface.sends:
            known = tuple(SINGERS.get(one, one) if isinstance(one, str) else one for one in arguments)
            answer, values = await client.ask(address, *known)
            assert answer == "/done", (address, arguments, values)


@pytest.mark.parametrize("name", FILES)
def test_it_names_singers_that_ship(name: str) -> None:
    named = {
        word
        for address, arguments in read(FILES[name]).sends
        if ADDRESSES[address].name in ("singer", "morph_singer")
        for word in arguments
    }
    assert named
    assert named <= set(shipped_singers())


@pytest.mark.parametrize("name", FILES)
def test_it_has_all_controls_and_hears_the_meters(name: str) -> None:
    surface = read(FILES[name])
    sent = {BYPASS if address == "/bypass" else address for address, _ in surface.sends}
    if name.endswith("ReaperOSC"):
        assert sent == REAPERS
        return
    assert CONTROLS - sent == set()
    assert METERS - surface.hears == set()
    assert all(ADDRESSES[address].readable for address in surface.hears)
    asked = next(arguments for address, arguments in surface.sends if address == "/subscribe")
    assert {address for address in surface.hears if not is_among(address, asked)} == set()


def is_among(address: str, patterns: tuple[Argument, ...]) -> bool:
    """Return whether one of the words, addresses or patterns, stands for an address."""
    return any(isinstance(one, str) and Pattern(one).matches(address) for one in patterns)


def test_they_are_as_the_script_writes_them(tmp_path: Path) -> None:
    command = [sys.executable, str(MAKE), "--folder", str(tmp_path)]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(written) == {f"plugin_bridge.{kind}" for kind in ("json", "tosc", "amxd", "pd")}
    for name, data in written.items():
        unpacked = (
            zlib.decompress if name.endswith("tosc") else bytes
        )  # another zlib packs the same otherwise
        same = unpacked(data) == unpacked(FILES[name].read_bytes())
        assert same, f"{name} is old; run examples/surfaces/make.py"


def test_they_are_written_for_other_singers(tmp_path: Path) -> None:
    command = [sys.executable, str(MAKE), "one", "two", "three", "--folder", str(tmp_path)]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    for path in tmp_path.iterdir():
        sent = [arguments for address, arguments in read(path).sends if address == "/singer"]
        assert list(dict.fromkeys(sent)) == [("one",), ("two",), ("three",)], path


def test_the_script_for_items_uses_addresses_that_are_there() -> None:
    text = (SURFACES / "bounce_items.py").read_text(encoding="utf-8")
    named = set(re.findall(r'"(/[a-z/]+)"', text))
    assert named == {"/bounce/start", "/bounce/progress", *ANSWERS}
    assert named - ANSWERS <= set(ADDRESSES)
