"""The voicing gate: what level a breath or a soft note is weighed against."""

from __future__ import annotations

import pytest

from dsp.voicing import VoicingGate


def after_a_rest(frames: int, below_db: float) -> float:
    """The voicing of a half periodic frame, so far below a loud one that came before a rest."""
    gate = VoicingGate()
    gate.weigh(0.1, lambda _: 0.0, 220.0, 1.0, 1.0, leap=True)
    for _ in range(frames):
        gate.close(1e-9)
    return gate.weigh(0.1 * 10.0 ** (-below_db / 10.0), lambda _: 0.0, 220.0, 0.8, 0.8, leap=True)


def test_the_loudest_is_forgotten_by_2_db_in_a_second() -> None:
    soft = after_a_rest(1, 20.0)
    assert 0.1 < soft < 0.5
    for seconds in (1, 2, 5):
        assert after_a_rest(1 + 100 * seconds, 20.0 + 2.0 * seconds) == pytest.approx(soft, abs=1e-9)
