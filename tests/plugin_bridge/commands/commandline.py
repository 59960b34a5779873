"""Run the command line in this process, or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
import soundfile

from plugin_bridge.cli import main
from tests.conftest import ROOT
from tests.support.doubles import sung
from tests.support.singerfiles import write_singer


class Result(NamedTuple):
    """What a command left."""

    status: int
    out: str
    err: str


def call(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Result:
    """Run a command in this process."""
    try:
        status = main([str(argument) for argument in arguments])
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    out, err = capsys.readouterr()
    return Result(status, out, err)


def spawn(arguments: Sequence[str | Path], folder: Path) -> subprocess.Popen[str]:
    """Start a command in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "plugin_bridge", *(str(argument) for argument in arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True)


def workplace(folder: Path, seconds: float = 0.3) -> Path:
    """Fill a folder with the singers `dark` and `bright` and a stem, `stem.wav`."""
    write_singer(folder / "dark.onnx", -2.0, 130.0)
    write_singer(folder / "bright.onnx", 2.0, 260.0)
    soundfile.write(folder / "stem.wav", sung(48000, seconds).T, 48000, "PCM_24")
    return folder


def listing(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder and what it holds."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
