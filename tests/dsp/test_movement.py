"""What is held fades from the movement, and what moves stays in it, as a filter of first order has it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.movement import SHARE, Movement
from dsp.units import HOPS_PER_SECOND

Float32 = NDArray[np.float32]

KEPT = 1.0 - float(SHARE)


def test_a_vowel_that_is_held_fades_and_the_next_one_is_a_step() -> None:
    bands = np.zeros((60, 72), np.float32)
    bands += np.linspace(-40.0, 0.0, 72, dtype=np.float32)
    bands[20:] += 6.0
    moving = Movement().process(bands)
    assert np.all(moving[:20] == 0.0)
    wanted = 6.0 * KEPT ** np.arange(1, 41)
    np.testing.assert_allclose(moving[20:], np.repeat(wanted[:, None], 72, axis=1), atol=1e-4)


@pytest.mark.parametrize("hertz", [1.0, 5.0, 15.0, 40.0])
def test_a_movement_passes_as_by_a_filter_of_first_order(hertz: float) -> None:
    turn = 2.0 * np.pi * hertz / HOPS_PER_SECOND
    wave = np.cos(turn * np.arange(2000)).astype(np.float32)[:, None]
    moving = Movement().process(wave)[1000:, 0]
    late = np.exp(-1j * turn)
    gain = abs(KEPT * (1.0 - late) / (1.0 - KEPT * late))
    assert np.sqrt(2.0) * moving.std() == pytest.approx(gain, rel=2e-3)


def test_what_moves_says_nothing_of_what_holds() -> None:
    rng = np.random.default_rng(3)
    bands = rng.standard_normal((80, 72)).astype(np.float32)
    colour = rng.uniform(-12.0, 12.0, 72).astype(np.float32)
    np.testing.assert_allclose(Movement().process(bands + colour), Movement().process(bands), atol=1e-5)
