"""The set-up script refuses what it must, and CI runs the line that the README gives."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

TEST_LINE = "sh .ci/setup test && .venv/bin/python -m tests"


def test_an_unknown_extra_is_refused_before_anything_is_made() -> None:
    done = subprocess.run(
        ["sh", str(ROOT / ".ci" / "setup"), "trian"],  # noqa: S607 - the README's own words
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "setup: extra 'trian' is unknown; choose from train, ssl, eval, live, test\n"


def test_an_old_python_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.6" && exit 0\nexit 1\n')
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    done = subprocess.run(
        ["sh", str(ROOT / ".ci" / "setup")],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "setup: Python 3.9.6 is too old; install Python 3.11 or newer\n"


def test_ci_runs_the_line_that_the_readme_gives() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert f"    {TEST_LINE}" in readme
    assert TEST_LINE in ci
