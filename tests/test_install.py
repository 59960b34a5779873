"""The set-up script installs what is missing, names what it may not install, and refuses what it must."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]
SURFACES = ("puredata-core", "supercollider-language")
TOOLS = "cat cp dirname env grep mkdir paste sed sh tr uname"
# A Python that makes environments of itself, and writes down what its pip is asked for.
PYTHON = f"""#!/bin/sh
case "$1 $2" in
  "-m venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  "-m pip") [ -e .venv ] && echo "$*" >>pip.log ;;
  "- "*) exit 1 ;; # PyTorch's index is not reached
  *Python.h*) exit 0 ;;
  *) exec {sys.executable} "$@" ;;
esac
"""
APT = '#!/bin/sh\n[ "$1" = update ] || echo "$*" >>apt.log\n'
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the script in a folder of its own, where there is nothing but Python and the given programs."""
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in TOOLS.split():
        found = shutil.which(tool)
        assert found
        (programs / tool).symlink_to(found)

    def run(*extras: str, **texts: str) -> subprocess.CompletedProcess[str]:
        for name, text in {"python3": PYTHON, "ldconfig": "#!/bin/sh\n", **texts}.items():
            if text:
                (programs / name).write_text(text, encoding="utf-8")
                (programs / name).chmod(0o755)
        command = [str(programs / "sh"), ".ci/setup", *extras]
        environment = {"PATH": str(programs)}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, input="", capture_output=True, text=True, check=False
        )

    return run


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def test_an_unknown_extra_is_refused_before_anything_is_made(run: Run, tmp_path: Path) -> None:
    done = run("trian")
    assert done.returncode == 2
    assert done.stderr == f"setup: extra 'trian' is unknown; choose from {', '.join(EXTRAS)}\n"
    assert not (tmp_path / ".venv").exists()


def test_an_old_python_is_refused_by_name(run: Run) -> None:
    old = '#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.6" && exit 0\nexit 1\n'
    done = run(python3=old)
    assert done.returncode == 1
    assert done.stderr == "setup: Python 3.9.6 is too old; install Python 3.11 or newer\n"


def test_a_missing_python_is_told(run: Run) -> None:
    done = run(python3="", id="#!/bin/sh\necho 1000\n")
    assert done.returncode == 1
    assert done.stderr.endswith("setup: there is no python3; install Python 3.11 or newer\n")


def test_a_newer_python_beside_an_old_one_is_taken(run: Run, tmp_path: Path) -> None:
    with_name = {"python3.12": PYTHON}
    done = run(python3="#!/bin/sh\nexit 1\n", id="#!/bin/sh\necho 0\n", **with_name)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".venv" / "bin" / "python").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has apt")
def test_root_installs_all_that_the_tests_play_with(run: Run, tmp_path: Path) -> None:
    apt = {"apt-get": APT, "apt-cache": '#!/bin/sh\n[ "$2" = lv2file ] || echo "Package: $2"\n'}
    done = run("test", id="#!/bin/sh\necho 0\n", jackd="#!/bin/sh\n", **apt)
    assert done.returncode == 0, done.stderr
    words = " ".join(lines(tmp_path / "apt.log")).split()
    for package in (
        "libatomic1",
        "libportaudio2",
        "libjack-jackd2-0",
        "g++",
        "jack-stdio",
        "liblo-tools",
        *SURFACES,
    ):
        assert package in words
    assert words.count("libjack-jackd2-0") == words.count("g++") == 1
    assert "jackd2" not in words  # jackd is there
    assert "lv2file" not in words  # this Debian has none, which is no reason to install nothing
    compiled = "--editable .[checks,cluster,formats,guide,live"  # the apt of this test brings no compiler
    assert compiled in lines(tmp_path / "pip.log")[-1]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has apt")
@pytest.mark.parametrize(
    "sudo", [{}, {"sudo": "#!/bin/sh\nexit 1\n"}], ids=["without sudo", "with a password"]
)
def test_without_root_what_is_missing_is_named_and_the_rest_is_installed(
    run: Run, tmp_path: Path, sudo: dict[str, str]
) -> None:
    apt = {"apt-get": APT, "apt-cache": "#!/bin/sh\n"}
    done = run("test", id="#!/bin/sh\necho 1000\n", **apt, **sudo)
    assert done.returncode == 0, done.stderr
    assert not lines(tmp_path / "apt.log")
    said = done.stderr.splitlines()
    assert all(line.startswith("setup: ") for line in said)
    assert "only root can install; on Debian or Ubuntu: apt-get install libatomic1" in said[0]
    assert "jackd2" in said[1]
    assert "its tests are skipped" in said[2]
    assert len(said) == 3
    assert "--editable .[checks,cluster,formats,guide,live" in lines(tmp_path / "pip.log")[-1]


@pytest.mark.parametrize(("extras", "asked"), [((), "."), (("train", "live"), ".[train,live]")])
def test_the_extras_are_installed_by_name(
    run: Run, tmp_path: Path, extras: tuple[str, ...], asked: str
) -> None:
    assert run(*extras, id="#!/bin/sh\necho 1000\n").returncode == 0
    assert lines(tmp_path / "pip.log")[-1].endswith(f"--editable {asked}")


def test_with_a_compiler_the_tests_get_every_extra(run: Run, tmp_path: Path) -> None:
    compilers = dict.fromkeys(("cc", "c++"), "#!/bin/sh\n")
    assert run("test", id="#!/bin/sh\necho 1000\n", **compilers).returncode == 0
    assert lines(tmp_path / "pip.log")[-1].endswith("--editable .[test]")


def test_ci_runs_the_readmes_two_lines_and_nothing_else() -> None:
    read_me = [line.strip() for line in README.splitlines() if line.startswith("    sh .ci/setup")]
    script = lines(ROOT / ".ci" / "run")
    assert len(read_me) == 2
    assert [line for line in script if line and not line.startswith("#")] == [
        "set -eu",
        'cd "$(dirname "$0")/.."',
        "export CI=true",
        *read_me,
    ]


def said_by_pytest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ci: str, code: str) -> str:
    """Run a test file as the suite does and return what pytest says."""
    (tmp_path / "test_it.py").write_text(code, encoding="utf-8")
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    options = f"-rs -p tests.conftest --rootdir {tmp_path} -c {os.devnull} test_it.py"
    command = [sys.executable, "-m", "pytest", *options.split()]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    return done.stdout


@pytest.mark.parametrize("where", ["def test_it() -> None:\n    ", ""], ids=["a test", "a file"])
def test_what_is_missing_skips_a_test_and_fails_it_in_ci(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    code = f"from tests.support.extras import needs\n\n{where}needs('no_such_package')\n"
    sentence = "no_such_package is missing (No module named 'no_such_package'); run: sh .ci/setup test"
    skipped = said_by_pytest(tmp_path, monkeypatch, "", code)
    assert "1 skipped" in skipped
    assert sentence in skipped
    failed = said_by_pytest(tmp_path, monkeypatch, "true", code)
    assert ("1 failed" if where else "1 error") in failed
    assert f"{sentence}; with CI=true" in failed


@pytest.mark.parametrize("ci", ["true", ""])
def test_what_has_no_meaning_on_a_system_is_skipped_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ci: str
) -> None:
    code = "import pytest\n\n@pytest.mark.skipif(True, reason='no moon')\ndef test_it() -> None: ...\n"
    assert "1 skipped" in said_by_pytest(tmp_path, monkeypatch, ci, code)
