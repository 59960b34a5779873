"""The pages keep their word: code runs, commands parse, links lead somewhere, rooms and names are told."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import plugin_bridge
from models.metrics.pictures import HEIGHTS, WIDTH
from plugin_bridge import shipped_singers
from plugin_bridge.cli import build_parser
from tests.conftest import ROOT
from tests.models.metrics.test_pictures import png
from tests.support.extras import needs
from tests.test_rooms import ROOMS

README = (ROOT / "README.md").read_text(encoding="utf-8")
MAIN_LINE = "sh .ci/setup && .venv/bin/plugin-bridge bounce examples/two_singers.flac"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    lines = "".join(blocks("sh")).splitlines() + re.findall(
        r"^    .*\.venv/bin/(plugin-bridge .*)$", README, re.MULTILINE
    )
    return [line for line in lines if line.startswith("plugin-bridge")]


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short_stem: Path, number: int) -> None:
    short_stem.rename(tmp_path / "stem.wav")
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("python")[number], "README.md", "exec"), {})  # noqa: S102 - our own text
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("line", commands())
def test_a_command_parses(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    assert build_parser(words[0])[0].parse_args(words).command == words[0]


def test_the_score_is_one(tmp_path: Path) -> None:
    from plugin_bridge import read_score

    score = tmp_path / "moves.jsonl"
    score.write_text(blocks("json")[0], encoding="utf-8")
    assert len(read_score(score, 48000)) == 4


def test_the_first_line_names_files_and_singers_that_ship() -> None:
    line = next(line for line in README.splitlines() if MAIN_LINE in line)
    assert (ROOT / "examples" / "two_singers.flac").is_file()
    assert line.split("--singer ")[1].split()[0] in shipped_singers()
    assert all(f"| `{name}` |" in README for name in shipped_singers())


def test_the_pair_of_pictures_is_what_its_command_draws() -> None:
    picture = ROOT / "examples" / "pictures" / "before-after.png"
    assert png(picture) == (WIDTH, HEIGHTS[1])
    assert picture.stat().st_size < 300_000


@pytest.mark.parametrize(("name", "screen"), [("panel", (1280, 800)), ("panel-phone", (390, 844))])
def test_the_pictures_of_the_panel_are_of_a_desk_and_of_a_phone(name: str, screen: tuple[int, int]) -> None:
    picture = ROOT / "examples" / "pictures" / f"{name}.png"
    assert png(picture) == (2 * screen[0], 2 * screen[1])
    assert picture.stat().st_size < 300_000


@pytest.mark.parametrize("page", sorted(path.name for path in ROOT.glob("*.md")))
def test_every_link_leads_somewhere(page: str) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / page).read_text(encoding="utf-8"))
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_architecture_tells_of_every_room() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = "".join(line for line in page.splitlines() if line.startswith("|"))
    private = {"shadowing.py", "interrupts.py", "__main__.py"}
    names = {room.rpartition("/")[2] for room in ROOMS} - private
    assert [name for name in sorted(names) if f"{name}`" not in table] == []


def test_the_reference_holds_every_public_name(tmp_path: Path) -> None:
    needs("pdoc")
    words = ["-m", "pdoc", "-d", "google", "-o", "build/api", "plugin_bridge"]
    assert f"    .venv/bin/python {' '.join(words)}" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    words[5] = str(tmp_path)
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True)
    page = (tmp_path / "plugin_bridge.html").read_text(encoding="utf-8")
    assert [name for name in plugin_bridge.__all__ if f'id="{name}"' not in page] == []
    names = set(plugin_bridge.__all__) - {"PARAMETERS"}  # the table, whose rows speak for it
    assert [name for name in sorted(names) if not getattr(plugin_bridge, name).__doc__] == []
