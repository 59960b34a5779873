"""MIDI files as they are found: what tolerant players read is read, and what is lost is told."""

from __future__ import annotations

import numpy as np
import pytest

from plugin_bridge.midi import smf
from plugin_bridge.midi.smf import MidiSong, parse
from tests.plugin_bridge.midi.midibytes import END, MELODY, chunk, header, named, track

NOTES = [(0, b"\x90\x3c\x64"), (480, b"\x80\x3c\x00"), (480, b"\x90\x40\x64"), (960, b"\x80\x40\x00")]
WHOLE = header() + track(MELODY)
META, SYSEX = b"\x00\xff\x06\x02hi", b"\x00\xf0\x03\x7e\x7f\xf7"
RUNNING = b"\x00\x90\x3c\x64", b"\x83\x60\x3c\x00", b"\x00\x40\x64", b"\x83\x60\x40\x00"
"""The melody in running status, with velocity 0 for its ends."""
ZEROS = [(tick, bytes((0x90, *message[1:]))) for tick, message in NOTES]


def messages(data: bytes) -> list[list[tuple[int, bytes]]]:
    song = parse(data)
    assert song.faults == []
    return [track.messages for track in song.tracks]


@pytest.mark.parametrize(
    "event",
    [
        b"\x00\xff\x59\x02\x08\x00",  # a key of eight sharps
        b"\x00\xff\x59\x02\x80\x05",
        b"\x00\xff\x59\x00",
        b"\x00\xff\x58\x02\x04\x02",  # a time signature without its clocks
        b"\x00\xff\x54\x05\xff\xff\xff\xff\xff",  # an SMPTE offset at no time
        b"\x00\xff\x03\x04\xe9\xff\xfe\x80",  # text in no known encoding
        b"\x00\xff\x05\x02\x00\x1b",
        b"\x00\xff\x20\x00",
        b"\x00\xff\x73\x81\x00" + bytes(128),  # a meta event nobody knows
        b"\x00\xf7\x02\xf3\x01",
        b"\x00\xf8",
        b"\x00\xf2\x01\x02",
        b"\x00\xa0\x3c\xff",
        b"\x00\xd0\xff",
    ],
)
def test_events_of_no_concern_do_no_harm(event: bytes) -> None:
    assert messages(header() + track(event, MELODY)) == [NOTES]
    assert messages(header() + track(MELODY, event)) == [NOTES]


@pytest.mark.parametrize("between", [b"", META, SYSEX, SYSEX + META])
def test_running_status_goes_on_after_exclusive_and_meta_events(between: bytes) -> None:
    assert messages(header() + track(between.join(RUNNING))) == [ZEROS]


def test_values_above_127_are_127_and_notes_and_controls_above_it_are_told() -> None:
    song = parse(header() + track(b"\x00\x90\x3c\xff\x00\xb0\x07\x80\x00\xe0\xff\xff"))
    assert song.tracks[0].messages == [(0, b"\x90\x3c\x7f"), (0, b"\xb0\x07\x7f"), (0, b"\xe0\x7f\x7f")]
    assert song.faults == []
    song = parse(header() + track(b"\x00\x90\x80\x64\x00\x80\x80\x00\x00\xb0\xff\x01\x00\xc0\xc8", MELODY))
    assert song.tracks[0].messages == NOTES
    assert song.faults == [
        "track 1 has 1 note with a number above 127, left out",
        "track 1 has 2 controls or programs with a number above 127, left out",
    ]


@pytest.mark.parametrize(
    "data",
    [
        header() + chunk(b"XFIH", b"\x00\x90\x3c\x64") + track(MELODY) + chunk(b"XFKM", bytes(7)),
        header() + track(MELODY) + chunk(b"CASM", b"MTrk"),
        header() + b"some words between" + track(MELODY) + bytes(3),
        chunk(b"RIFF", b"")[:4] + (len(WHOLE) + 12).to_bytes(4, "little") + b"RMIDdata"
        + len(WHOLE).to_bytes(4, "little") + WHOLE,
        b"RIFF\xff\xff\xff\xffRMIDLIST\x04\0\0\0INFOdata\0\0\0\0" + WHOLE + b"LIST\x04\0\0\0INFO",
        bytes(128) + WHOLE,  # MacBinary
        header(declared=10) + bytes(4) + track(MELODY),
        header(declared=0xFFFF_FFFF) + track(MELODY),
        header(declared=0) + track(MELODY),
        header(tracks=0) + track(MELODY),
        header(form=0x101) + track(MELODY),
        WHOLE + WHOLE,
    ],
    ids=range(12),
)  # fmt: skip
def test_what_stands_around_the_tracks_is_passed_over(data: bytes) -> None:
    assert messages(data) == [NOTES]


@pytest.mark.parametrize("declared", [0, 3, len(MELODY), len(MELODY) + 5, 60, 2**32 - 1])
def test_a_wrong_length_of_a_track_loses_none_and_no_other(declared: int) -> None:
    data = header(3) + track(MELODY, declared=declared) + track(named("second"), MELODY) + track(MELODY)
    assert messages(data) == [NOTES, NOTES, NOTES]


