"""MIDI files: tempo maps, banks and programs, 14-bit pairs, bends, and damaged files."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import mido
import numpy as np
import pytest

from plugin_bridge.control.events import (
    LAST_POSITION,
    AllNotesOff,
    AnyEvent,
    Event,
    NoteOff,
    NoteOn,
    PitchBend,
    check_event,
)
from plugin_bridge.errors import ScoreError
from plugin_bridge.midi.file import read_midi
from plugin_bridge.midi.map import MidiMap, load_midi_map
from tests.plugin_bridge.midi.midibytes import MELODY, header, notes, track

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
        {"program": ({"program": 1, "singer": "nit"}, {"bank": 129, "program": 1, "singer": "pjs"})}
    )
    track = [program(1), control(0, 1, 480), control(32, 1), program(1), program(1, 480, channel=2)]
    found = events(path, track, midi_map=midi_map)
    assert found == [
        Event(0, "singer", "nit"),
        Event(24000, "singer", "pjs"),
        Event(48000, "singer", "nit"),
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


def read(path: Path, data: bytes, **options: int) -> tuple[list[AnyEvent], list[str]]:
    path.write_bytes(data)
    said: list[str] = []
    return read_midi(path, RATE, MAP, said.append, **options), said


TUNE = [NoteOn(0, 60.0), NoteOff(24000, 60.0), NoteOn(24000, 64.0), NoteOff(48000, 64.0)]


def test_what_is_no_midi_file_is_refused(path: Path) -> None:
    with pytest.raises(ScoreError, match=r"none\.mid does not exist"):
        read_midi(path.with_name("none.mid"), RATE)
    with pytest.raises(ScoreError, match=r"a\.mid is not a MIDI file or is damaged"):
        read(path, b"")
    with pytest.raises(ScoreError, match=r"a\.mid has no ticks in a beat; export it again"):
        read(path, header(division=0) + track(MELODY))
    with pytest.raises(ScoreError, match=r"a\.mid is larger than 8388608 bytes; give a smaller MIDI file"):
        read(path, header() + track(MELODY) + bytes(2**23))


def test_a_header_of_4_gigabytes_takes_no_memory(path: Path) -> None:
    tracemalloc.start()
    assert read(path, header(declared=2**32 - 1) + track(MELODY, declared=2**32 - 1)) == (TUNE, [])
    with pytest.raises(ScoreError, match="holds no MIDI track"):
        read(path, header(declared=2**32 - 1))
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_a_damaged_file_is_used_as_far_as_it_goes_and_that_is_told(path: Path) -> None:
    eight_sharps = b"\x00\xff\x59\x02\x08\x00"
    assert read(path, header() + track(eight_sharps, MELODY)) == (TUNE, [])
    found, said = read(path, (header(3) + track(eight_sharps, MELODY))[:-6])
    assert found == TUNE[:3]
    assert said == [
        f"{path}: track 1 breaks off; what should follow is lost",
        f"{path}: its header promises 3 tracks, and it holds 1",
    ]


def test_one_part_is_sung_and_its_wheel_alone_bends_it(path: Path) -> None:
    other = track(b"\x00\xe1\x7f\x7f", notes(1, 50, 51, 52))
    song = header(3) + track(MELODY + b"\x00\xe0\x00\x00") + other + track(notes(9, 36))
    tune = (*TUNE, PitchBend(48000, -2.0))
    found, said = read(path, song, channel=1)
    assert found == [*tune]
    found, said = read(path, song)
    assert [event.note for event in found if isinstance(event, NoteOn)] == [50, 51, 52]
    assert [event.semitones for event in found if isinstance(event, PitchBend)] == [2.0]
    assert said == [
        (
            f"{path}: track 2 channel 2 is sung, which leaves out 2 notes of track 1 channel 1 and "
            "1 note of the drums on channel 10; choose another with --midi-track and --midi-channel"
        )
    ]
    assert read(path, song, track=1)[0] == [*tune]
    with pytest.raises(
        ScoreError, match=r"a\.mid holds nothing on channel 4; choose among track 1 channel 1,"
    ):
        read(path, song, channel=4)


def test_drums_that_are_asked_for_are_not_sung_and_that_is_told_once(path: Path) -> None:
    found, said = read(path, header() + track(b"\x00\xb9\x01\x7f", notes(9, 36)), channel=10)
    assert found == [Event(0, "vibrato", 2.0)]
    assert said == [f"{path}: channel 10 is drums, which are never sung: 1 note left out"]


def test_29_frames_a_second_are_29_97(path: Path) -> None:
    found, _ = read(path, header(division=-29 * 256 + 100) + track(b"\x97\x34\x90\x3c\x40"))
    assert found == [NoteOn(round(2996 * 1001 / 3_000_000 * RATE), 60.0)]


def test_a_pattern_of_format_2_has_its_own_time(path: Path) -> None:
    slow = track(b"\x00\xff\x51\x03\x0f\x42\x40", notes(0, 50))
    song = header(2, form=2) + slow + track(MELODY)
    assert read(path, song)[0] == TUNE
    assert read(path, song, track=1)[0] == [NoteOn(0, 50.0), NoteOff(9600, 50.0)]


def test_no_tempo_is_no_tempo_and_the_last_position_is_kept(path: Path) -> None:
    found, said = read(path, header() + track(b"\x00\xff\x51\x03\0\0\0", MELODY))
    assert (found, len(said)) == (TUNE, 1)
    slow = b"\x00\xff\x51\x03\xff\xff\xff"
    late = b"\xff\xff\xff\x7f\x90\x3c\x64" * 60
    found, _ = read(path, header(division=1) + track(slow, late))
    assert all(check_event(event) == event for event in found)
    assert found[-1].position == LAST_POSITION


def test_noise_in_a_midi_file_is_read_or_refused_but_nothing_else(path: Path) -> None:
    good = header(2) + track(MELODY, b"\x00\xff\x51\x03\x0f\x42\x40") + track(notes(1, 50))
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        data = np.frombuffer(good, np.uint8).copy()
        data[rng.integers(0, len(data), 4)] = rng.integers(0, 256, 4)
        try:
            found, _said = read(path, data.tobytes())
        except ScoreError:
            refused += 1
        else:
            assert all(check_event(event) == event for event in found)
    assert 0 < refused < 200
