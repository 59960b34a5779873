"""The filters under breath: what is voiced becomes breathy, and consonants stay as they are."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.filters import HARMONIC_GRID, NOISE_GRID
from dsp.smoothing import Ramp
from plugin_bridge.engine.parameterstate import ParameterState
from plugin_bridge.engine.timbre import Timbre

HOP = 480


@pytest.mark.parametrize("breath", [-40.0, 6.0, 20.0])
@pytest.mark.parametrize("voicing", [0.0, 0.5, 1.0])
def test_breath_moves_the_noise_of_voiced_sounds_alone(breath: float, voicing: float) -> None:
    parameters = ParameterState(48000, {"breath": breath})
    timbre = Timbre(HOP, parameters, "sawsing", [Ramp(1.0)])
    frame = np.zeros(HARMONIC_GRID.size, np.float32), np.full(NOISE_GRID.size, -3.0, np.float32)
    knots = timbre.knots([timbre.plan(0)], [[frame, frame]], [voicing, voicing], np.full(HOP, 220.0))
    for knot in knots:
        assert np.array_equal(knot.harmonic, frame[0])
        decibels = 20.0 / np.log(10.0) * (knot.noise - frame[1])
        assert decibels == pytest.approx(breath * voicing, abs=1e-4)
