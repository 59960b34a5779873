"""A short gap in a voice: what a singer says of its harmonics there is not heard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.controls import VOICED
from dsp.filters import HARMONIC_GRID
from plugin_bridge.engine.engine import Engine
from tests.support.doubles import CopyEstimator, CopySinger, sung

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

RATE = 48000
GAP = slice(round(0.6 * RATE), round(0.65 * RATE))


class LooseEstimator(CopyEstimator):
    """Says what it likes where nothing is sung: 40 dB more below 350 Hz, as a trained singer did."""

    def process(
        self,
        seen: Float32,
        movement: Float32,
        f0: Float64,
        voicing: Float64,
        loudness: Float64,
        likeness: Float64,
        steps: Float64,
    ) -> tuple[Float32, Float32]:
        harmonic, noise = super().process(seen, movement, f0, voicing, loudness, likeness, steps)
        harmonic[:, HARMONIC_GRID < 350.0] += np.where(voicing > VOICED, 0.0, np.log(100.0))[:, None]
        return harmonic, noise


@dataclass(frozen=True)
class LooseSinger(CopySinger):
    """A singer whose network says what it likes in gaps."""

    def start(self) -> CopyEstimator:
        return LooseEstimator(self.kind, self.tilt_db)


def low_band(singer: CopySinger, transpose: float) -> float:
    """Return the level below 250 Hz around the gap of a voice at 400 Hz, dB re full scale."""
    x = sung(RATE, 1.2, 400.0)
    noise = np.random.default_rng(0).normal(0.0, 0.05, GAP.stop - GAP.start)
    x[0, GAP] = noise.astype(np.float32)
    engine = Engine(RATE, 1, [singer], parameters={"transpose": transpose})
    y = np.concatenate([engine.process(x[:, i : i + 480]) for i in range(0, x.shape[1], 480)], axis=1)
    around = y[0, engine.latency :][GAP.start - RATE // 20 : GAP.stop + RATE // 20].astype(np.float64)
    power = np.abs(np.fft.rfft(around * np.hanning(around.size))) ** 2
    hertz = np.fft.rfftfreq(around.size, 1.0 / RATE)
    return float(10.0 * np.log10(power[hertz < 250.0].sum() / around.size**2))


@pytest.mark.parametrize("transpose", [0.0, 4.0])
def test_a_gap_in_a_voice_does_not_thump(transpose: float) -> None:
    quiet, loose = (low_band(singer, transpose) for singer in (CopySinger("a"), LooseSinger("a")))
    assert loose < quiet + 1.0
