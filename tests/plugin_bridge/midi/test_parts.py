"""Which part of a MIDI file is sung: by option, by name, by its notes, and never the drums."""

from __future__ import annotations

import pytest

from plugin_bridge.midi.parts import Part, select
from plugin_bridge.midi.smf import parse
from tests.plugin_bridge.midi.midibytes import header, named, notes, track

DRUMS = track(named("Drums"), notes(9, 36, 42, 38, 42, 36))
BASS = track(named("Bass"), b"\x00\xb3\x07\x40", notes(3, 40, 41))
MELODY = track(named("Tune"), notes(0, 60, 62, 64))
KNOBS = track(b"\x00\xb7\x01\x40\x00\xb3\x07\x40")


def chosen(
    *tracks: bytes, channel: int | None = None, number: int | None = None, form: int = 1
) -> tuple[list[tuple[int, int]], str]:
    """Return the tracks and channels that count, as people count them, and what is said."""
    found = select(parse(header(len(tracks), form) + b"".join(tracks)), channel, number)
    return sorted((part.track + 1, part.channel + 1) for part in found.parts), found.sentence


def test_of_several_parts_the_one_with_the_most_notes_is_sung_and_the_rest_told() -> None:
    assert chosen(DRUMS, BASS, MELODY) == (
        [(3, 1)],
        (
            "track 3 channel 1 (Tune) is sung, which leaves out 2 notes of track 2 channel 4 (Bass) and "
            "5 notes of the drums on channel 10; choose another with --midi-track and --midi-channel"
        ),
    )


@pytest.mark.parametrize("name", ["Lead Vocals", "VOICE", "melody", "Vox 1"])
def test_a_part_named_like_a_voice_comes_first(name: str) -> None:
    parts, said = chosen(MELODY, track(named(name), notes(1, 60)))
    assert parts == [(2, 2)]
    assert said.startswith(f"track 2 channel 2 ({name}) is sung, which leaves out 3 notes of track 1 ")


def test_of_equal_parts_the_first_is_sung() -> None:
    assert chosen(track(notes(1, 60, 62)), track(notes(0, 64, 65)))[0] == [(1, 2)]


def test_the_channels_of_one_track_are_parts_too() -> None:
    assert chosen(track(notes(2, 50), notes(5, 60, 62), notes(9, 36)), form=0)[0] == [(1, 6)]


def test_one_part_alone_is_used_without_a_word_and_drums_alone_are_not() -> None:
    assert chosen(MELODY) == ([(1, 1)], "")
    assert chosen(MELODY, DRUMS) == ([(1, 1)], "channel 10 is drums, which are never sung: 5 notes left out")
    assert chosen(DRUMS) == ([], "channel 10 is drums, which are never sung: 5 notes left out")


def test_controls_of_the_sung_channel_and_of_channels_without_notes_count_in_every_track() -> None:
    assert chosen(KNOBS) == ([(1, 4), (1, 8)], "")
    assert chosen(KNOBS, MELODY)[0] == [(1, 4), (1, 8), (2, 1)]
    assert chosen(KNOBS, MELODY, BASS)[0] == [(1, 8), (2, 1)]
    assert chosen(KNOBS, BASS)[0] == [(1, 4), (1, 8), (2, 4)]


def test_what_is_asked_for_counts_and_nothing_else() -> None:
    tracks = DRUMS, BASS, MELODY, track(notes(0, 70), notes(1, 71))
    assert chosen(*tracks, channel=4) == (
        [(2, 4)],
        (
            "the part that was asked for leaves out 3 notes of track 3 channel 1 (Tune), "
            "1 note of track 4 channel 2, 1 note of track 4 channel 1 and 5 notes of the drums on channel 10"
        ),
    )
    assert chosen(*tracks, channel=1)[0] == [(3, 1), (4, 1)]
    assert chosen(*tracks, number=4)[0] == [(4, 1), (4, 2)]
    assert chosen(*tracks, channel=2, number=4)[0] == [(4, 2)]
    parts, said = chosen(DRUMS, channel=10)
    assert parts == [(1, 10)]
    assert said == "channel 10 is drums, which are never sung: 5 notes left out"


def test_a_long_list_of_parts_is_cut_short() -> None:
    tracks = [track(notes(k % 9, *[60] * (10 - k))) for k in range(9)]
    said = chosen(*tracks)[1]
    assert said.count("notes of track") == 4
    assert " and 14 notes of 4 more parts; choose another" in said


@pytest.mark.parametrize(
    ("channel", "number", "sentence"),
    [
        (
            7,
            None,
            r"holds nothing on channel 7; choose among track 1 channel 4 \(Bass\) and track 2 channel 1",
        ),
        (None, 9, "holds nothing in track 9; choose among"),
        (1, 1, "holds nothing in track 1 on channel 1; choose among"),
    ],
)
def test_a_part_that_is_not_there_is_refused(channel: int | None, number: int | None, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        chosen(BASS, MELODY, channel=channel, number=number)


def test_a_pattern_of_format_2_counts_by_itself_with_its_own_tempo() -> None:
    song = parse(header(2, 2) + BASS + MELODY)
    assert select(song).parts == {Part(1, 0)}
    assert select(song).tracks == {1}
    assert select(song, track=1).parts == {Part(0, 3)}
    assert select(song, track=1).tracks == {0}
