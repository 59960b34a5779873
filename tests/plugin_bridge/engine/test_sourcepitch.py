"""The median pitch of a recording, measured at a bounded cost."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from plugin_bridge.bounce.planning import median_pitch
from plugin_bridge.engine.sourcepitch import WINDOWS, median_of_windows
from plugin_bridge.files.reader import AudioReader
from tests.support.doubles import sung

RATE = 16000


def test_the_windows_that_sound_are_heard_and_no_more_than_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    monkeypatch.setattr(
        "plugin_bridge.engine.sourcepitch.SourcePitch.process", lambda _, x: heard.append(int(x[0, 0] * 100))
    )

    def windows() -> Iterator[NDArray[np.float32]]:
        for index in range(100):
            yield np.full((1, 10), 0.0 if index < 40 else index / 100, np.float32)

    assert median_of_windows(windows(), RATE) == 0.0
    assert len(heard) == WINDOWS
    assert min(heard) in {39, 40}
    assert max(heard) in {98, 99}


@pytest.mark.parametrize("count", [1, WINDOWS, 2 * WINDOWS, 60, 1000])
def test_windows_that_sound_are_heard_spread_evenly(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = 40
    heard: list[int] = []
    monkeypatch.setattr(
        "plugin_bridge.engine.sourcepitch.SourcePitch.process",
        lambda _, x: heard.append(round(float(x[0, 0]))),
    )

    def windows() -> Iterator[NDArray[np.float32]]:
        for index in range(silent + count):
            yield np.full((1, 10), 0.001 if index < silent else index, np.float32)

    assert median_of_windows(windows(), RATE) == 0.0
    apart = count / WINDOWS
    assert len(heard) == min(WINDOWS, count)
    assert heard[0] == silent
    assert heard[-1] == silent + count - 1
    assert all(after - before < 2.0 * apart + 1.0 for before, after in pairwise(heard))


@pytest.mark.parametrize("rate", [16000, 22050])
def test_a_singer_after_long_silence_is_found(tmp_path: Path, rate: int) -> None:
    silence = np.zeros((1, 40 * rate), np.float32)
    song = np.concatenate([silence, sung(rate, 2.0, f0=330.0), silence], axis=1)
    soundfile.write(tmp_path / "a.wav", song.T, rate)
    with AudioReader(tmp_path / "a.wav") as reader:
        pitch = median_pitch(reader, 24000 if rate == 22050 else rate)
    assert pitch == pytest.approx(330, rel=0.01)


def test_nothing_voiced_has_no_pitch(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(5), RATE)
    with AudioReader(tmp_path / "a.wav") as reader:
        assert median_pitch(reader, RATE) == 0.0
