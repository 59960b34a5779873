"""The parts of the pitch, one by one: vibrato, correction, notes, the source's median, the octave."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from plugin_bridge.control.scales import notes
from plugin_bridge.engine.correction import Corrector
from plugin_bridge.engine.notes import HOLD_MS, Melody
from plugin_bridge.engine.parameterstate import ParameterState
from plugin_bridge.engine.pitchcontrol import PitchControl
from plugin_bridge.engine.sourcepitch import RunningMedian, SourcePitch, octave_shift
from plugin_bridge.engine.vibrato import VibratoFinder
from tests.support.doubles import sung

Float64 = NDArray[np.float64]

FRAMES = np.arange(200) * 0.01


def found(
    track: Float64,
) -> Float64:
    finder = VibratoFinder()
    depths = []
    for pitch in track:
        finder.listen(float(pitch), True)
        depths.append(finder.depth())
    return np.array(depths)


@pytest.mark.parametrize("rate", [4.3, 5.0, 5.6, 6.3, 7.5])
@pytest.mark.parametrize("depth", [0.2, 0.7])
def test_vibrato_is_found_without_lag(rate: float, depth: float) -> None:
    wave = depth * np.sin(2 * np.pi * rate * FRAMES)
    drift = 60.0 + 0.3 * FRAMES
    rest = (wave - found(drift + wave))[50:]
    assert np.sqrt(np.mean(rest**2)) < 0.12 * depth


def test_what_is_no_vibrato_is_left_alone() -> None:
    rng = np.random.default_rng(0)
    steady = 60.0 + 0.03 * rng.standard_normal(200)
    scale = 60.0 + 2.0 * np.floor(FRAMES / 0.5)
    slide = 60.0 + 6.0 * FRAMES
    wide = 60.0 + 2.5 * np.sin(2 * np.pi * 5.5 * FRAMES)
    for track in (steady, scale, slide, wide):
        assert np.abs(found(np.asarray(track, np.float64))).max() < 0.1


def test_an_unvoiced_frame_ends_a_vibrato() -> None:
    finder = VibratoFinder()
    for k in range(100):
        finder.listen(60.0 + 0.5 * np.sin(2 * np.pi * 0.055 * k), True)
        finder.depth()
    assert finder.depth() != 0.0
    finder.listen(60.0, False)
    assert finder.depth() == 0.0


CHROMATIC = notes("chromatic", "C")


@given(st.floats(40, 80), st.sampled_from(["chromatic", "major", "minor_pentatonic"]))
def test_a_correction_at_once_lands_on_the_nearest_note(pitch: float, scale: str) -> None:
    allowed = notes(scale, "D")
    landed = pitch + Corrector().process(pitch, True, allowed, 0.0)
    nearest = min(abs(note - pitch) for note in allowed)
    assert min(abs(note - landed) for note in allowed) < 1e-9
    assert abs(landed - pitch) == pytest.approx(nearest, abs=1e-9)


def test_a_waver_between_two_notes_does_not_flip() -> None:
    corrector = Corrector()
    track = 60.5 + 0.08 * np.sin(FRAMES * 40)
    landed = {round(p + corrector.process(float(p), True, CHROMATIC, 0.0), 6) for p in track}
    assert len(landed) == 1


def test_retune_is_a_time_constant() -> None:
    corrector = Corrector()
    shifts = [corrector.process(60.4, True, CHROMATIC, 100.0) for _ in range(40)]
    assert shifts[9] == pytest.approx(-0.4 * (1 - np.exp(-1)), abs=1e-9)
    assert shifts[-1] == pytest.approx(-0.4, abs=0.02)


def test_an_unvoiced_frame_keeps_the_shift_and_ends_the_note() -> None:
    corrector = Corrector()
    for _ in range(50):
        corrector.process(60.4, True, CHROMATIC, 20.0)
    assert corrector.process(10.0, False, CHROMATIC, 20.0) == pytest.approx(-0.4, abs=1e-3)
    assert corrector.process(62.4, True, CHROMATIC, 100.0) == pytest.approx(
        -0.4 * (1 - np.exp(-0.1)), abs=1e-9
    )


def test_notes_held_without_end_are_bounded() -> None:
    melody = Melody(48000)
    melody.enable(True, 0)
    for k in range(1000):
        melody.note_on(k * 0.1, k + 1, 0.0)
    assert len(melody._held) <= 128
    assert melody.note.target == pytest.approx(99.9)


def test_a_note_that_is_not_held_ends_nothing() -> None:
    melody = Melody(48000)
    melody.enable(True, 0)
    melody.note_on(60.0, 100, 0.0)
    melody.note_off(61.0, 200)
    melody.settle(100_000)
    assert (melody.weight.target, melody.note.target) == (1.0, 60.0)


def test_after_the_last_note_the_sung_melody_comes_back_in_the_time_of_a_glide() -> None:
    melody = Melody(48000)
    melody.enable(True, 0)
    melody.note_on(60.0, 100, 300.0)
    melody.note_off(60.0, 10_000)
    ends = 10_000 + round(HOLD_MS * 48)
    melody.settle(ends - 1)
    assert melody.weight.target == 1.0
    melody.settle(ends)
    assert [melody.weight.value(ends + k) for k in (-1, 7_199, 14_399)] == pytest.approx([1.0, 0.5, 0.0])


def test_a_chord_is_one_note_at_once_and_its_release_glides_back() -> None:
    melody = Melody(48000)
    melody.enable(True, 0)
    for note in (60.0, 64.0):
        melody.note_on(note, 100, 50.0)
    assert melody.note.value(100) == 64.0  # nothing was sung before, so there is nothing to glide from
    melody.bend.move(2.0, 3_000)
    melody.note_off(64.0, 5_000)
    glide = [melody.note.value(4_999 + k) for k in (0, 1_200, 2_400)]
    assert glide == pytest.approx([64.0, 62.0, 60.0])
    melody.all_off(9_000)
    assert (melody.weight.target, melody.bend.target) == (0.0, 0.0)


def test_a_melody_enabled_late_takes_up_the_note_that_is_held() -> None:
    melody = Melody(48000)
    melody.note_on(60.0, 100, 0.0)
    assert melody.weight.target == 0.0
    melody.enable(True, 5000)
    assert (melody.weight.value(4999), melody.weight.target, melody.note.target) == (0.0, 1.0, 60.0)


@given(st.lists(st.floats(35, 84), min_size=1, max_size=300))
def test_the_running_median_is_the_median(pitches: list[float]) -> None:
    running = RunningMedian()
    for pitch in pitches:
        running.add(pitch)
    assert running.frames == len(pitches)
    weights = 2.0 ** (np.arange(len(pitches)) / 2000.0)
    order = np.argsort(pitches)
    exact = np.array(pitches)[order][np.searchsorted(np.cumsum(weights[order]), 0.5 * weights.sum())]
    assert running.value() == pytest.approx(exact, abs=0.11)


def test_the_running_median_follows_and_stays_finite() -> None:
    running = RunningMedian()
    running._unit = 1e99
    for pitch in (50.0, 62.0):
        for _ in range(6000):
            running.add(pitch)
    assert running.value() == pytest.approx(62.0, abs=0.1)
    assert np.all(np.isfinite(running._weights))


@pytest.mark.parametrize(("frames", "median"), [(1950, 50.0), (2050, 62.0)])
def test_the_newest_20_s_outweigh_all_before(frames: int, median: float) -> None:
    running = RunningMedian()
    for pitch, count in ((50.0, 30000), (62.0, frames)):
        for _ in range(count):
            running.add(pitch)
    assert running.value() == pytest.approx(median, abs=0.1)


def test_no_median_without_a_voice() -> None:
    with pytest.raises(ValueError, match="there is no median; give audio with singing"):
        RunningMedian().value()


@pytest.mark.parametrize("size", [1000, 100_000])
def test_the_median_of_a_recording(size: int) -> None:
    x = np.concatenate(
        [sung(24000, 1.0, 196), np.zeros((1, 5000), np.float32), sung(24000, 0.4, 330)], axis=1
    )
    meter = SourcePitch(24000)
    for start in range(0, x.shape[1], size):
        meter.process(x[:, start : start + size])
    assert meter.median() == pytest.approx(196, rel=0.01)
    assert SourcePitch(24000).median() == 0.0


@given(st.floats(30, 90), st.floats(40, 75))
def test_the_octave_brings_a_source_nearest_to_the_singer(source: float, singer: float) -> None:
    shift = octave_shift(source, singer)
    assert shift % 12 == 0
    assert abs(shift) <= 36
    if abs(singer - source) < 36:
        assert abs(source + shift - singer) <= 6.0 + 1e-9


def test_an_octave_in_force_is_kept_near_the_border() -> None:
    assert octave_shift(52.0, 60.0) == 12.0
    assert octave_shift(53.0, 60.0, 0.0) == 0.0
    assert octave_shift(50.0, 60.0, 0.0) == 12.0


def test_a_note_after_an_unvoiced_frame_starts_on_its_own_pitch() -> None:
    pitch = PitchControl(480, ParameterState(48000, {"transpose": 0.0}), Melody(48000))
    heard = []
    for frame, (f0, voicing) in enumerate([(220.0, 1.0), (220.0, 0.0), (440.0, 1.0), (880.0, 1.0)]):
        pitch.frame(f0, voicing, frame * 480)
        heard.append(pitch.samples([pitch.course(frame * 480)]))
    np.testing.assert_allclose(heard[2], 69.0, atol=1e-9)  # no glide from the note before
    np.testing.assert_allclose(heard[3], np.linspace(69.0, 81.0, 480, endpoint=False), atol=1e-9)
