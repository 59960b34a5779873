"""The clips of an evaluation: read, joined, brought to a native rate, cut to their loudest stretch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from plugin_bridge.errors import AudioFileError
from plugin_bridge.measure.clips import loudest, read_clip, recordings
from tests.plugin_bridge.commands.evaluating import RATE, studio


def test_the_loudest_stretch_is_found() -> None:
    x = np.full(10 * RATE, 0.01, np.float32)
    x[4 * RATE : 6 * RATE] = 0.5
    found = loudest(x, RATE, 2.0)
    assert found.size == 2 * RATE
    assert found.min() == np.float32(0.5)
    assert loudest(x, RATE, 0.0).size == loudest(x, RATE, 60.0).size == x.size


def test_files_are_read_as_one_mono_clip_at_a_native_rate(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.full((2205, 2), (0.5, 0.1)), 22050)
    soundfile.write(tmp_path / "b.wav", np.full(4800, 0.25), 48000)
    clip = read_clip([tmp_path / "a.wav", tmp_path / "b.wav"])
    assert (clip.name, clip.sample_rate, clip.audio.size) == ("a", 24000, 4800)
    assert clip.seconds == pytest.approx(0.2)
    assert float(clip.audio[1200]) == pytest.approx(0.3, abs=0.01)
    assert float(clip.audio[3600]) == pytest.approx(0.25, abs=0.01)


def test_a_folder_stands_for_its_recordings(tmp_path: Path) -> None:
    folder = studio(tmp_path)
    assert [path.name for path in recordings([folder])] == ["note0.wav", "note1.wav"]
    (tmp_path / "none").mkdir()
    with pytest.raises(AudioFileError, match="holds no audio"):
        recordings([tmp_path / "none"])
