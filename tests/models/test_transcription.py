"""Tests for the notes of a sung melody."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.units import semitones_to_hz
from models.notes import Note
from models.transcription import heard_notes, transcribed, tuning_of

Float64 = NDArray[np.float64]
PAUSE = 30
"""Frames."""
OFF = (-0.45, -0.32, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4, 0.42)
"""Semitones."""


def sung(*parts: Float64, gaps: int = PAUSE, tuning: float = 0.0) -> tuple[Float64, Float64, Float64]:
    """Return frames of pitches in MIDI note numbers, with unvoiced gaps around and between them."""
    pitch, voicing, level = [np.full(PAUSE, 60.0)], [np.zeros(PAUSE)], [np.full(PAUSE, -70.0)]
    for index, part in enumerate(parts):
        gap = PAUSE if index == len(parts) - 1 else gaps
        pitch += [part + tuning, np.full(gap, part[-1] + tuning)]
        voicing += [np.ones(len(part)), np.zeros(gap)]
        level += [np.full(len(part), -20.0), np.full(gap, -40.0)]
    return (
        440.0 * np.exp2((np.concatenate(pitch) - 69.0) / 12.0),
        np.concatenate(voicing),
        np.concatenate(level),
    )


def held(note: float, frames: int) -> Float64:
    return np.full(frames, note)


def vibrato(note: float, frames: int, extent: float, hertz: float) -> Float64:
    return np.asarray(note + extent * np.sin(2.0 * np.pi * hertz * np.arange(frames) / 100.0))


def facts(notes: list[Note]) -> list[tuple[float, float, int]]:
    return [(round(note.start, 2), round(note.seconds, 2), note.pitch) for note in notes]


def test_notes_lie_where_the_voice_is() -> None:
    frames = sung(held(60.0, 40), held(64.0, 50), gaps=40)
    assert facts(transcribed(*frames)) == [(0.3, 0.4, 60), (1.1, 0.5, 64)]


def test_a_consonant_is_no_rest() -> None:
    frames = sung(held(60.0, 40), held(60.0, 50), gaps=10)
    assert facts(transcribed(*frames)) == [(0.3, 0.5, 60), (0.8, 0.5, 60)]


def test_a_step_of_the_pitch_begins_a_note() -> None:
    frames = sung(np.concatenate([held(60.0, 40), held(61.0, 30), held(55.0, 30)]))
    assert facts(transcribed(*frames)) == [(0.3, 0.4, 60), (0.7, 0.3, 61), (1.0, 0.3, 55)]


def test_a_tracker_that_drops_out_ends_no_note() -> None:
    f0, voicing, level = sung(held(60.0, 60))
    voicing[50:52] = 0.0
    assert facts(transcribed(f0, voicing, level)) == [(0.3, 0.6, 60)]


@pytest.mark.parametrize("extent", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("hertz", [4.5, 5.5, 7.0])
def test_vibrato_splits_no_note(extent: float, hertz: float) -> None:
    line = np.concatenate([held(62.0, 20), vibrato(62.0, 150, extent, hertz)])
    assert facts(transcribed(*sung(line))) == [(0.3, 1.7, 62)]


def test_two_notes_with_vibrato_are_two() -> None:
    line = np.concatenate([vibrato(62.0, 100, 0.7, 5.5), vibrato(65.0, 100, 0.7, 5.5)])
    first, second = transcribed(*sung(line))
    assert (first.pitch, second.pitch) == (62, 65)
    assert second.start == pytest.approx(1.3, abs=0.03)


@pytest.mark.parametrize("to", [53.0, 62.0, 67.0, 72.0])
@pytest.mark.parametrize("frames", [8, 15, 20])
def test_a_slide_is_no_note(to: float, frames: int) -> None:
    line = np.concatenate([held(60.0, 40), np.linspace(60.0, to, frames), held(to, 40)])
    first, second = transcribed(*sung(line))
    assert (first.pitch, second.pitch) == (60, int(to))
    assert 0.7 <= second.start <= 0.7 + frames / 100.0


def test_a_scoop_belongs_to_its_note() -> None:
    line = np.concatenate([np.linspace(58.0, 60.0, 10), held(60.0, 60)])
    assert facts(transcribed(*sung(line))) == [(0.3, 0.7, 60)]


@pytest.mark.parametrize(("frames", "pitches"), [(3, [60, 64]), (5, [60, 64]), (12, [60, 62, 64])])
def test_a_grace_note_joins_its_neighbour(frames: int, pitches: list[int]) -> None:
    line = np.concatenate([held(60.0, 40), held(62.0, frames), held(64.0, 40)])
    assert [note.pitch for note in transcribed(*sung(line))] == pitches


def test_a_dip_of_the_level_begins_a_note_on_one_pitch() -> None:
    f0, voicing, level = sung(held(60.0, 80))
    level[66:72] -= [3.0, 8.0, 12.0, 12.0, 8.0, 3.0]
    assert facts(transcribed(f0, voicing, level)) == [(0.3, 0.41, 60), (0.71, 0.39, 60)]


def test_tremolo_begins_none() -> None:
    f0, voicing, level = sung(held(60.0, 100))
    level[30:130] += 2.0 * np.sin(2.0 * np.pi * 5.5 * np.arange(100) / 100.0)
    assert facts(transcribed(f0, voicing, level)) == [(0.3, 1.0, 60)]


def test_a_step_within_a_voiced_consonant_waits_for_the_vowel() -> None:
    f0, voicing, level = sung(np.concatenate([held(60.0, 40), held(64.0, 40)]))
    level[70:76] -= [2.0, 3.0, 3.0, 3.0, 3.0, 2.0]
    first, second = transcribed(f0, voicing, level)
    assert (first.pitch, second.pitch) == (60, 64)
    assert second.start == pytest.approx(0.76, abs=0.015)


@pytest.mark.parametrize("tuning", [-0.4, -0.2, 0.3, 0.45])
def test_the_tuning_is_taken_off(tuning: float) -> None:
    frames = sung(held(60.0, 40), held(64.0, 50), held(67.0, 40), tuning=tuning)
    assert [note.pitch for note in transcribed(*frames)] == [60, 64, 67]
    assert tuning_of(*frames[:2]) == pytest.approx(tuning, abs=1e-6)


def test_a_voice_that_wanders_has_no_tuning() -> None:
    """Its notes are off by any share of a semitone; their mean direction, 28 cents, is chance."""
    notes = [held(60.0 + step + off, 40) for step, off in enumerate(OFF)]
    f0, voicing, level = sung(*notes)
    assert tuning_of(f0, voicing) == 0.0
    assert [note.pitch for note in transcribed(f0, voicing, level)] == list(range(60, 60 + len(OFF)))


def test_velocities_tell_levels() -> None:
    f0, voicing, level = sung(held(60.0, 40), held(62.0, 40), held(64.0, 40))
    level[30:70] -= 6.0
    level[-70:-30] += 6.0
    assert [note.velocity for note in transcribed(f0, voicing, level)] == [57, 80, 113]


def test_silence_and_noise_have_no_notes() -> None:
    assert transcribed([], [], []) == []
    assert transcribed(np.full(50, 220.0), np.zeros(50), np.full(50, -20.0)) == []
    voicing = np.zeros(50)
    voicing[20:24] = 1.0
    assert transcribed(np.full(50, 220.0), voicing, np.full(50, -20.0)) == []


@pytest.mark.parametrize(
    ("f0", "voicing", "message"),
    [
        (np.full(3, 220.0), np.ones(2), r"shapes \(3,\), \(2,\) and \(3,\)"),
        (np.array([220.0, np.nan, 220.0]), np.ones(3), "not finite"),
    ],
)
def test_what_cannot_be_frames_is_refused(f0: Float64, voicing: Float64, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        transcribed(f0, voicing, np.zeros(3))


@pytest.mark.parametrize("rate", [22050, 48000])
def test_the_notes_of_a_recording(rate: int) -> None:
    """Harmonics at known pitches, each with an attack, as a voice."""
    melody = [(0.25, 0.5, 57), (0.75, 0.4, 60), (1.5, 0.6, 59)]
    time = np.arange(int(2.4 * rate)) / rate
    audio = np.zeros(time.size)
    for start, seconds, pitch in melody:
        inside = (time >= start) & (time < start + seconds)
        t = time[inside] - start
        shape = np.minimum(1.0, np.minimum(t, seconds - t) / 0.03)
        hertz = semitones_to_hz(pitch)
        audio[inside] = shape * sum(0.2 / k * np.sin(2.0 * np.pi * k * hertz * t) for k in range(1, 12))
    found = heard_notes(audio.astype(np.float32), rate)
    assert [note.pitch for note in found] == [57, 60, 59]
    for note, (start, seconds, _) in zip(found, melody, strict=True):
        assert note.start == pytest.approx(start, abs=0.03)
        assert note.stop == pytest.approx(start + seconds, abs=0.05)
