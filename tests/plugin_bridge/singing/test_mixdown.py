"""A mix: the backing track as it is, the vocal in time and about as loud, and nothing clipped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from plugin_bridge.errors import OutputError
from plugin_bridge.files.loudness import LoudnessMeter
from plugin_bridge.files.writer import OutputFormat
from plugin_bridge.singing.mixdown import MAX_GAIN_DB, PEAK_DB, VOCAL_LU, mix

RATE = 48000
FLOAT = OutputFormat("wav", "32f")


def tone(hertz: float, seconds: float, level: float, rate: int = RATE) -> NDArray[np.float64]:
    return np.asarray(level * np.sin(2.0 * np.pi * hertz * np.arange(round(rate * seconds)) / rate))


def mixed(
    folder: Path, backing: NDArray[np.floating], vocal: NDArray[np.floating], rate: int = RATE
) -> NDArray[np.float64]:
    """Write both, mix them, and return the mix, shape (samples, channels)."""
    soundfile.write(folder / "band.wav", backing, RATE, "FLOAT")
    soundfile.write(folder / "vocal.wav", vocal, rate, "FLOAT")
    mix(folder / "band.wav", folder / "vocal.wav", folder / "mix.wav", FLOAT, force=True)
    found, found_rate = soundfile.read(folder / "mix.wav", always_2d=True)
    assert found_rate == RATE
    return np.asarray(found)


def loudness(x: NDArray[np.float64]) -> float:
    meter = LoudnessMeter(RATE, x.shape[1])
    meter.process(np.ascontiguousarray(x.T, np.float32))
    meter.finish()
    found = meter.shown().integrated
    assert found is not None
    return found


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("level", [0.01, 0.2])
@pytest.mark.parametrize("rate", [RATE, 44100])
def test_the_vocal_is_brought_to_the_loudness_of_the_backing(
    tmp_path: Path, channels: int, level: float, rate: int
) -> None:
    backing = np.repeat(tone(150.0, 5.0, 0.1)[:, None], channels, axis=1)
    found = mixed(tmp_path, backing, tone(400.0, 5.0, level, rate), rate)
    assert found.shape == backing.shape
    assert loudness(found - backing) == pytest.approx(loudness(backing) + VOCAL_LU, abs=0.1)


def test_both_begin_together_and_the_mix_is_as_long_as_the_backing(tmp_path: Path) -> None:
    backing = tone(150.0, 3.0, 0.1)
    for seconds in (1.0, 5.0):
        vocal = np.zeros(round(RATE * seconds))
        vocal[12345:20001] = tone(997.0, 1.0, 0.1)[12000 : 12000 + 7656]
        added = mixed(tmp_path, backing, vocal)[:, 0] - backing
        assert added.size == backing.size
        assert np.flatnonzero(np.abs(added) > 1e-3)[[0, -1]].tolist() == pytest.approx([12345, 20000], abs=2)


def test_what_would_clip_is_softer_as_a_whole(tmp_path: Path) -> None:
    backing, vocal = tone(100.0, 3.0, 0.9), tone(300.0, 3.0, 0.9)
    found = mixed(tmp_path, backing, vocal)[:, 0]
    assert 20.0 * np.log10(np.abs(found).max()) == pytest.approx(PEAK_DB, abs=0.01)
    basis = np.stack([backing, vocal], axis=1)
    shares, *_ = np.linalg.lstsq(basis, found, rcond=None)
    assert np.abs(basis @ shares - found).max() < 1e-5
    assert shares[0] < 0.75  # the backing track is softer, too


def test_silence_and_whispers_are_not_blown_up(tmp_path: Path) -> None:
    backing = tone(150.0, 3.0, 0.1)
    assert np.abs(mixed(tmp_path, backing, np.zeros(RATE))[:, 0] - backing).max() < 1e-7
    faint = tone(400.0, 3.0, 1e-3)
    gain = np.abs(mixed(tmp_path, backing, faint)[:, 0] - backing).max() / 1e-3
    assert 20.0 * np.log10(gain) == pytest.approx(MAX_GAIN_DB, abs=0.1)


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    mixed(tmp_path, tone(150.0, 1.0, 0.1), tone(400.0, 1.0, 0.1))
    before = (tmp_path / "mix.wav").read_bytes()
    with pytest.raises(OutputError, match=r"mix\.wav exists already"):
        mix(tmp_path / "band.wav", tmp_path / "vocal.wav", tmp_path / "mix.wav", FLOAT)
    assert (tmp_path / "mix.wav").read_bytes() == before
