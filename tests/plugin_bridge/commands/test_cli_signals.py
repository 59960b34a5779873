"""Interrupts at any moment: the signal's exit status, no temporary file, an output whole or absent."""

from __future__ import annotations

import json
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


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_batch_with_true_counts(
    folder: Path, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    workplace(tmp_path)
    for name in ("long1", "long2"):
        (tmp_path / f"{name}.wav").symlink_to(folder / "stem.wav")
    (tmp_path / "bad.wav").write_bytes(b"no audio")
    inputs = ["bad.wav", "stem.wav", "long1.wav", "long2.wav"]
    command = ["bounce", *inputs, "--singer", "dark.onnx", "-o", "out", "--jobs", "2", "--json"]
    process = spawn(command, tmp_path)
    out = tmp_path / "out"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if out.is_dir() and sum(part.stat().st_size > 10_000 for part in parts(out)) == 2:
            break
        time.sleep(0.005)
    process.send_signal(number)
    said, err = process.communicate(timeout=60)
    assert process.returncode == status
    found = json.loads(said)
    done = [Path(row["target"]).name for row in found["files"] if "error" not in row]
    assert sorted(done) == sorted(path.name for path in out.iterdir())
    counts = (found["bounced"], found["failed"])
    left = 4 - sum(counts)
    assert err.splitlines()[-1] == f"{counts[0]} of 4 files are done, {counts[1]} failed, {left} are left"
    assert "plugin-bridge: interrupted; unfinished files are removed" in err
    assert left >= 2
