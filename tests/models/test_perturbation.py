"""A recording in disguise looks as another voice would."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.spectrum import Analyzer, envelope
from models.perturbation import _at_pitch

Float64 = NDArray[np.float64]

RATE, HZ = 48000, 220.0
SECONDS = np.arange(2 * RATE) / RATE
SEEN = slice(20, 180), slice(2, 60)
"""Frames within, bands from 200 Hz to 14 kHz."""
FORMANTS = ((700.0, 1.0), (1200.0, 0.7), (2700.0, 0.5), (3600.0, 0.4), (6000.0, 0.1))


def shown(f0: Float64) -> tuple[Float64, Float64, Float64]:
    """Return what is seen of a vowel sung at f0, (samples,): power, loudness, and f0 by the frame."""
    voice = np.zeros(SECONDS.size)
    for order in range(1, int(20000.0 / f0.max())):
        hertz = order * f0
        level = sum(gain / (1.0 + ((hertz - at) / 90.0) ** 2) for at, gain in FORMANTS) + 2e-3
        voice += level * np.sin(2.0 * np.pi * order * np.cumsum(f0) / RATE)
    seen = Analyzer(RATE).process((0.05 * voice).astype(np.float32))
    return seen.power, seen.loudness, f0[:: RATE // 100]


def bands(ratio: float, vibrato: float) -> tuple[Float64, Float64, Float64]:
    """Return envelopes, dB: of the vowel at another pitch, drawn there from `HZ`, and only blurred."""
    f0 = HZ * ratio * 2.0 ** (vibrato * np.sin(2.0 * np.pi * 5.5 * SECONDS) / 12.0)
    power, loudness, _ = shown(np.full(SECONDS.size, HZ))
    real_power, real_loudness, width = shown(f0)
    real = envelope(real_power, real_loudness, width)
    drawn = envelope(_at_pitch(power, np.full(width.size, HZ), width), loudness, width)
    blurred = envelope(power, loudness, HZ * ratio)
    return tuple(part[SEEN].astype(np.float64) for part in (real, drawn, blurred))  # type: ignore[return-value]


def apart(a: Float64, b: Float64) -> float:
    """Return how far envelopes differ in shape, dB."""
    return float(np.std(a - b))


@pytest.mark.parametrize(("ratio", "most_db"), [(1.0, 1.0), (1.5, 2.0), (2.0, 1.0)])
def test_a_vowel_drawn_at_another_pitch_is_that_of_a_voice_there(ratio: float, most_db: float) -> None:
    real, drawn, blurred = bands(ratio, 0.0)
    assert apart(drawn, real) < most_db
    assert ratio == 1.0 or apart(drawn, real) < 0.7 * apart(blurred, real)


def test_vibrato_makes_it_flutter_as_it_does_a_voice() -> None:
    real, drawn, blurred = (part.std(axis=0).mean() for part in bands(2.0, 1.0))
    assert blurred < 0.1
    assert real > 2.0
    assert drawn == pytest.approx(real, rel=0.4)
