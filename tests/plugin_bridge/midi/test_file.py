"""MIDI files: tempo maps, banks and programs, 14-bit pairs, bends, and damaged files."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest

from plugin_bridge.control.events import AllNotesOff, AnyEvent, Event, NoteOff, NoteOn, PitchBend
from plugin_bridge.errors import ScoreError
from plugin_bridge.midi.file import read_midi
from plugin_bridge.midi.map import MidiMap, load_midi_map

RATE = 48000
BEAT = 480  # ticks
MAP = load_midi_map()


def events(
    path: Path, *tracks: list[mido.Message], division: int = BEAT, midi_map: MidiMap = MAP
) -> list[AnyEvent]:
    """Write tracks of messages with times in ticks since the last, and read them as events."""
    file = mido.MidiFile(type=1, ticks_per_beat=division)
    file.tracks.extend(mido.MidiTrack(track) for track in tracks)
    file.save(path)
    reports: list[str] = []
    found = read_midi(path, RATE, midi_map, reports.append)
    assert not reports
    return found


def control(number: int, value: int, time: int = 0, channel: int = 0) -> mido.Message:
    return mido.Message("control_change", control=number, value=value, time=time, channel=channel)


def program(number: int, time: int = 0, channel: int = 0) -> mido.Message:
    return mido.Message("program_change", program=number, time=time, channel=channel)


def tempo(beats_a_minute: float, time: int = 0) -> mido.MetaMessage:
    return mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(beats_a_minute), time=time)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.mid"


def test_notes_land_on_their_sample_at_the_default_tempo(path: Path) -> None:
    on, off = mido.Message("note_on", note=69, time=BEAT), mido.Message("note_off", note=69, time=BEAT // 2)
    silent = mido.Message("note_on", note=60, velocity=0, time=1)
    found = events(path, [on, off, silent])
    assert found == [NoteOn(24000, 69.0), NoteOff(36000, 69.0), NoteOff(36050, 60.0)]


def test_tempo_changes_of_every_track_count(path: Path) -> None:
    notes = [
        mido.Message("note_on", note=60, time=2 * BEAT),
        mido.Message("note_off", note=60, time=2 * BEAT),
    ]
    found = events(path, [tempo(60), tempo(240, time=3 * BEAT)], [tempo(120, time=BEAT)], notes)
    # 1 beat at 60 (1 s), 1 and 2 at 120 (0.5 s each), the rest at 240 (0.25 s)
    assert [event.position for event in found] == [int(1.5 * RATE), int(2.25 * RATE)]


def test_a_tempo_change_at_the_tick_of_a_note_counts_from_there_whatever_the_track(path: Path) -> None:
    found = events(
        path, [mido.Message("note_on", note=60, time=BEAT), control(1, 0, BEAT)], [tempo(60, time=BEAT)]
    )
    assert [event.position for event in found] == [RATE // 2, RATE // 2 + RATE]


def test_hours_of_odd_ticks_do_not_drift(path: Path) -> None:
    track = [mido.MetaMessage("set_tempo", tempo=500_001)]
    track += [mido.Message("note_on", note=60, time=7) for _ in range(20000)]
    last = events(path, track, division=479)[-1].position
    assert last == round(20000 * 7 * 500_001 * RATE / 479 / 1e6)


def test_film_time_is_understood(path: Path) -> None:
    division = -25 * 256 + 40  # 25 frames a second, 40 ticks a frame: milliseconds
    found = events(path, [tempo(33), mido.Message("note_on", note=60, time=1500)], division=division)
    assert found[0].position == 72000


def test_programs_pick_singers_by_bank(path: Path) -> None:
    midi_map = MidiMap.model_validate(
        {"program": ({"program": 1, "singer": "alys"}, {"bank": 129, "program": 1, "singer": "pjs"})}
    )
    track = [program(1), control(0, 1, 480), control(32, 1), program(1), program(1, 480, channel=2)]
    found = events(path, track, midi_map=midi_map)
    assert found == [
        Event(0, "singer", "alys"),
        Event(24000, "singer", "pjs"),
        Event(48000, "singer", "alys"),
    ]


def test_an_unknown_program_changes_nothing_and_is_reported(path: Path) -> None:
    file = mido.MidiFile()
    file.tracks.append(mido.MidiTrack([program(99)]))
    file.save(path)
    reports: list[str] = []
    assert read_midi(path, RATE, MAP, reports.append) == []
    assert reports == ["no singer for program 99 of bank 0; the singer stays (see the MIDI map)"]


def test_controls_run_over_their_range_with_64_in_the_middle(path: Path) -> None:
    values = [
        (1, 0, 0.0),
        (1, 64, 1.0),
        (1, 127, 2.0),
        (94, 64, 0.0),
        (18, 96, 12.0),
        (18, 65, 0.0),
        (80, 63, False),
    ]
    found = events(path, [control(number, value, time=1) for number, value, _ in values])
    assert [event.value for event in found if isinstance(event, Event)] == [value for _, _, value in values]


def test_a_pair_of_14_bits_acts_as_one(path: Path) -> None:
    track = [control(16, 127), control(48, 127), control(16, 64, 480), control(48, 0), control(48, 1, 480)]
    found = events(path, track)
    assert [(event.position, event.value) for event in found if isinstance(event, Event)] == [
        (0, 1.0),
        (24000, 0.5),
        (48000, pytest.approx(0.5 + 0.5 / 8191)),
    ]


def test_the_wheel_bends_by_its_range(path: Path) -> None:
    wheel = [mido.Message("pitchwheel", pitch=pitch, time=1) for pitch in (8191, -8192, 0)]
    wide = [control(101, 0), control(100, 0), control(6, 12), control(38, 50)]
    found = events(path, [*wheel, *wide, *wheel, control(121, 0, 1)])
    bends = [event.semitones for event in found if isinstance(event, PitchBend)]
    assert bends == [2.0, -2.0, 0.0, 12.5, -12.5, 0.0, 0.0]


@pytest.mark.parametrize("number", [120, 123, 124, 127])
def test_all_notes_off(path: Path, number: int) -> None:
    assert events(path, [control(number, 0)]) == [AllNotesOff(0)]


def test_what_is_no_midi_file_is_refused(tmp_path: Path) -> None:
    def refusal(data: bytes) -> str:
        bad = tmp_path / "bad.mid"
        bad.write_bytes(data)
        with pytest.raises(ScoreError) as caught:
            read_midi(bad, RATE, MAP, print)
        assert str(bad) in str(caught.value)
        return str(caught.value)

    with pytest.raises(ScoreError, match="does not exist"):
        read_midi(tmp_path / "none.mid", RATE, MAP, print)
    assert "is not a MIDI file or is damaged" in refusal(b"")
    assert "is not a MIDI file or is damaged" in refusal(b"a song")
    file = mido.MidiFile(type=2)
    file.tracks.append(mido.MidiTrack([program(1)] * 50))
    file.save(tmp_path / "good.mid")
    good = (tmp_path / "good.mid").read_bytes()
    assert "is of type 2" in refusal(good)
    assert "damaged" in refusal(good[:40])
    assert "no ticks in a beat" in refusal(good[:9] + b"\x01" + good[10:12] + bytes(2) + good[14:])


def test_noise_in_a_midi_file_is_read_or_refused_but_nothing_else(tmp_path: Path) -> None:
    file = mido.MidiFile()
    file.tracks.append(mido.MidiTrack([program(1, 5), control(7, 5, 5), tempo(99, 5)] * 20))
    file.save(tmp_path / "a.mid")
    good = (tmp_path / "a.mid").read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        data = np.frombuffer(good, np.uint8).copy()
        data[rng.integers(0, len(data), 4)] = rng.integers(0, 256, 4)
        (tmp_path / "a.mid").write_bytes(data.tobytes())
        try:
            read_midi(tmp_path / "a.mid", RATE, MAP, lambda _: None)
        except ScoreError:
            refused += 1
    assert 0 < refused < 300


def test_a_key_that_does_not_exist_is_refused(path: Path) -> None:
    notes = bytes([0, 0xFF, 0x59, 2, 8, 0, 0, 0xFF, 0x2F, 0])  # eight sharps
    head = b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk" + len(notes).to_bytes(4, "big")
    path.write_bytes(head + notes)
    with pytest.raises(ScoreError, match="is damaged"):
        read_midi(path, RATE)
