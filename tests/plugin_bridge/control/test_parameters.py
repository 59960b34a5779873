"""The parameter table: every row is usable by fader, preset and event, and refuses what it must."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.control.parameters import PARAMETERS, Parameter, Value, check_values, parameter
from plugin_bridge.control.scales import KEYS, SCALES, notes

ROWS = list(PARAMETERS.values())
NUMBERS = [row for row in ROWS if row.kind == "number"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.id))
def test_a_row_is_complete(row: Parameter) -> None:
    assert PARAMETERS[row.id] is row
    assert row.check(row.default) == row.default
    assert row.description.endswith(".")
    assert row.text(row.default) or row.kind == "singer"
    assert row.low < row.high
    assert row.smoothing(48000) == max(1, math.ceil(48 * row.smoothing_ms))


def test_every_parameter_of_the_design_is_there() -> None:
    wanted = "singer morph transpose fine_tune formant vibrato correction scale key retune breath brightness"
    assert set(f"{wanted} likeness consonants mix gain bypass melody source_pitch".split()) <= set(PARAMETERS)


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        PARAMETERS["gain"] = ROWS[0]  # type: ignore[index]


@given(st.sampled_from(NUMBERS), st.floats(0, 1, allow_subnormal=False))
def test_a_fader_goes_there_and_back(row: Parameter, position: float) -> None:
    value = row.from_unit(position)
    assert isinstance(value, float)
    assert row.low <= value <= row.high
    assert row.to_unit(value) == pytest.approx(position, abs=1e-6)


@pytest.mark.parametrize("name", ["scale", "key", "bypass", "melody"])
def test_words_and_switches_have_fader_positions(name: str) -> None:
    row = PARAMETERS[name]
    values: tuple[Value, ...] = row.words or (False, True)
    assert [row.from_unit(row.to_unit(value)) for value in values] == list(values)
    assert (row.from_unit(0.0), row.from_unit(1.0)) == (values[0], values[-1])


@pytest.mark.parametrize(
    ("name", "value", "error", "sentence"),
    [
        ("transpose", 37, ValueError, "transpose 37 is out of range; give -36 to 36 semitones or 'auto'"),
        ("transpose", "up", ValueError, "transpose 'up' is unknown; give -36 to 36 semitones or 'auto'"),
        ("gain", math.nan, ValueError, "gain nan is out of range; give -60 to 24 dB"),
        ("gain", math.inf, ValueError, "out of range"),
        ("gain", 10**400, ValueError, r"^gain 10+\.\.\.0+ is out of range; give -60 to 24 dB$"),
        ("gain", "loud", TypeError, "gain 'loud' is not a number; give -60 to 24 dB"),
        ("gain", True, TypeError, "not a number"),
        ("mix", None, TypeError, "mix None is not a number; give 0 to 1"),
        ("bypass", 0.5, TypeError, "bypass 0.5 is not a switch; give True or False"),
        ("bypass", "on", TypeError, "not a switch"),
        ("scale", "jazz", ValueError, "scale 'jazz' is unknown; give one of chromatic, major"),
        ("key", 3, TypeError, "key 3 is not a word; give one of C, C#"),
        ("singer", 1, TypeError, "singer 1 is not a word; give the id of a singer"),
    ],
)
def test_what_does_not_fit_is_refused(
    name: str, value: object, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        PARAMETERS[name].check(value)


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("key", "Bb", "A#"),
        ("key", "bb", "A#"),
        ("key", "B♭", "A#"),
        ("key", "b flat", "A#"),
        ("key", "B-Flat", "A#"),
        ("key", "Db", "C#"),
        ("key", "Cb", "B"),
        ("key", "Fb", "E"),
        ("key", "E#", "F"),
        ("key", "B#", "C"),
        ("key", "c#", "C#"),
        ("key", "F♯", "F#"),
        ("key", "g sharp", "G#"),
        ("key", "b", "B"),
        ("key", " a ", "A"),
        ("scale", "Minor", "minor"),
        ("scale", "MAJOR", "major"),
        ("scale", "Harmonic Minor", "harmonic_minor"),
        ("scale", "whole-tone", "whole_tone"),
        ("transpose", "Auto", "auto"),
    ],
)
def test_flats_and_capitals_are_taken_and_stored_in_one_spelling(name: str, written: str, meant: str) -> None:
    assert PARAMETERS[name].check(written) == meant
    assert PARAMETERS[name].check(meant) == meant


@pytest.mark.parametrize("written", ["H", "Bbb", "", "A minor", "Dis", "C" * 300])
def test_what_names_no_key_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is unknown; give one of C, C#"):
        PARAMETERS["key"].check(written)


@pytest.mark.parametrize("row", NUMBERS, ids=lambda row: str(row.id))
def test_the_rounding_of_a_float32_over_an_end_of_the_range_is_that_end(row: Parameter) -> None:
    span = row.high - row.low
    assert row.check(row.high + 1.2e-7 * span) == row.high
    assert row.check(row.low - 1.2e-7 * span) == row.low
    assert row.from_unit(float(np.nextafter(np.float32(1), np.float32(2)))) == row.high
    assert row.from_unit(-1e-7) == row.low
    for value in (row.high + 0.01 * span, row.low - 1e-4 * span):
        with pytest.raises(ValueError, match="out of range"):
            row.check(value)


def test_a_long_value_is_quoted_short() -> None:
    for value in ("x" * 9999, [[[[[[[[0]]]]]]]] * 99, b"y" * 9999):
        with pytest.raises(TypeError) as caught:
            PARAMETERS["gain"].check(value)
        assert len(str(caught.value)) < 200


def test_a_number_too_long_to_be_written_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"^gain a number of thousands of digits is out of range; give -60"):
        PARAMETERS["gain"].check(-(10**5000))
    with pytest.raises(TypeError, match="singer a number of thousands of digits is not a word"):
        PARAMETERS["singer"].check(10**5000)
    with pytest.raises(ValueError, match="parameter a number of thousands of digits is unknown"):
        parameter(10**5000)


def test_an_unknown_parameter_lists_the_known() -> None:
    with pytest.raises(
        ValueError, match="parameter 'loudness' is unknown; use one of singer, morph_singer, morph"
    ):
        parameter("loudness")
    with pytest.raises(ValueError, match="unknown"):
        check_values({"Gain": 0})


def test_values_come_in_canonical_types() -> None:
    got = check_values({"gain": np.float32(3), "bypass": 1, "transpose": "auto", "morph": np.int64(1)})
    assert got == {"gain": 3.0, "bypass": True, "transpose": "auto", "morph": 1.0}
    assert [type(value) for value in got.values()] == [float, bool, str, float]


@pytest.mark.parametrize("position", [-0.1, 1.01, 1.0001, math.nan])
def test_a_fader_ends(position: float) -> None:
    with pytest.raises(ValueError, match="give 0 to 1"):
        PARAMETERS["gain"].from_unit(position)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("key", KEYS)
def test_scales_repeat_every_octave_from_their_key(scale: str, key: str) -> None:
    allowed = notes(scale, key)
    assert {(note - KEYS.index(key)) % 12 for note in allowed} == set(SCALES[scale])
    assert list(allowed) == sorted(allowed)
    assert {note + 12 for note in allowed if note < 120} <= set(allowed)


@pytest.mark.parametrize(
    ("key", "scale", "names"),
    [
        ("C", "major", "C D E F G A B"),
        ("A", "minor", "A B C D E F G"),
        ("A", "harmonic_minor", "A B C D E F G#"),
        ("A", "melodic_minor", "A B C D E F# G#"),
        ("D", "dorian", "D E F G A B C"),
        ("E", "phrygian", "E F G A B C D"),
        ("F", "lydian", "F G A B C D E"),
        ("G", "mixolydian", "G A B C D E F"),
        ("C", "major_pentatonic", "C D E G A"),
        ("A", "minor_pentatonic", "A C D E G"),
        ("A", "blues", "A C D D# E G"),
        ("C", "whole_tone", "C D E F# G# A#"),
        ("C", "fifths", "C G"),
        ("F#", "keynote", "F#"),
        ("C", "chromatic", " ".join(KEYS)),
    ],
)
def test_a_scale_has_the_notes_of_the_theory_of_music(key: str, scale: str, names: str) -> None:
    assert sorted({KEYS[note % 12] for note in notes(scale, key)}) == sorted(names.split())
