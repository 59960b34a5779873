"""What a picture is told of a file: a tone's pitch, the louder channel's peak, a part at its time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from plugin_bridge.errors import AudioFileError
from plugin_bridge.measure.inspection import MAX_SECONDS, inspected
from tests.support.doubles import sung


def write_tone(
    path: Path, rate: int, hertz: float, amplitudes: tuple[float, ...], seconds: float = 1.0
) -> Path:
    wave = np.sin(2.0 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    soundfile.write(path, wave[:, None] * np.array(amplitudes), rate, "FLOAT")
    return path


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 192000])
@pytest.mark.parametrize("pitch", ["periodicity", "melody"])
def test_the_pitch_and_the_level_of_a_tone(tmp_path: Path, rate: int, pitch: str) -> None:
    soundfile.write(tmp_path / "sung.wav", sung(rate, 1.0, 220.0).T, rate, "FLOAT")
    sound, note = inspected(tmp_path / "sung.wav", pitch=pitch)
    heard = sound.pitch[20:-20]
    assert (sound.f0.size, note) == (100, "")
    assert np.abs(1200.0 * np.log2(heard / 220.0)).max() < 10.0
    assert sound.level.max() == pytest.approx(20.0 * np.log10(0.3), abs=0.1)
    assert sound.stop == pytest.approx(1.0)


def test_the_level_is_that_of_the_louder_channel(tmp_path: Path) -> None:
    sound, _ = inspected(write_tone(tmp_path / "it.wav", 48000, 440.0, (0.5, -0.25)))
    assert sound.level[1:-1] == pytest.approx(-6.02, abs=0.01)
    assert sound.pitch[20:-20] == pytest.approx(440.0, rel=1e-3)


def test_a_part_keeps_its_time(tmp_path: Path) -> None:
    rate = 44100
    silence, tone = np.zeros(rate), 0.5 * np.sin(2.0 * np.pi * 330.0 * np.arange(rate) / rate)
    soundfile.write(tmp_path / "it.wav", np.concatenate([silence, tone, silence]), rate)
    whole, _ = inspected(tmp_path / "it.wav")
    part, _ = inspected(tmp_path / "it.wav", 0.75, 1.5)
    assert (part.start, part.stop) == (0.75, 2.25)
    assert part.audio.size == 1.5 * rate
    assert np.array_equal(part.audio, whole.audio[round(0.75 * rate) : round(2.25 * rate)])
    for sound in (whole, part):
        loud = sound.times[sound.level > -20.0]
        assert loud.min() == pytest.approx(1.0, abs=0.011)
        assert loud.max() == pytest.approx(2.0, abs=0.011)
        voiced = sound.times[~np.isnan(sound.pitch)]
        assert 1.0 <= voiced.min() < 1.1
        assert 1.9 < voiced.max() < 2.1


def test_a_part_that_is_not_there_or_too_long_is_refused(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "it.wav", 8000, 440.0, (0.5,))
    with pytest.raises(AudioFileError, match=r"ends at 1\.00 s; start before that"):
        inspected(path, 1.0)
    long = tmp_path / "long.wav"
    soundfile.write(long, np.zeros(round(8000 * MAX_SECONDS) + 1, np.int16), 8000)
    with pytest.raises(
        AudioFileError, match="has 1200 s to show and a picture holds 1200; choose a part with"
    ):
        inspected(long)
    assert inspected(long, 1.0, 2.0)[0].stop == 3.0
