"""Recordings to train on: which files are found, which are read, and which are refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.suffixes import AUDIO_SUFFIXES
from models.training.corpus import MIN_SAMPLES, load_corpus, read_voice, recordings_in
from plugin_bridge.errors import TrainingError


def test_what_is_bounced_is_trained_on(tmp_path: Path) -> None:
    for suffix in (*AUDIO_SUFFIXES, ".txt"):
        (tmp_path / f"take{suffix.upper()}").touch()
    (tmp_path / "folder.wav").mkdir()
    assert all(path.stem == "take" for path in recordings_in(tmp_path))
    assert {path.suffix.lower() for path in recordings_in(tmp_path)} == set(AUDIO_SUFFIXES)


def test_a_damaged_recording_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    path.write_bytes(b"RIFF" + bytes(60))
    with pytest.raises(TrainingError, match=r"take\.wav cannot be read as audio \(.+\); export it again"):
        load_corpus([path], tmp_path / "cache")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (np.nan, "holds NaN at 0.625 s; every sample must be finite: repair it"),
        (-np.inf, "holds infinity at 0.625 s; every sample must be finite: repair it"),
        (-20000.0, r"holds a sample of -20000 at 0.625 s; audio lies in -1\.\.1: scale it down"),
    ],
)
def test_a_recording_with_a_sample_that_is_no_audio_is_refused_by_name(
    tmp_path: Path, value: float, sentence: str
) -> None:
    path = tmp_path / "take.wav"
    audio = np.zeros((48000, 2), np.float32)
    audio[30000, 1] = value
    soundfile.write(path, audio, 48000, subtype="FLOAT")
    with pytest.raises(TrainingError, match=rf"take\.wav {sentence} and export it again"):
        load_corpus([path], tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("rate", [44100, 48000])
def test_a_stereo_recording_does_not_cancel(tmp_path: Path, rate: int) -> None:
    voice = 0.1 * np.sin(2.0 * np.pi * 200.0 * np.arange(rate) / rate)
    for right in (voice, -voice):
        soundfile.write(tmp_path / "mono.wav", voice, rate)
        soundfile.write(tmp_path / "take.wav", np.stack([voice, right], axis=1), rate)
        assert np.array_equal(read_voice(tmp_path / "take.wav"), read_voice(tmp_path / "mono.wav"))


def test_a_recording_of_more_channels_is_refused_by_name(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "take.wav", np.zeros((4800, 6)), 48000)
    with pytest.raises(
        TrainingError, match=r"take\.wav has 6 channels; mono or stereo is needed: split or mix"
    ):
        read_voice(tmp_path / "take.wav")


@pytest.mark.parametrize("rate", [44100, 48000])
def test_a_recording_that_hardly_is_one_is_refused_by_name(tmp_path: Path, rate: int) -> None:
    path, least = tmp_path / "take.wav", rate // 50
    for samples, lasts in ((0, "0"), (least - 40, "19")):
        soundfile.write(path, np.zeros(samples), rate)
        with pytest.raises(TrainingError, match=rf"take\.wav lasts {lasts} ms and a recording at least 20; "):
            read_voice(path)
    soundfile.write(path, np.zeros(least), rate)
    assert read_voice(path).size == MIN_SAMPLES
