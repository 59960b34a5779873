"""Scores: what a line may say, where it lands, and how a wrong line is named."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.control.events import AllNotesOff, AnyEvent, Event, NoteOff, NoteOn, PitchBend
from plugin_bridge.control.score import read_score, write_score
from plugin_bridge.errors import ScoreError

# From Python 3.13 on its parser goes deeper than a line is long, and what is wrong is the note.
NESTED = (
    "not JSON (nested too deeply)" if sys.version_info < (3, 13) else "]]] is not a number; give 0 to 127"
)
POSITIONS = st.integers(0, 10**9)
EVENTS = st.lists(
    st.one_of(
        st.builds(Event, POSITIONS, st.just("morph"), st.floats(0, 1)),
        st.builds(Event, POSITIONS, st.just("singer"), st.text(min_size=1, max_size=20)),
        st.builds(Event, POSITIONS, st.just("bypass"), st.booleans()),
        st.builds(NoteOn, POSITIONS, st.floats(0, 127)),
        st.builds(NoteOff, POSITIONS, st.floats(0, 127)),
        st.builds(PitchBend, POSITIONS, st.floats(-48, 48)),
        st.builds(AllNotesOff, POSITIONS),
    ),
    max_size=20,
)


def score(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "score.jsonl"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_kind_of_line_is_understood(tmp_path: Path) -> None:
    path = score(
        tmp_path,
        '{"time": 1.5, "parameter": "transpose", "value": "auto"}\n\n'
        '{"time": 0, "parameter": "singer", "value": "nit"}\n'
        '{"position": 7, "note_on": 69}\n{"position": 8, "note_off": 69.0}\n'
        '{"position": 9, "bend": -1.5}\r\n{"position": 9, "notes_off": true}\n'
        '{"position": 9, "parameter": "bypass", "value": true}\n'
        '{"position": 9, "parameter": "key", "value": "B\u266d"}\n'
        '{"position": 9, "parameter": "morph", "value": 1.0000001}\n',
    )
    assert read_score(path, 48000) == [
        Event(0, "singer", "nit"),
        NoteOn(7, 69.0),
        NoteOff(8, 69.0),
        PitchBend(9, -1.5),
        AllNotesOff(9),
        Event(9, "bypass", value=True),
        Event(9, "key", "A#"),
        Event(9, "morph", 1.0),
        Event(72000, "transpose", "auto"),
    ]


def test_positions_count_the_samples_of_the_file_or_of_the_rate_it_names(tmp_path: Path) -> None:
    line = '{"position": 22050, "notes_off": true}\n'
    assert read_score(score(tmp_path, line), 48000)[0].position == 22050
    assert read_score(score(tmp_path, line), 24000, 22050)[0].position == 24000
    assert read_score(score(tmp_path, '{"rate": 44100}\n' + line), 48000, 22050)[0].position == 24000


@pytest.mark.parametrize(("time", "position"), [(0.3, 14400), (0.00003, 1), (0.00001, 0)])
def test_a_time_lands_on_the_nearest_sample(tmp_path: Path, time: float, position: int) -> None:
    line = f'{{"time": {time:.5f}, "notes_off": true}}'
    assert read_score(score(tmp_path, line), 48000)[0].position == position


@given(events=EVENTS)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, events: list[AnyEvent]
) -> None:
    path = tmp_path_factory.mktemp("score") / "score.jsonl"
    write_score(path, events, 44100)
    assert read_score(path, 44100) == sorted(events, key=lambda event: event.position)


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("transpose 12", "not JSON"),
        ("[1, 2]", "not an object"),
        ("[" * 3000, "not JSON"),
        ('{"time": 1}', "it needs one of time, position and one of parameter"),
        ('{"time": 1, "position": 3, "note_on": 60}', "it needs one of"),
        ('{"time": 1, "note_on": 60, "note_off": 60}', "it needs one of"),
        ('{"time": 1, "parameter": "morph"}', "'value' is missing"),
        ('{"time": 1, "note_on": 60, "velocity": 5}', "'velocity' is not understood here"),
        ('{"time": 1, "notes_off": false}', "write true"),
        ('{"time": "1", "note_on": 60}', "time '1' is not a number"),
        ('{"time": -1, "note_on": 60}', "time -1 is out of range"),
        ('{"time": NaN, "note_on": 60}', "time nan is out of range"),
        ('{"time": 1e300, "note_on": 60}', "is out of range"),
        ('{"position": 1.5, "note_on": 60}', "position 1.5 is not a whole number"),
        ('{"time": 1, "note_on": 200}', "note 200 is out of range; give 0 to 127"),
        ('{"time": 1, "bend": "up"}', "pitch bend 'up' is not a number"),
        (
            '{"time": 1, "parameter": "moprh", "value": 1}',
            "parameter 'moprh' is unknown; use one of singer, ",
        ),
        ('{"time": 1, "parameter": ["morph"], "value": 1}', "is unknown"),
        ('{"time": 1, "note_on": 1' + 400 * "0" + "}", "0 is out of range; give 0 to 127"),
        (
            '{"time": 1, "parameter": "gain", "value": -1' + 400 * "0" + "}",
            "0 is out of range; give -60 to 24",
        ),
        ('{"time": 1, "parameter": "morph", "value": 2}', "morph 2 is out of range; give 0 to 1"),
        ('{"time": 1, "parameter": "morph", "value": null}', "morph None is not a number"),
        ('{"rate": 48000}', "it needs one of"),
        ('{"time": true, "note_on": 60}', "time True is not a number"),
        ('{"time": 1, "note_on": true}', "note True is not a number"),
        ('{"time": 1, "parameter": "gain", "value": NaN}', "gain nan is out of range"),
        ('{"time": 1, "parameter": "melody", "value": NaN}', "melody nan is not a switch"),
        ('{"time": Infinity, "note_on": 60}', "time inf is out of range"),
        ('{"time": 1, "note_on": 60, "note_on": 61}', "not JSON ('note_on' stands twice); give one object"),
        ('{"time": 1, "time": 2, "note_on": 61}', "'time' stands twice"),
        ('{"time": 1, "note_on": ' + "[" * 1990 + "]" * 1990 + "}", NESTED),
        ('{"time": 1, "note_on": ' + "1" * 4000 + "}", "is out of range; give 0 to 127"),
        ('{"time": 1, "parameter": "gain", "value": 1' + "0" * 4300 + "}", "longer than 4096 bytes"),
        (" " * 5000, "longer than 4096 bytes"),
        ('{"time": 1, "note_on": \udcff}', "not JSON"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, part: str) -> None:
    path = tmp_path / "score.jsonl"
    good = '{"time": 0, "note_on": 60}\n'
    path.write_text(good + line, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(ScoreError) as caught:
        read_score(path, 48000)
    assert str(caught.value).startswith(f"{path}, line 2: ")
    assert part in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_missing_score_and_a_wrong_rate_are_named(tmp_path: Path) -> None:
    with pytest.raises(ScoreError, match="does not exist"):
        read_score(tmp_path / "none.jsonl", 48000)
    with pytest.raises(ScoreError, match="rate 0 is not a sample rate"):
        read_score(score(tmp_path, '{"rate": 0}'), 48000)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = score(tmp_path, '\ufeff{"time": 1, "parameter": "gain", "value": -6}\n')
    assert read_score(path, 48000) == [Event(48000, "gain", -6.0)]


def test_what_is_no_file_is_not_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ScoreError, match="is not a file; check the path"):
        read_score(tmp_path, 48000)
