"""What the engine gives a singer's network: pitches it was trained on, and envelopes of the right width."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.movement import Movement
from dsp.units import MAX_F0, MIN_F0
from plugin_bridge.engine.engine import Engine
from tests.support.doubles import CopyEstimator, CopySinger, sung

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

RATE = 16000
SOURCE = sung(RATE, 0.6, 220.0)


class Listening(CopyEstimator):
    """Keeps what it is given."""

    def __init__(self, kept: list[tuple[Float32, Float64]]) -> None:
        super().__init__("sawsing", 0.0)
        self._kept = kept
        self._movement = Movement()

    def process(self, seen: Float32, movement: Float32, *facts: Float64) -> tuple[Float32, Float32]:
        np.testing.assert_array_equal(movement, self._movement.process(seen))
        self._kept.append((seen.copy(), facts[0].copy()))
        return super().process(seen, movement, *facts)


@dataclass(frozen=True)
class Listener(CopySinger):
    """A singer that keeps what its network is given."""

    kept: list[tuple[Float32, Float64]] = field(default_factory=list)

    def start(self) -> CopyEstimator:
        return Listening(self.kept)


def given(transpose: float, source: Float32 = SOURCE) -> tuple[Float32, Float64]:
    """Return the envelopes of the frames, shape (n, 72), and the pitches given with them."""
    listener = Listener("listener")
    Engine(RATE, 1, [listener], parameters={"transpose": transpose}).process(source)
    envelopes, pitches = zip(*listener.kept, strict=True)
    return np.concatenate(envelopes), np.concatenate(pitches)


@pytest.mark.parametrize(
    ("source", "transpose", "wanted"),
    [(220.0, 0.0, 220.0), (220.0, 12.0, 440.0), (880.0, 36.0, MAX_F0), (110.0, -36.0, MIN_F0)],
)
def test_a_network_is_given_the_pitch_to_be_sung_within_what_it_was_trained_on(
    source: float, transpose: float, wanted: float
) -> None:
    _, pitches = given(transpose, sung(RATE, 0.6, source))
    assert np.median(pitches) == pytest.approx(wanted, rel=0.01)
    assert MIN_F0 <= pitches.min() <= pitches.max() <= MAX_F0


def test_an_envelope_is_as_wide_as_the_higher_of_the_pitches_heard_and_sung() -> None:
    """Narrower, it would show the harmonics of the one or ask for what lies between those of the other."""
    same, lower, higher = (given(transpose)[0][10:50] for transpose in (0.0, -12.0, 12.0))
    assert np.array_equal(same, lower)
    away = np.abs(higher - same).mean(axis=0)
    assert away.max() > 1.0  # dB


def test_a_reset_engine_hears_stereo_like_a_new_one() -> None:
    """Before the reset one channel was heard, turned over and at the side; none of that must last."""
    engine = Engine(RATE, 2, [CopySinger("copy")])
    after = np.concatenate([SOURCE, 0.8 * SOURCE])
    expected = engine.process(after)
    engine.reset()
    engine.process(np.concatenate([-0.1 * SOURCE, SOURCE]))
    engine.reset()
    assert np.array_equal(engine.process(after), expected)
