"""The pitch heard: transposition, tuning, vibrato, correction, melody, each measured in the output."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.pitch import PitchTracker
from dsp.units import hz_to_semitones
from plugin_bridge.control.events import AllNotesOff, AnyEvent, Event, NoteOff, NoteOn, PitchBend
from plugin_bridge.control.parameters import Value
from plugin_bridge.engine.engine import Engine
from tests.support.doubles import BRIGHT, DARK, sung

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

RATE = 24000
HOP = RATE // 100
A3 = 57.0  # 220 Hz


def heard(x: Float32, events: list[AnyEvent] | None = None, **parameters: Value) -> Float64:
    """Return the pitch of the output as MIDI notes, frame by frame; not a number where it is unvoiced."""
    engine = Engine(RATE, 1, [DARK, BRIGHT], parameters={"transpose": 0.0, **parameters})
    y = engine.process(np.pad(x, ((0, 0), (0, engine.latency + HOP))), events or [])[0, engine.latency :]
    frames = PitchTracker(RATE).process(y[: y.size // HOP * HOP])
    return np.array([hz_to_semitones(f.f0) if f.voicing > 0.5 else np.nan for f in frames])[1:]


def middle(notes: Float64) -> float:
    return float(np.nanmedian(notes[20:-10]))


HELD = sung(RATE, 0.8, 220)


def test_untouched_it_is_the_pitch_sung() -> None:
    assert middle(heard(HELD)) == pytest.approx(A3, abs=0.05)


@pytest.mark.parametrize("semitones", [-12.0, -7.0, 0.5, 5.0, 12.0, 19.0])
def test_transpose_moves_the_pitch(semitones: float) -> None:
    assert middle(heard(HELD, transpose=semitones)) == pytest.approx(A3 + semitones, abs=0.08)


@pytest.mark.parametrize("cents", [-100.0, 35.0])
def test_fine_tune_moves_it_by_cents(cents: float) -> None:
    assert middle(heard(HELD, fine_tune=cents)) == pytest.approx(A3 + cents / 100, abs=0.05)


@pytest.mark.parametrize("formant", [-5.0, 5.0])
def test_formant_moves_the_resonances_and_not_the_pitch(formant: float) -> None:
    assert middle(heard(HELD, formant=formant)) == pytest.approx(A3, abs=0.05)
    engine = Engine(RATE, 1, [DARK], parameters={"transpose": 0.0, "formant": formant})
    centres = []
    for value in (0.0, formant):
        engine.reset()
        y = engine.process(HELD, [Event(0, "formant", value)])[0, 8000:16000]
        bins = np.abs(np.fft.rfft(y * np.hanning(y.size))) ** 2
        centres.append((bins * np.arange(bins.size)).sum() / bins.sum())
    assert (centres[1] > centres[0]) == (formant > 0)


WAVERING = sung(RATE, 1.6, 220, vibrato=0.5)


def swing(notes: Float64) -> float:
    """Return the amplitude of the vibrato once it has been recognised."""
    part = notes[70:-10]
    return float(np.sqrt(2.0) * np.nanstd(part))


def test_vibrato_depth() -> None:
    flat, sung_, double = (swing(heard(WAVERING, vibrato=depth)) for depth in (0.0, 1.0, 2.0))
    assert sung_ == pytest.approx(0.5, abs=0.05)
    assert flat < 0.12
    assert double == pytest.approx(1.0, abs=0.12)
    assert middle(heard(WAVERING, vibrato=0.0)[50:]) == pytest.approx(A3, abs=0.06)


def test_at_rest_vibrato_and_correction_leave_the_samples_alone() -> None:
    engine = Engine(RATE, 1, [DARK], parameters={"transpose": 0.0})
    plain = engine.process(WAVERING)
    events: list[AnyEvent] = [
        Event(0, "vibrato", 1.0),
        Event(9_000, "correction", 0.0),
        Event(9_000, "scale", "blues"),
    ]
    engine.reset()
    assert np.array_equal(engine.process(WAVERING, events), plain)


OFF = sung(RATE, 1.0, 220 * 2 ** (0.3 / 12))


@pytest.mark.parametrize(
    ("scale", "key", "note"),
    [("chromatic", "C", 57.0), ("major", "C", 57.0), ("fifths", "D#", 58.0), ("keynote", "B", 59.0)],
)
def test_correction_draws_to_the_notes_of_the_scale(scale: str, key: str, note: float) -> None:
    got = heard(OFF, correction=1.0, scale=scale, key=key, retune=0.0)
    assert middle(got) == pytest.approx(note, abs=0.05)


def test_correction_is_partial_and_takes_its_time() -> None:
    assert middle(heard(OFF, correction=0.5, retune=0.0)) == pytest.approx(A3 + 0.15, abs=0.05)
    slow, fast = (heard(OFF, correction=1.0, retune=ms) for ms in (300.0, 20.0))
    assert np.nanmean(slow[10:25]) > np.nanmean(fast[10:25]) + 0.1
    assert middle(slow[60:]) == pytest.approx(A3, abs=0.08)


def test_correction_counts_in_the_key_that_is_heard() -> None:
    assert middle(
        heard(OFF, correction=1.0, scale="keynote", key="E", transpose=7.0, retune=0.0)
    ) == pytest.approx(64.0, abs=0.05)


def test_fine_tune_stays_after_correction() -> None:
    assert middle(heard(OFF, correction=1.0, retune=0.0, fine_tune=-20.0)) == pytest.approx(
        A3 - 0.2, abs=0.05
    )


def test_retune_at_once_takes_the_vibrato_along() -> None:
    assert swing(heard(WAVERING, correction=1.0, retune=0.0)) < 0.15
    assert swing(heard(WAVERING, correction=1.0, retune=500.0)) > 0.35


def test_notes_replace_the_melody() -> None:
    events: list[AnyEvent] = [NoteOn(0, 62), NoteOn(9_600, 65.5), PitchBend(14_400, 1.5)]
    got = heard(HELD, events, melody=True, transpose=12.0)
    assert np.nanmedian(got[15:35]) == pytest.approx(62.0, abs=0.08)
    assert np.nanmedian(got[48:58]) == pytest.approx(65.5, abs=0.08)
    assert np.nanmedian(got[64:72]) == pytest.approx(67.0, abs=0.08)


def test_the_newest_note_held_is_sung() -> None:
    events: list[AnyEvent] = [NoteOn(0, 60), NoteOn(4_800, 64), NoteOff(9_600, 64), NoteOff(14_400, 72)]
    got = heard(HELD, events, melody=True)
    assert np.nanmedian(got[28:38]) == pytest.approx(64.0, abs=0.08)
    assert np.nanmedian(got[50:70]) == pytest.approx(60.0, abs=0.08)


def test_glide_takes_its_time() -> None:
    got = heard(HELD, [NoteOn(0, 60), NoteOn(7_200, 66)], melody=True, glide=200.0)
    assert got[40] == pytest.approx(63.0, abs=0.5)
    assert np.nanmedian(got[55:70]) == pytest.approx(66.0, abs=0.08)


@pytest.mark.parametrize("end", [AllNotesOff(9_600), Event(9_600, "melody", False)])
def test_the_melody_ends_at_once_when_told(end: AnyEvent) -> None:
    got = heard(HELD, [NoteOn(0, 62), end], melody=True)
    assert np.nanmedian(got[20:38]) == pytest.approx(62.0, abs=0.08)
    assert np.nanmedian(got[46:70]) == pytest.approx(A3, abs=0.08)


def test_a_short_gap_between_notes_is_legato() -> None:
    gap: list[AnyEvent] = [NoteOn(0, 62), NoteOff(7_200, 62), NoteOn(8_400, 64)]
    got = heard(HELD, gap, melody=True, glide=0.0)
    assert np.nanmin(got[15:70]) > 61.5


AUTO_SOURCES = [(110.0, 0.0), (220.0, -12.0), (440.0, -24.0)]


@pytest.mark.parametrize(("f0", "shift"), AUTO_SOURCES)
def test_auto_picks_the_octave_of_a_known_source_at_once(f0: float, shift: float) -> None:
    x = sung(RATE, 0.6, f0)
    got = heard(x, transpose="auto", source_pitch=f0)
    assert middle(got) == pytest.approx(hz_to_semitones(f0) + shift, abs=0.1)


def test_auto_listens_and_changes_only_between_notes() -> None:
    gap = np.zeros((1, RATE // 5), np.float32)
    x = np.concatenate([sung(RATE, 0.9, 220), gap, sung(RATE, 0.6, 247)], axis=1)
    got = heard(x, transpose="auto")
    assert np.nanmedian(got[20:80]) == pytest.approx(A3, abs=0.1)
    assert np.nanmedian(got[125:160]) == pytest.approx(hz_to_semitones(247) - 12.0, abs=0.1)


def test_auto_follows_a_switch_on_its_sample() -> None:
    got = heard(HELD, [Event(9_600, "singer", "bright")], transpose="auto", source_pitch=220.0)
    assert np.nanmedian(got[20:38]) == pytest.approx(A3 - 12.0, abs=0.1)
    assert np.nanmedian(got[46:70]) == pytest.approx(A3, abs=0.1)


MORPHED: list[AnyEvent] = [Event(0, "morph", 0.8), Event(0, "morph_singer", "bright")]


@pytest.mark.parametrize("events", [MORPHED, MORPHED[::-1]])
def test_auto_knows_of_a_morph_at_the_start(events: list[AnyEvent]) -> None:
    known: dict[str, Value] = {"transpose": "auto", "source_pitch": 220.0}
    at_once = Engine(RATE, 1, [DARK, BRIGHT], parameters=known).process(HELD, events)
    morphed = {**known, "morph_singer": "bright", "morph": 0.8}
    assert np.array_equal(at_once, Engine(RATE, 1, [DARK, BRIGHT], parameters=morphed).process(HELD))


@pytest.mark.parametrize("source_pitch", [0.0, 220.0])
def test_auto_follows_a_morph_between_notes(source_pitch: float) -> None:
    gap = np.zeros((1, RATE // 5), np.float32)
    x = np.concatenate([sung(RATE, 0.9, 220), gap, sung(RATE, 0.9, 220), gap, sung(RATE, 0.6, 220)], axis=1)
    events: list[AnyEvent] = [
        Event(33_600, name, value) for name, value in (("morph_singer", "bright"), ("morph", 1.0))
    ]
    got = heard(x, events, transpose="auto", source_pitch=source_pitch)
    assert np.nanmedian(got[115:135]) == pytest.approx(A3 - 12.0, abs=0.1)
    assert np.nanmedian(got[150:195]) == pytest.approx(A3 - 12.0, abs=0.1)
    assert np.nanmedian(got[235:270]) == pytest.approx(A3, abs=0.1)


def test_auto_can_be_left_and_taken_again() -> None:
    events: list[AnyEvent] = [Event(7_200, "transpose", 3.0), Event(13_000, "transpose", "auto")]
    got = heard(HELD, events, transpose="auto", source_pitch=220.0)
    assert [round(float(np.nanmedian(got[a:b])) - A3) for a, b in ((15, 28), (38, 52), (62, 74))] == [
        -12,
        3,
        -12,
    ]
