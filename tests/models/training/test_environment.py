"""Every program that trains sets how torch's threads wait before torch is imported, unless the user has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PROGRAMS = sorted(
    ".".join(path.relative_to(ROOT).parent.parts) for path in (ROOT / "models/training").rglob("__main__.py")
)
TRAININGS = [
    ("plugin_bridge", "train", ".", "--id", "me"),
    ("plugin_bridge", "enrol", "me.wav", "--id", "me"),
    ("plugin_bridge", "extractor", ".", "--music", ".", "--encoder", ".", "-o", "me.onnx"),
    *((program,) for program in PROGRAMS),
]
AT_TORCH = """
import os, runpy, sys

def told(event, given):
    if event == "import" and given[0] == "torch":
        print(os.environ.get("OMP_WAIT_POLICY"), "torch" in sys.modules, flush=True)
        os._exit(0)

sys.addaudithook(told)
sys.argv[0:2] = [sys.argv[1]]
runpy.run_module(sys.argv[0], run_name="__main__")
"""


def as_torch_is_imported(folder: Path, *command: str, **environment: str) -> str:
    """Run a program up to its first import of torch; return the policy of then and whether it was loaded."""
    given = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    given |= {"PYTHONPATH": str(ROOT), **environment}
    words = [sys.executable, "-c", AT_TORCH, *command]
    done = subprocess.run(
        words, cwd=folder, env=given, capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.strip()


@pytest.mark.parametrize("command", TRAININGS, ids=" ".join)
def test_threads_of_a_training_wait_without_spinning(tmp_path: Path, command: tuple[str, ...]) -> None:
    assert as_torch_is_imported(tmp_path, *command) == "PASSIVE False"


def test_a_policy_of_the_user_stays(tmp_path: Path) -> None:
    assert as_torch_is_imported(tmp_path, *TRAININGS[0], OMP_WAIT_POLICY="ACTIVE") == "ACTIVE False"
