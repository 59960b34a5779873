"""The learning rate over a training: it rises, stays, falls to 0, and never jumps."""

from __future__ import annotations

import numpy as np
import pytest

from models.training.schedule import fall, rise


def test_the_learning_rate_rises_and_falls_in_lines() -> None:
    shares = [rise(step, 10) * fall(step, 100, 0.4) for step in range(100)]
    assert shares[:10] == pytest.approx(np.arange(1, 11) / 10)
    assert shares[10:60] == [1.0] * 50
    assert shares[60:] == pytest.approx(np.arange(40, 0, -1) / 40)


def test_a_fall_over_less_than_a_step_is_none() -> None:
    assert [fall(step, 2, 0.4) for step in range(3)] == [1.0] * 3
