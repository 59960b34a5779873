"""What every test may use: the example stem, cut short, and a repeatable Hypothesis."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import settings
from numpy.typing import NDArray

from tests.support.jackserver import jack_server

# Started in the background or by nohup, the suite would hand down signals that are ignored.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL)

ROOT = Path(__file__).resolve().parent.parent
STEM = ROOT / "examples" / "two_singers.flac"

# A busy machine is not a failing test, and the same commit gives the same examples.
settings.register_profile("steady", deadline=None, derandomize=True, max_examples=50, print_blob=True)
settings.load_profile("steady")


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
    """The folder with the VST3 effects of the Debian package zam-plugins; CI must have them."""
    folders = (Path("/usr/lib/vst3"), Path("/Library/Audio/Plug-Ins/VST3"), Path.home() / ".vst3")
    for folder in folders:
        if (folder / "ZamComp.vst3").exists():
            return folder
    sentence = "the VST3 effect ZamComp is not installed; on Debian: apt-get install zam-plugins"
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)
