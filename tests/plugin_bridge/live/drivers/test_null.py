"""The driver without a device: which file it loops, in which channels, at which rate, and what it refuses."""

from __future__ import annotations

import contextlib
import math
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from plugin_bridge.control.form import Form
from plugin_bridge.errors import DeviceError
from plugin_bridge.live.drivers.driver import MidiIn
from plugin_bridge.live.drivers.null import NullDriver
from plugin_bridge.live.settings import DriverSettings

Float32 = NDArray[np.float32]


class Ear:
    """An engine's side that keeps the first blocks."""

    latency = 0

    def __init__(self, blocks: int) -> None:
        self._left = blocks
        self.heard: list[Float32] = []
        self.full = threading.Event()

    def cycle(self, source: Float32, output: Float32, midi: MidiIn = ()) -> None:
        del output, midi
        if len(self.heard) < self._left:
            self.heard.append(source.copy())
        else:
            self.full.set()

    def overrun(self) -> None:
        pytest.fail("a simulated clock is never late")

    def settled(self, timeout: float) -> bool:
        del timeout
        return True


def heard(settings: DriverSettings, blocks: int) -> tuple[Form, Float32]:
    """Return the form, and what the engine got in the first blocks."""
    ear = Ear(blocks)
    with contextlib.closing(NullDriver(settings, math.inf)) as driver:
        form = driver.open(lambda _: ear, pytest.fail)
        assert ear.full.wait(20.0)
    return form, np.concatenate(ear.heard, axis=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.wav"


def test_a_file_is_looped_without_a_gap_at_its_own_rate(path: Path) -> None:
    x = np.random.default_rng(0).uniform(-1.0, 1.0, (2, 300)).astype(np.float32)
    soundfile.write(path, x.T, 44100, subtype="FLOAT")
    form, y = heard(DriverSettings("null", str(path), channels=2, block=64), 20)
    assert form == Form(44100, 2, 64, str(path))
    assert np.array_equal(y, np.tile(x, 5)[:, : 20 * 64])
    assert heard(DriverSettings("null", str(path), 44100, channels=2), 1)[0].block == 128


def test_a_file_of_other_channels_is_fitted(path: Path) -> None:
    x = np.random.default_rng(0).uniform(-0.5, 0.5, 128).astype(np.float32)
    soundfile.write(path, x, 48000, subtype="FLOAT")
    assert np.array_equal(heard(DriverSettings("null", str(path), channels=2), 1)[1], [x, x])
    soundfile.write(path, np.stack([x, x], axis=1), 48000, subtype="FLOAT")
    assert np.allclose(heard(DriverSettings("null", str(path)), 1)[1], [x], atol=1e-6)


@pytest.mark.parametrize(("asked", "rate"), [(0, 48000), (32000, 32000)])
def test_without_a_file_it_is_silent(asked: int, rate: int) -> None:
    form, y = heard(DriverSettings("null", sample_rate=asked, channels=2), 3)
    assert form == Form(rate, 2, 128, "silence")
    assert y.shape == (2, 384)
    assert not y.any()


@pytest.mark.parametrize(
    ("samples", "channels", "asked", "sentence"),
    [
        (100, 1, 44100, "has 100 samples at 48000 Hz; leave out --rate or name another"),
        (0, 1, 0, "has 0 samples at 48000 Hz; leave out --rate or name another"),
        (100, 3, 0, "has 3 channels; mono or stereo is needed: name another file"),
    ],
)
def test_a_file_that_cannot_be_looped_as_asked_is_refused(
    path: Path, samples: int, channels: int, asked: int, sentence: str
) -> None:
    soundfile.write(path, np.zeros((samples, channels), np.float32), 48000)
    driver = NullDriver(DriverSettings("null", str(path), asked))
    with contextlib.closing(driver), pytest.raises(DeviceError, match=f"^{path} {sentence}$"):
        driver.open(lambda _: Ear(0), pytest.fail)
