"""`plugin-bridge plugin`: what is missing is told in a sentence, and what is installed can be taken away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plugin_bridge.commands import plugin
from plugin_bridge.plugin.build import bundles
from plugin_bridge.plugin.installation import Installation
from plugin_bridge.plugin.table import CONF
from tests.plugin_bridge.commands.commandline import call


def test_without_a_compiler_it_says_which(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    done = call(capsys, "plugin", "install", "--into", tmp_path / "home")
    assert done.status == 2
    assert "there is no C++ compiler" in done.err
    assert "apt-get install g++" in done.err
    assert not list((tmp_path / "home").iterdir())


def test_a_compiler_that_fails_leaves_what_was_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compiler = tmp_path / "c++"
    compiler.write_text("#!/bin/sh\necho 'shell.cpp:1: error: no such luck' >&2\nexit 1\n")
    compiler.chmod(0o700)
    monkeypatch.setenv("CXX", str(compiler))
    old = tmp_path / "home/.clap/plugin_bridge/plugin_bridge.clap"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    done = call(capsys, "plugin", "install", "--into", tmp_path / "home")
    assert done.status == 2
    assert "cannot be built: shell.cpp:1: error: no such luck; check the compiler" in done.err
    assert [path for path in (tmp_path / "home").rglob("*") if path.is_file()] == [old]


def test_a_map_without_singers_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text("bend_range = 2.0\n")
    done = call(capsys, "plugin", "install", "--into", tmp_path, "--midi-map", tmp_path / "map.toml")
    assert done.status == 2
    assert "names no singer for programs 0 to 15" in done.err
    assert call(capsys, "plugin", "status", "--midi-map", tmp_path / "map.toml").status == 2


def test_where_aiohttp_is_missing_the_button_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Installation, "install", lambda *_: [tmp_path / "plugin_bridge.clap"])
    assert call(capsys, "plugin", "install", "--into", tmp_path).err == ""
    monkeypatch.setattr(plugin, "find_spec", lambda _: None)
    done = call(capsys, "plugin", "install", "--into", tmp_path)
    assert (done.status, done.out) == (0, f"installed {tmp_path / 'plugin_bridge.clap'}\n")
    assert "its button Panel needs aiohttp, which is not installed; " in done.err


def test_status_and_uninstall_where_nothing_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "no plug-in in" in call(capsys, "plugin", "status", "--into", tmp_path).out
    assert call(capsys, "plugin", "uninstall", "--into", tmp_path).out == "nothing is removed\n"


def test_uninstall_takes_its_own_bundles_only(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for bundle in bundles():
        path = tmp_path / bundle.place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        path.with_name(CONF).write_text("python=/gone\n")
    other = tmp_path / ".vst3/other.vst3"
    other.mkdir()
    done = call(capsys, "plugin", "uninstall", "--into", tmp_path, "--json")
    assert len(json.loads(done.out)["removed"]) == 5
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert other.is_dir()
