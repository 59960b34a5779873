"""The automation of a bounce: which kind of file it is, what asks louder at the start, and what it lacks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plugin_bridge.bounce.automation import read_automation
from plugin_bridge.bounce.settings import BounceSettings
from plugin_bridge.control.events import AnyEvent, Event, NoteOff, NoteOn
from plugin_bridge.control.parameters import Value
from tests.plugin_bridge.midi.midibytes import MELODY, header, notes, track

RATE = 48000
TUNE = [NoteOn(0, 60.0), NoteOff(24000, 60.0), NoteOn(24000, 64.0), NoteOff(48000, 64.0)]
SET_UP = b"\x00\xc0\x00\x00\xb0\x07\x7f\x00\xb0\x01\x00"
"""Program 0, volume and modulation at tick 0."""
LATER = b"\x83\x60\xc0\x01\x00\xb0\x07\x7f"
LATE: list[AnyEvent] = [Event(72000, "singer", "nit"), Event(72000, "gain", 12.0)]
FLAT: AnyEvent = Event(0, "vibrato", 0.0)


PLAIN = BounceSettings()


def read(
    path: Path, data: bytes, values: dict[str, Value], settings: BounceSettings = PLAIN
) -> tuple[list[AnyEvent], list[str]]:
    path.write_bytes(data)
    said: list[str] = []
    settings = replace(settings, automation=path)
    return read_automation(settings, values, RATE, RATE, said.append), said


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.mid"


def test_what_a_midi_file_sets_at_its_start_gives_way_to_what_is_asked_for(path: Path) -> None:
    song = header() + track(SET_UP, MELODY, LATER)
    asked: dict[str, Value] = {"singer": "dark", "gain": -6.0}
    found, said = read(path, song, asked)
    assert found == [FLAT, *TUNE, *LATE]
    assert said == [
        (
            f"the start of {path} would set singer and gain, which the options decide; "
            "--midi-start lets the file decide"
        )
    ]
    found, said = read(path, song, {"vibrato": 1.0})  # no singer is asked for, and --gain is 0 dB
    assert found == [Event(0, "singer", "pjs"), *TUNE, *LATE]
    assert said[0].startswith(f"the start of {path} would set gain and vibrato, which the options decide")
    everything = [Event(0, "singer", "pjs"), Event(0, "gain", 12.0), FLAT, *TUNE, *LATE]
    assert read(path, song, asked, BounceSettings(midi_start=True)) == (everything, [])


def test_the_start_lasts_ten_milliseconds_and_agreement_is_not_worth_a_word(path: Path) -> None:
    song = header() + track(b"\x05\xb0\x07\x7f\x05\xb0\x07\x40")  # 5 and 10 ticks: 5.2 and 10.4 ms
    assert read(path, song, {"gain": 12.0}) == ([Event(500, "gain", -18.0)], [])


def test_a_score_is_meant_as_it_is_written(tmp_path: Path) -> None:
    row = b'{"time": 0, "parameter": "gain", "value": 3}'
    assert read(tmp_path / "a.jsonl", row, {"gain": -6.0}) == ([Event(0, "gain", 3.0)], [])


@pytest.mark.parametrize("name", ["a.mid", "a.KAR", "a.rmi", "score"])
def test_midi_files_are_known_by_what_they_are(tmp_path: Path, name: str) -> None:
    song = header() + track(MELODY)
    assert read(tmp_path / name, song, {})[0] == TUNE
    wrapped = b"RIFF\x30\0\0\0RMIDdata\x28\0\0\0" + song
    assert read(tmp_path / name, wrapped, {})[0] == TUNE


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.mid", header() + track()),
        ("a.mid", header() + track(notes(9, 36, 38))),
        ("a.mid", header() + track(b"\x00\xb0\x0a\x40")),  # pan moves nothing
        ("a.jsonl", b""),
        ("a.jsonl", b'\n{"rate": 48000}\n'),
    ],
)
def test_an_automation_without_events_is_told(tmp_path: Path, name: str, data: bytes) -> None:
    found, said = read(tmp_path / name, data, {})
    assert found == []
    assert said[-1] == f"{tmp_path / name} holds no event that moves anything; check the automation"


def test_channel_and_track_choose(path: Path) -> None:
    song = header(2) + track(MELODY) + track(notes(1, 50, 51, 52))
    assert read(path, song, {}, BounceSettings(midi_channel=1))[0] == TUNE
    assert read(path, song, {}, BounceSettings(midi_track=1))[0] == TUNE
    assert [
        e.note for e in read(path, song, {}, BounceSettings(midi_track=2))[0] if isinstance(e, NoteOn)
    ] == [50, 51, 52]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"midi_channel": 0}, "MIDI channel 0 does not exist; give 1 to 16"),
        ({"midi_channel": 17}, "MIDI channel 17 does not exist; give 1 to 16"),
        ({"midi_channel": True}, "MIDI channel True does not exist"),
        ({"midi_track": 0}, "MIDI track 0 does not exist; give 1 to 65535"),
        ({"midi_track": 1.5}, "MIDI track 1.5 does not exist"),
    ],
)
def test_a_channel_that_does_not_exist_is_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        BounceSettings(**settings)