def test_notes_that_look_like_the_name_of_a_chunk_do_not_end_a_track() -> None:
    struck = track(b"\x00\x90Ed", b"xEd" * 9, declared=7)  # "xEdx" stands where the length says it ends
    (found,) = messages(header() + struck)
    assert len(found) == 10


def test_a_track_without_an_end_is_whole() -> None:
    assert messages(header(2) + track(MELODY, end=b"") + track(MELODY, end=b"")) == [NOTES, NOTES]
    assert messages(header(2) + track(MELODY, end=b"", declared=2**31) + track(MELODY)) == [NOTES, NOTES]


def test_notes_behind_the_end_of_a_track_are_read_where_its_length_holds_them_and_padding_is_not() -> None:
    late = [(tick + 960, message) for tick, message in NOTES]
    assert messages(header(2) + track(MELODY, END, MELODY) + track(MELODY)) == [NOTES + late, NOTES]
    assert messages(header() + track(MELODY, END, bytes(9), end=b"")) == [NOTES]


def test_more_tracks_than_the_header_promises_are_read_and_missing_ones_told() -> None:
    assert messages(header(1) + track(b"\x00\xff\x51\x03\x0f\x42\x40") + track(MELODY)) == [[], NOTES]
    song = parse(header(5) + track(MELODY))
    assert song.tracks[0].messages == NOTES
    assert parse(header(0)).tracks == []
    assert song.faults == ["its header promises 5 tracks, and it holds 1"]


@pytest.mark.parametrize("lost", range(1, 8))
def test_a_file_that_breaks_off_is_read_as_far_as_it_goes(lost: int) -> None:
    song = parse((header() + track(MELODY))[:-lost])
    assert song.tracks[0].messages == (NOTES if lost <= 4 else NOTES[:3])
    assert song.faults == ["track 1 breaks off; what should follow is lost"]


def test_data_without_a_status_are_told() -> None:
    song = parse(header() + track(b"\x00\x01\x02\x03", MELODY[1:]))
    assert song.tracks[0].messages == NOTES
    assert song.faults == ["track 1 has 3 bytes outside any event, left out"]


def test_a_tempo_that_is_none_is_told_and_one_of_odd_length_is_read() -> None:
    song = parse(header() + track(b"\x00\xff\x51\x03\x00\x00\x00", b"\x00\xff\x51\x02\x07\xa1", MELODY))
    assert song.tracks[0].tempos == []
    assert song.faults == ["track 1 has 2 tempo changes without a tempo, left out"]
    song = parse(header() + track(b"\x00\xff\x51\x04\x07\xa1\x20\x00", MELODY))
    assert (song.tracks[0].tempos, song.tracks[0].messages) == ([(0, 500_000)], NOTES)


@pytest.mark.parametrize(
    ("name", "read"),
    [("Voz é".encode(), "Voz é"), ("Voz é".encode("latin-1"), "Voz é"), (b"\x1b[2J\x00a\nb ", "[2Ja b")],
)
def test_names_of_any_encoding_are_read_and_harmless(name: bytes, read: str) -> None:
    assert parse(header() + track(b"\x00\xff\x03" + bytes([len(name)]) + name)).tracks[0].name == read


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is not a MIDI file or is damaged"),
        (b"a song", "is not a MIDI file or is damaged"),
        (WHOLE[:13], "is not a MIDI file or is damaged"),
        (b"MThd\0\0\0\4\0\0\0\1" + track(MELODY), "is not a MIDI file or is damaged"),
        (header(), "holds no MIDI track"),
        (header(declared=2**32 - 1), "holds no MIDI track"),
        (header(division=0) + track(MELODY), "has no ticks in a beat"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse(data)


def test_a_file_of_too_many_messages_or_tracks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smf, "MAX_MESSAGES", 8)
    assert messages(header(2) + track(MELODY) + track(MELODY)) == [NOTES, NOTES]
    with pytest.raises(ValueError, match="more than 8 MIDI messages; split it"):
        parse(header(3) + track(MELODY) + track(MELODY) + track(b"\x00\x90\x3c\x64"))
    with pytest.raises(ValueError, match="more than 65535 MIDI tracks; split it"):
        parse(header() + track() * 65_536)


def test_a_wrong_byte_anywhere_is_read_or_refused_but_nothing_else() -> None:
    good = header(2) + track(META, MELODY, SYSEX) + track(*RUNNING)
    rng = np.random.default_rng(0)
    read = 0
    for _ in range(3000):
        data = np.frombuffer(good, np.uint8).copy()
        data[rng.integers(0, len(data), 3)] = rng.integers(0, 256, 3)
        try:
            song = parse(data.tobytes()[: rng.integers(1, len(data) + 1)])
        except ValueError:
            continue
        read += 1
        check(song)
    assert read > 1000


def check(song: MidiSong) -> None:
    for found in song.tracks:
        for tick, message in found.messages:
            assert tick >= 0
            assert 0x80 <= message[0] < 0xF0
            assert max(message[1:]) < 128
        assert all(tempo > 0 for _, tempo in found.tempos)
