"""The pan that follows the source within its time, and mix, gain and bypass while they move."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from plugin_bridge.control.parameters import Value
from plugin_bridge.engine.mixing import Mixer, Panner
from plugin_bridge.engine.parameterstate import ParameterState

Float32 = NDArray[np.float32]

RATE = 16000
HOP = RATE // 100
ONES = np.ones(HOP, np.float32)


def panned(panner: Panner, left: float, right: float, hops: int) -> Float32:
    """Return the last sample of the voice in both channels at the end of each hop, shape (2, hops)."""
    x = np.stack([np.full(HOP, left, np.float32), np.full(HOP, right, np.float32)])
    return np.stack([panner.process(x, ONES)[:, -1] for _ in range(hops)], axis=1)


def test_the_pan_reaches_two_thirds_of_its_way_in_45_ms() -> None:
    """The energies of both channels follow with a time constant of 45 ms, that is 0.8 left of a way a hop."""
    panner = Panner(HOP)
    panned(panner, 1.0, 0.0, 100)
    gains = panned(panner, 0.0, 1.0, 30)
    rest = np.exp(-np.arange(1, 31) * 10.0 / 44.8)
    right = np.sqrt(1.0 - rest)
    wanted = 2.0 * right / (right + np.sqrt(rest))
    assert gains[1] == pytest.approx(wanted, abs=0.02)
    assert gains.sum(axis=0) == pytest.approx(2.0, abs=1e-5)


def test_the_pan_stays_where_it_was_in_silence_and_moves_within_a_hop_along_a_line() -> None:
    panner = Panner(HOP)
    panned(panner, 1.0, 0.0, 100)
    silent = panned(panner, 0.0, 0.0, 200)
    assert silent[0, -1] == pytest.approx(2.0, abs=1e-3)
    x = np.stack([np.zeros(HOP, np.float32), ONES])
    line = panner.process(x, ONES)[1]
    assert np.diff(line, 2) == pytest.approx(0.0, abs=1e-6)
    assert line[0] == pytest.approx(silent[1, -1], abs=1e-6)


@pytest.mark.parametrize("decibels", [0.0, -40.0, -60.0, -100.0])
def test_the_pan_follows_a_quiet_source_like_a_loud_one(decibels: float) -> None:
    level = 10.0 ** (decibels / 20.0)
    gains = panned(Panner(HOP), level, 0.5 * level, 100)[:, -1]
    assert gains == pytest.approx([4.0 / 3.0, 2.0 / 3.0], abs=1e-5)
    assert panned(Panner(HOP), 1e-7, 0.0, 100)[:, -1].tolist() == [1.0, 1.0]  # -140 dB is silence


@pytest.mark.parametrize("values", [{}, {"mix": 0.5}, {"gain": -6.0}, {"mix": 0.25, "gain": 12.0}], ids=str)
def test_bypass_fades_from_the_mix_at_its_level_to_the_source(values: dict[str, Value]) -> None:
    parameters = ParameterState(RATE, values)
    mixer = Mixer(parameters, 1, 0)
    parameters.set("bypass", True, 1)
    rng = np.random.default_rng(3)
    source, voice = rng.uniform(-1.0, 1.0, (2, 1, 4 * HOP)).astype(np.float32)
    levels = [mixer.levels(start, HOP) for start in range(0, 4 * HOP, HOP)]
    y = mixer.process(source, voice, levels)
    mix, gain = float(values.get("mix", 1.0)), 10.0 ** (float(values.get("gain", 0.0)) / 20.0)
    heard = gain * (source + mix * (voice - source))
    way = np.clip(np.arange(4 * HOP) / (RATE // 50), 0.0, 1.0)  # 20 ms
    assert np.abs(y - (heard + way * (source - heard))).max() < 1e-5
    assert np.array_equal(y[:, 2 * HOP :], source[:, 2 * HOP :])
    assert np.abs(y - source)[:, :HOP].max() > 0.05


def test_mix_and_gain_move_together_on_their_samples() -> None:
    parameters = ParameterState(RATE, {"mix": 0.0})
    mixer = Mixer(parameters, 2, 0)
    parameters.set("mix", 1.0, 1)
    parameters.set("gain", -12.0, 1)
    source, voice = np.ones((2, 3 * HOP), np.float32), np.zeros((2, 3 * HOP), np.float32)
    y = mixer.process(source, voice, [mixer.levels(start, HOP) for start in range(0, 3 * HOP, HOP)])
    way = np.clip(np.arange(3 * HOP) / (RATE // 50), 0.0, 1.0)
    assert np.abs(y - (1.0 - way) * 10.0 ** (-12.0 * way / 20.0)).max() < 1e-5
