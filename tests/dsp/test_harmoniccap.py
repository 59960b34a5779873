"""Where nothing is sung the harmonics' filter is little louder than the voice before it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.harmoniccap import MARGIN_DB, HarmonicCap
from dsp.units import NEPER_PER_DB

Float32 = NDArray[np.float32]

MARGIN = MARGIN_DB * NEPER_PER_DB
VOICE = np.array([[1.0, -2.0, 0.5]], np.float32)
NOISE = np.array([[4.0, -5.0, 0.5]], np.float32)


def test_voice_passes_and_what_follows_is_bounded_by_it_control_by_control() -> None:
    cap = HarmonicCap()
    harmonic = np.concatenate([VOICE, NOISE, NOISE, 2.0 * VOICE])
    found = cap.process(harmonic, np.array([1.0, 0.0, 0.0, 1.0]))
    np.testing.assert_array_equal(found[0], VOICE[0])
    np.testing.assert_allclose(found[1:3], 2 * [[1.0 + MARGIN, -5.0, 0.5]], rtol=1e-6)
    np.testing.assert_array_equal(found[3], 2.0 * VOICE[0])


@pytest.mark.parametrize("gate", [0.1, 0.5, 0.9])
def test_a_doubtful_frame_counts_by_the_square_of_its_voicing(gate: float) -> None:
    cap = HarmonicCap()
    cap.process(VOICE, np.ones(1))
    found = cap.process(np.concatenate([NOISE, NOISE]), np.array([gate, 0.0]))
    bound = 1.0 + gate**2 * 3.0 + MARGIN
    np.testing.assert_allclose(found[0], [min(4.0, bound), -5.0, 0.5], rtol=1e-6)
    np.testing.assert_allclose(found[1], [min(4.0, bound), -5.0, 0.5], rtol=1e-6)


def test_before_any_voice_the_bound_is_that_of_no_filter() -> None:
    cap = HarmonicCap()
    for _ in range(2):
        np.testing.assert_allclose(cap.process(NOISE, np.zeros(1)), [[MARGIN, -5.0, 0.5]], rtol=1e-6)
        cap.process(4.0 * VOICE, np.ones(1))
        cap.reset()


def test_any_number_of_frames_at_once_gives_the_same_bits_and_leaves_its_input() -> None:
    rng = np.random.default_rng(0)
    harmonic = rng.normal(0.0, 3.0, (200, 142)).astype(np.float32)
    before = harmonic.copy()
    voicing = rng.choice(np.array([0.0, 0.3, 0.7, 1.0]), 200)
    whole, parts = HarmonicCap().process(harmonic, voicing), HarmonicCap()
    edges = [0, 1, 2, 9, 50, 114, 200]
    split = [parts.process(harmonic[a:b], voicing[a:b]) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(split), whole)
    np.testing.assert_array_equal(harmonic, before)
