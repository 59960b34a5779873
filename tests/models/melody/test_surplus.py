"""Music alone is told from the voice; what the voice sings and says passes."""

from __future__ import annotations

from models.melody.surplus import FALL_DB, MARGIN_DB, Surplus


def surpluses(frames: list[tuple[float, float]]) -> list[float]:
    gate = Surplus()
    return [gate.process(heard, share) for heard, share in frames]


def test_a_sure_voice_passes() -> None:
    assert surpluses([(-20.0, -0.5 * MARGIN_DB)] * 300) == [0.0] * 300


def test_music_alone_is_taken_off_step_by_step() -> None:
    found = surpluses([(-20.0, 0.0)] * 200 + [(-22.0, -30.0)] * 40)
    assert found[199:203] == [0.0, FALL_DB, 2.0 * FALL_DB, 3.0 * FALL_DB]
    assert found[-1] == 30.0 - MARGIN_DB


def test_the_voice_is_back_at_once() -> None:
    assert surpluses([(-20.0, -30.0)] * 200 + [(-18.0, -1.0)])[-1] == 0.0


def test_after_a_silence_all_is_the_voice_for_a_while() -> None:
    found = surpluses([(-20.0, 0.0)] * 50 + [(-100.0, -40.0)] * 5 + [(-25.0, -30.0)] * 150)
    assert not any(found[: 55 + 75])
    assert found[-1] > 20.0
