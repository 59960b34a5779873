"""The README keeps its word: its Python runs, its commands parse, its links and singers exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from plugin_bridge import shipped_singers
from plugin_bridge.cli import build_parser
from tests.conftest import ROOT

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


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https?:)([^)#]+)\)", README))
def test_a_link_leads_somewhere(target: str) -> None:
    assert (ROOT / target).exists()
