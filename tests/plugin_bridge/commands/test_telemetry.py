"""No host is looked up and nothing is left in the user's home, whatever the libraries would like."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.plugin_bridge.commands.commandline import workplace
from tests.support.extras import needs_program

LOOK_UP_SECONDS = 12.0
"""onnxruntime would look up its maker's host after nine."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty one."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def traced(folder: Path, home: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a command whose system calls to the network go into `calls`, whole when its output ends."""
    strace = needs_program("strace", "strace")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ORT_", "COVERAGE"))
    }
    environment |= {"HOME": str(home), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [strace, "-D", "-f", "-q", "-e", "trace=connect,sendto", "-o", "calls"]
    command += [sys.executable, "-m", "plugin_bridge", *arguments]
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def look_ups(folder: Path) -> list[str]:
    """Return the calls that go to a name server or to any other machine."""
    calls = (folder / "calls").read_text(encoding="utf-8").splitlines()
    return [call for call in calls if "htons(53)" in call or ("AF_INET" in call and "127.0.0.1" not in call)]


def test_a_bounce_looks_up_nothing_and_leaves_nothing(tmp_path: Path, home: Path) -> None:
    workplace(tmp_path, 0.3)
    process = traced(tmp_path, home, "bounce", "stem.wav", "--singer", "dark.onnx")
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert look_ups(tmp_path) == []
    assert list(home.rglob("*")) == []


def test_live_looks_up_nothing_and_leaves_nothing(tmp_path: Path, home: Path) -> None:
    workplace(tmp_path, 1.0)
    options = ("--driver", "null", "--device", "stem.wav", "--singer", "dark.onnx", "--osc", "0")
    process = traced(tmp_path, home, "live", *options)
    assert process.stderr is not None
    said = next(line for line in process.stderr if "Ctrl-C ends" in line)
    time.sleep(LOOK_UP_SECONDS)
    assert process.poll() is None, said
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert look_ups(tmp_path) == []
    assert list(home.rglob("*")) == []
