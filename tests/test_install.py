"""The set-up script: it parses on an old Python, refuses what it must, and mends what Debian lacks."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import install
from tests.conftest import ROOT

TEST_LINE = "python3 install.py test && .venv/bin/python -m tests"


def test_an_old_python_can_read_the_script_and_is_told_which_one_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ast.parse((ROOT / "install.py").read_text(encoding="utf-8"), feature_version=(3, 7))
    monkeypatch.setattr(sys, "version_info", (3, 9, 6, "final", 0))
    monkeypatch.setattr(sys, "argv", ["install.py"])
    with pytest.raises(SystemExit, match=r"this is Python 3\.9; run it with Python 3\.11 or newer"):
        install.main()


def test_an_unknown_extra_is_refused_before_anything_is_made() -> None:
    command = [sys.executable, str(ROOT / "install.py"), "trian"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "install.py: unknown extra 'trian'; choose from train, eval, test\n"


def test_a_pip_with_another_hash_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = tmp_path / "pip-26.3-py3-none-any.whl"
    wheel.write_bytes(b"not pip")
    monkeypatch.setattr(install, "PIP_WHEEL", wheel.as_uri())
    with pytest.raises(SystemExit, match="another hash"):
        install.install_pip()


@pytest.mark.parametrize(("loads", "mended"), [(True, False), (False, True)])
def test_pedalboard_is_mended_only_where_it_does_not_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loads: bool, mended: bool
) -> None:
    folder = tmp_path / "lib" / "python3.11" / "site-packages" / "pedalboard.libs"
    folder.mkdir(parents=True)
    (folder / "libbz2-a1e77c99.so.1.0.6").touch()
    monkeypatch.setattr(install, "ENVIRONMENT", tmp_path)
    monkeypatch.setattr(install, "run", lambda *_, **__: 0 if loads else 1)
    install.mend_pedalboard()
    assert (folder / "libatomic.so.1").is_file() is mended


def test_ci_runs_the_line_that_the_readme_gives() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert f"    {TEST_LINE}" in readme
    assert TEST_LINE in ci
