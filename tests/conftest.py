"""What every test may use: the example stem, cut short, a repeatable Hypothesis, and no skips in CI."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import settings
from numpy.typing import NDArray

from tests.support.extras import needs_effect
from tests.support.jackserver import jack_server

# Started in the background or by nohup, the suite would hand down signals that are ignored.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL)

ROOT = Path(__file__).resolve().parent.parent
STEM = ROOT / "examples" / "two_singers.flac"

LONGEST = (
    "plugin_bridge/plugin/test_panel.py",
    "plugin_bridge/commands/test_evaluate.py",
    "plugin_bridge/panel/test_page.py",
    "plugin_bridge/plugin/test_ardour.py",
    "plugin_bridge/plugin/test_lifetime.py",
    "plugin_bridge/live/rig/test_liverig.py",
    "test_examples.py",
    "models/training/singer/test_training.py",
    "plugin_bridge/plugin/test_clap.py",
    "plugin_bridge/panel/test_enrolling.py",
    "plugin_bridge/commands/test_evaluate_melody.py",
    "plugin_bridge/commands/test_cli_streams.py",
    "plugin_bridge/commands/test_cli.py",
    "plugin_bridge/commands/test_telemetry.py",
    "plugin_bridge/batches/test_running.py",
)
"""Files that take long for their number of tests, the longest first."""

# A busy machine is not a failing test, and the same commit gives the same examples.
settings.register_profile("steady", deadline=None, derandomize=True, max_examples=50, print_blob=True)
settings.load_profile("steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, so that at the end of a run no worker waits for one."""
    rank = {ROOT / "tests" / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail in CI what is skipped while it runs: a part of the set-up is missing there.

    A test that has no meaning on some system says so by the mark `skipif`, and is skipped everywhere.
    """
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and item.get_closest_marker("skipif") is None:
        _fail_in_ci(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fail in CI a whole file that is skipped."""
    report = yield
    if report.skipped:
        _fail_in_ci(report)
    return report


def _fail_in_ci(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("CI", "").lower() in {"true", "1"}:
        report.outcome = "failed"
        sentence = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.longrepr = f"{sentence}; with CI=true a missing part is a failure"


@pytest.fixture(scope="session")
def stem_path() -> Path:
    """The whole example stem: 9.4 s, mono, 44.1 kHz."""
    return STEM


@pytest.fixture(scope="session")
def stem() -> tuple[NDArray[np.float32], int]:
    """The first 1.5 s of the example stem, float32 (1, samples), and its rate in hertz."""
    audio, rate = soundfile.read(STEM, stop=66150, dtype="float32", always_2d=True)
    return np.ascontiguousarray(audio.T), int(rate)


@pytest.fixture
def short_stem(tmp_path: Path, stem: tuple[NDArray[np.float32], int]) -> Path:
    """A file with the first 1.5 s of the example stem."""
    audio, rate = stem
    path = tmp_path / "short_stem.wav"
    soundfile.write(path, audio.T, rate, subtype="PCM_24")
    return path


@pytest.fixture
def jack_name(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a JACK server that runs for the test, and that its clients find."""
    with jack_server() as name:
        monkeypatch.setenv("JACK_DEFAULT_SERVER", name)
        yield name


@pytest.fixture(scope="session")
def vst3_folder() -> Path:
    """The folder with the VST3 effects of the Debian package zam-plugins."""
    return needs_effect("ZamComp.vst3", "zam-plugins")
