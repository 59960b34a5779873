"""The clips of an evaluation: read, joined, brought to a native rate, cut to their loudest stretch."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from plugin_bridge.errors import AudioFileError
from plugin_bridge.measure.clips import loudest, read_clip, recordings
from tests.plugin_bridge.commands.evaluating import RATE, studio
from tests.support.doubles import sung
from tests.support.extras import needs


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


def test_labels_and_lyrics_beside_the_files_come_with_the_clip(tmp_path: Path) -> None:
    for name, lyrics in (("a", "hello"), ("b", "world")):
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(RATE), RATE)
        (tmp_path / f"{name}.lab").write_text("0 2000000 pau\n2000000 5000000 a\n", encoding="utf-8")
        (tmp_path / f"{name}.lyrics.txt").write_text(f"{lyrics}\n", encoding="utf-8")
    both = [tmp_path / "a.wav", tmp_path / "b.wav"]
    clip = read_clip(both, language="en")
    assert [label.phone for label in clip.labels] == ["a", "a"]
    assert [label.start for label in clip.labels] == pytest.approx([0.2, 1.2])
    assert (clip.lyrics, clip.language) == ("hello world", "en")
    (tmp_path / "b.lab").unlink()
    (tmp_path / "b.lyrics.txt").unlink()
    clip = read_clip(both)
    assert (clip.labels, clip.lyrics) == ((), "")
    (tmp_path / "b.lab").write_text("nothing\n", encoding="utf-8")
    with pytest.raises(AudioFileError, match=r"b\.lab cannot be read"):
        read_clip(both)
    (tmp_path / "a.lyrics.txt").write_bytes(b"\xff")
    with pytest.raises(AudioFileError, match=r"a\.lyrics\.txt cannot be read; give a text in UTF-8"):
        read_clip(both[:1])


def test_syllables_in_a_files_name_become_labels(tmp_path: Path) -> None:
    needs("snfa")
    x = np.concatenate([np.zeros(RATE // 2), sung(RATE, 1.0, 150.0)[0], np.zeros(RATE // 2)])
    soundfile.write(tmp_path / "voice_a.wav", x, RATE)
    (label,) = read_clip([tmp_path / "voice_a.wav"], spelt=re.compile("voice_(.+)")).labels
    assert label.phone == "a"
    assert label.start == pytest.approx(0.5, abs=0.1)
    assert label.stop == pytest.approx(1.5, abs=0.1)
    assert read_clip([tmp_path / "voice_a.wav"], spelt=re.compile("song_(.+)")).labels == ()


def test_a_folder_stands_for_its_recordings(tmp_path: Path) -> None:
    folder = studio(tmp_path)
    assert [path.name for path in recordings([folder])] == ["note0.wav", "note1.wav"]
    (tmp_path / "none").mkdir()
    with pytest.raises(AudioFileError, match="holds no audio"):
        recordings([tmp_path / "none"])
