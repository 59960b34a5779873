"""Interrupts at any moment: the signal's exit status, no temporary file, an output whole or absent."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.plugin_bridge.commands.commandline import spawn, workplace

KEPT = {"dark.onnx", "bright.onnx", "stem.wav"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stem long enough to be interrupted."""
    return workplace(tmp_path_factory.mktemp("long"), seconds=60.0)


def parts(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix == ".part"]


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
@pytest.mark.parametrize("options", [[], ["--normalize"]])
def test_a_signal_while_rendering_leaves_nothing(
    folder: Path, number: signal.Signals, status: int, options: list[str]
) -> None:
    command = ["bounce", "stem.wav", "--singer", "dark.onnx", "--transpose", "0", *options]
    process = spawn(command, folder)
    deadline = time.monotonic() + 30
    while not any(part.stat().st_size > 10_000 for part in parts(folder)) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert len(parts(folder)) == 1 + len(options)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == status
    assert err.strip() == "plugin-bridge: interrupted; unfinished files are removed"
    assert {path.name for path in folder.iterdir()} == KEPT


def test_a_signal_at_any_moment_leaves_a_whole_file_or_none(tmp_path: Path) -> None:
    workplace(tmp_path, seconds=0.3)
    for delay in np.linspace(0.02, 1.2, 12):
        process = spawn(["bounce", "stem.wav", "--singer", "dark.onnx", "-o", "out.wav"], tmp_path)
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert process.returncode in {0, 143, -signal.SIGTERM}  # before Python handles it, the system does
        assert {path.name for path in tmp_path.iterdir()} <= KEPT | {"out.wav"}
        out = tmp_path / "out.wav"
        if out.exists():
            assert soundfile.info(out).frames == 14400
            out.unlink()
