"""What the LTAS normaliser takes out, and what it leaves."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.ltas import REFERENCE_LTAS, LtasNormalizer
from dsp.spectrum import ENVELOPE_GRID, SILENCE_DB

Float32 = NDArray[np.float32]


def singing(frames: int, tilt_db: float = 0.0) -> Float32:
    """Envelopes that wander about the reference, through an equaliser of a given depth."""
    rng = np.random.default_rng(5)
    moving = 6.0 * np.sin(np.linspace(0, 40, frames)[:, None] + rng.uniform(0, 6, ENVELOPE_GRID.size))
    return np.asarray(REFERENCE_LTAS + moving + tilt_db * np.sin(ENVELOPE_GRID / 3000.0), np.float32)


def normalise(bands: Float32, loudness: float = -20.0) -> Float32:
    return LtasNormalizer().process(bands, [loudness] * len(bands))


@pytest.mark.parametrize("tilt_db", [-10.0, 5.0, 10.0])
def test_two_microphones_come_to_look_alike(tilt_db: float) -> None:
    plain, tilted = normalise(singing(1200)), normalise(singing(1200, tilt_db))
    before = np.abs(singing(1200, tilt_db) - singing(1200)).mean()
    assert np.abs(tilted - plain)[-200:].mean() < 0.15 * before


def test_articulation_is_left() -> None:
    bands = singing(1200, 8.0)
    after = normalise(bands)
    assert (
        np.corrcoef(np.diff(bands[600:], axis=0).ravel(), np.diff(after[600:], axis=0).ravel())[0, 1] > 0.99
    )


def test_the_first_frames_are_hardly_touched() -> None:
    bands = singing(1, 10.0)
    assert np.max(np.abs(normalise(bands) - bands)) < 0.25


def test_pauses_teach_nothing() -> None:
    block = LtasNormalizer()
    block.process(singing(300), [-20.0] * 300)
    probe = singing(301)[-1:]
    before = block.process(probe, [-80.0])
    block.process(np.full((500, ENVELOPE_GRID.size), -80.0, np.float32), [SILENCE_DB] * 500)
    assert np.array_equal(block.process(probe, [-80.0]), before)


def test_reset_equals_fresh() -> None:
    used = LtasNormalizer()
    bands = singing(50, 7.0)
    first = used.process(bands, [-20.0] * 50)
    used.reset()
    assert np.array_equal(used.process(bands, [-20.0] * 50), first)
