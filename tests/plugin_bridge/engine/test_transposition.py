"""`transpose auto`: which octave is chosen, when, and when it is kept."""

from __future__ import annotations

import pytest

from dsp.units import semitones_to_hz
from plugin_bridge.control.parameters import Value
from plugin_bridge.engine.parameterstate import ParameterState
from plugin_bridge.engine.transposition import Transposition

RATE = 48000
SINGER = semitones_to_hz(72.0)


def hearing(singer: float = SINGER, **values: Value) -> tuple[Transposition, ParameterState]:
    parameters = ParameterState(RATE, {"transpose": "auto"} | values)
    return Transposition(parameters, lambda: singer), parameters


def sing(heard: Transposition, note: float, frames: int, start: int = 0) -> int:
    """Sing a note for so many frames and stop; return the sample after it."""
    for frame in range(start, start + frames):
        heard.listen(semitones_to_hz(note), 1.0, 480 * frame)
    heard.listen(semitones_to_hz(note), 0.0, 480 * (start + frames))
    return start + frames + 1


@pytest.mark.parametrize(("frames", "interval"), [(1, 0.0), (6, 0.0), (49, 0.0), (50, 12.0), (80, 12.0)])
def test_an_octave_is_chosen_once_half_a_second_was_sung(frames: int, interval: float) -> None:
    heard, parameters = hearing()
    sing(heard, 60.0, frames)
    assert parameters.ramp("transpose").target == interval


def test_short_notes_add_up_to_half_a_second() -> None:
    heard, parameters = hearing()
    at = 0
    for _ in range(4):
        at = sing(heard, 60.0, 12, at)
    assert parameters.ramp("transpose").target == 0.0
    sing(heard, 60.0, 12, at)
    assert parameters.ramp("transpose").target == 12.0


def test_no_octave_changes_within_a_note() -> None:
    heard, parameters = hearing()
    for frame in range(200):
        heard.listen(semitones_to_hz(60.0), 1.0, 480 * frame)
    assert parameters.ramp("transpose").target == 0.0


def test_an_octave_in_force_is_kept_until_another_is_clearly_nearer() -> None:
    heard, parameters = hearing()
    at = sing(heard, 60.0, 100)
    assert parameters.ramp("transpose").target == 12.0
    at = sing(heard, 67.0, 3000, at)  # 7 semitones off by an octave up, and 5 as it is: not clearly
    assert parameters.ramp("transpose").target == 12.0
    sing(heard, 69.0, 8000, at)  # 9 and 3
    assert parameters.ramp("transpose").target == 0.0


def test_asked_again_by_the_user_the_nearest_octave_is_chosen() -> None:
    heard, parameters = hearing()
    at = sing(heard, 60.0, 100)
    at = sing(heard, 67.0, 3000, at)
    heard.decide(480 * at)
    assert parameters.ramp("transpose").target == 0.0


def test_a_given_median_needs_no_hearing_and_is_not_overruled() -> None:
    heard, parameters = hearing(source_pitch=semitones_to_hz(48.0))
    assert parameters.ramp("transpose").target == 24.0
    sing(heard, 72.0, 300)
    assert parameters.ramp("transpose").target == 24.0


def test_a_number_is_left_alone() -> None:
    heard, parameters = hearing(transpose=5.0)
    sing(heard, 60.0, 200)
    assert parameters.ramp("transpose").target == 5.0


def test_a_morph_waits_for_the_end_of_the_note() -> None:
    parameters = ParameterState(RATE, {"transpose": "auto", "source_pitch": semitones_to_hz(60.0)})
    medians = [semitones_to_hz(60.0)]
    heard = Transposition(parameters, lambda: medians[0])
    heard.listen(semitones_to_hz(60.0), 1.0, 0)
    medians[0] = SINGER
    heard.ask(480)
    heard.listen(semitones_to_hz(60.0), 1.0, 480)
    assert parameters.ramp("transpose").target == 0.0
    heard.listen(semitones_to_hz(60.0), 0.0, 960)
    assert parameters.ramp("transpose").target == 12.0


def test_a_morph_in_a_pause_takes_effect_in_the_pause() -> None:
    parameters = ParameterState(RATE, {"transpose": "auto", "source_pitch": semitones_to_hz(60.0)})
    medians = [semitones_to_hz(60.0)]
    heard = Transposition(parameters, lambda: medians[0])
    medians[0] = SINGER
    heard.ask(480)
    heard.listen(semitones_to_hz(60.0), 0.0, 480)
    assert parameters.ramp("transpose").target == 12.0
