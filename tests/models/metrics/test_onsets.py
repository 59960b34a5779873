"""Bursts are found where they are, and rise by as much whatever is sung after them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.metrics.onsets import compare_onsets

RATE = 48000


def burst(at: float, tone: float = 0.0) -> NDArray[np.float32]:
    """Half a second of silence with a burst of 20 ms, and from 50 ms after 0.2 s a tone at 2 kHz."""
    t = np.arange(RATE // 2) / RATE
    x = 0.05 * np.random.default_rng(2).standard_normal(t.size) * ((t >= at) & (t < at + 0.02))
    return np.asarray(
        x + tone * np.clip((t - 0.25) / 0.01, 0.0, 1.0) * np.sin(4000.0 * np.pi * t), np.float32
    )


def test_a_burst_that_comes_early_leads() -> None:
    scores = compare_onsets(burst(0.2), burst(0.195), RATE)
    assert scores.bursts == 1
    assert scores.lead == pytest.approx(5.0, abs=1.0)
    assert scores.rise == pytest.approx(scores.source_rise, abs=3.0)


def test_a_loud_note_after_a_burst_does_not_ring_before_it() -> None:
    scores = compare_onsets(burst(0.2), burst(0.2, 0.5), RATE)
    assert scores.source_rise > 50.0
    assert scores.rise > scores.source_rise - 3.0
    assert abs(scores.lead) <= 1.0
