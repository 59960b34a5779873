"""Markers, regions and loops at another rate and in another format; damaged ones go as far as they go."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from plugin_bridge.files.containers import CARRIED_LIMIT, carried_chunks, riff_chunks
from plugin_bridge.files.markers import MAX_AIFF_MARKERS, from_aiff, moved, moved_markers, to_aiff
from plugin_bridge.files.reader import AudioReader
from plugin_bridge.files.writer import AudioWriter, Carried, OutputFormat
from tests.support.studio import adtl, cue, mark, smpl


def test_positions_are_rounded_to_the_nearest_sample() -> None:
    assert moved(48000, 48000, 44100) == 44100
    assert [moved(at, 48000, 44100) for at in (0, 1, 2, 3)] == [0, 1, 2, 3]
    assert moved(1, 16000, 48000) == 3
    assert moved(2**63, 48000, 96000) == 2**64


def test_cues_regions_and_loops_keep_their_place_in_time() -> None:
    moves = (48000, 96000)
    assert moved_markers(b"cue ", cue((1, 100), (2, 24001)), *moves) == cue((1, 200), (2, 48002))
    assert moved_markers(b"LIST", adtl({1: b"verse"}, {2: 500}), *moves) == adtl({1: b"verse"}, {2: 1000})
    assert moved_markers(b"smpl", smpl(48000, (0, 99)), *moves) == smpl(96000, (0, 199))
    for name, content in (
        (b"cue ", cue((1, 7))),
        (b"LIST", adtl({}, {1: 3})),
        (b"smpl", smpl(48000, (1, 2))),
    ):
        assert moved_markers(name, content, 48000, 48000) == content


def test_what_does_not_fit_stops_at_the_largest_number() -> None:
    assert moved_markers(b"cue ", cue((1, 2**32 - 1)), 8000, 192000) == cue((1, 2**32 - 1))
    assert moved_markers(b"smpl", smpl(8000, (0, 2**32 - 1)), 8000, 192000) == smpl(192000, (0, 2**32 - 1))
    assert moved_markers(b"smpl", smpl(48000, (0, 0)), 48000, 8000) == smpl(8000, (0, 0))


@pytest.mark.parametrize("name", [b"cue ", b"smpl", b"LIST"])
@pytest.mark.parametrize(
    "start", [b"", b"\xff" * 4, b"adtlltxt\xff\xff\xff\xff", b"adtlltxt\x00\x00\x00\x00"]
)
def test_damaged_chunks_stay_as_they_are(name: bytes, start: bytes) -> None:
    for length in (0, 3, 4, 20, 36, 60):
        content = (start + b"\xff" * length)[: max(length, len(start))]
        found = moved_markers(name, content, 48000, 44100)
        assert len(found) == len(content)
        to_aiff([(name, content)])
        from_aiff(content)


def test_a_count_that_lies_is_not_believed() -> None:
    whole = cue((1, 100), (2, 200))
    lying = struct.pack("<I", 2**32 - 1) + whole[4:]
    assert moved_markers(b"cue ", lying, 48000, 96000) == lying[:4] + cue((1, 200), (2, 400))[4:]
    assert len(from_aiff(struct.pack(">H", 65535) + mark((1, 5, b"a"))[2:])) == 2


def test_markers_go_to_aiff_and_back() -> None:
    chunks = [
        (b"cue ", cue((1, 0), (2, 4800), (7, 9601))),
        (b"LIST", adtl({2: b"Strophe 2", 7: "Schluß".encode()})),
    ]
    content = to_aiff(chunks)
    assert content == mark((1, 0, b""), (2, 4800, b"Strophe 2"), (7, 9601, "Schluß".encode()))
    assert from_aiff(content) == chunks
    assert from_aiff(mark()) == []
    assert to_aiff([(b"bext", bytes(602))]) == b""


def test_numbers_that_aiff_has_not_are_counted_anew() -> None:
    for first, second, name in ((0, 1, b""), (70000, 3, b""), (2, 2, b"first")):
        found = to_aiff([(b"cue ", cue((first, 5), (second, 6))), (b"LIST", adtl({first: b"first"}))])
        assert found == mark((1, 5, b"first"), (2, 6, name))


def test_a_name_too_long_for_aiff_ends_with_a_whole_letter() -> None:
    name = "ä".encode() * 200
    found = from_aiff(to_aiff([(b"cue ", cue((1, 5))), (b"LIST", adtl({1: name}))]))
    assert found == [(b"cue ", cue((1, 5))), (b"LIST", adtl({1: name[:254]}))]


def test_more_markers_than_aiff_has_are_left_out() -> None:
    found = to_aiff([(b"cue ", cue(*((n, n) for n in range(1, 70000))))])
    assert struct.unpack(">H", found[:2]) == (MAX_AIFF_MARKERS,)


def test_aiff_files_are_written_and_read_with_their_markers(tmp_path: Path) -> None:
    chunks = [(b"cue ", cue((1, 3), (2, 50))), (b"LIST", adtl({1: b"odd", 2: b"even"}))]
    path, form = tmp_path / "a.aiff", OutputFormat("aiff", "24")
    for frames in (100, 101):
        carried = Carried({"title": "Lied"}, [*chunks, (b"bext", bytes(602))])
        with AudioWriter(path, 48000, 1, frames, form, carried=carried) as writer:
            writer.write(np.full((1, frames), 0.25, np.float32))
        assert struct.unpack(">I", path.read_bytes()[4:8])[0] == path.stat().st_size - 8
        with AudioReader(path) as reader:
            assert (reader.frames, reader.metadata["title"]) == (frames, "Lied")
            assert reader.carried_chunks() == chunks
        with path.open("rb") as file:
            assert b"MARK" in {chunk.name for chunk in riff_chunks(file)}


def test_wave64_and_rf64_carry_what_wav_carries(tmp_path: Path) -> None:
    kind = bytes.fromhex("f3acd3118cd100c04f8edb8a")
    soundfile.write(tmp_path / "a.w64", np.zeros(101), 48000, "PCM_16", format="W64")
    soundfile.write(tmp_path / "a.rf64", np.zeros(101), 48000, "PCM_16", format="RF64")
    chunks = [(b"bext", bytes(603)), (b"cue ", cue((1, 5)))]
    with (tmp_path / "a.w64").open("r+b") as file:
        file.write(b"" if file.seek(0, 2) % 8 == 0 else bytes(8 - file.seek(0, 2) % 8))
        for name, content in chunks:
            size = 24 + len(content)
            file.write(name + kind + struct.pack("<Q", size) + content + bytes(-size % 8))
        size = file.tell()
        file.seek(16)
        file.write(struct.pack("<Q", size))
    with (tmp_path / "a.rf64").open("r+b") as file:
        file.seek(0, 2)
        for name, content in chunks:
            file.write(struct.pack("<4sI", name, len(content)) + content + bytes(len(content) % 2))
    for path in (tmp_path / "a.w64", tmp_path / "a.rf64"):
        with path.open("rb") as file:
            assert carried_chunks(file) == chunks


@pytest.mark.parametrize("size", [0, 23, 2**64 - 1])
def test_a_wave64_file_that_lies_about_its_chunks_is_left(tmp_path: Path, size: int) -> None:
    kind = bytes.fromhex("f3acd3118cd100c04f8edb8a")
    (tmp_path / "a.w64").write_bytes(
        b"riff" + bytes(36) + b"cue " + kind + struct.pack("<Q", size) + bytes(100)
    )
    with (tmp_path / "a.w64").open("rb") as file:
        assert carried_chunks(file) == []


def test_chunks_that_are_too_large_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(100), 48000, "PCM_16")
    with path.open("r+b") as file:
        file.seek(0, 2)
        file.write(struct.pack("<4sI", b"cue ", CARRIED_LIMIT + 1))
        file.truncate(file.tell() + CARRIED_LIMIT + 2)
        file.seek(0, 2)
        file.write(struct.pack("<4sI", b"iXML", 10) + b"<BWFXML/>\n")
    with path.open("rb") as file:
        assert carried_chunks(file) == [(b"iXML", b"<BWFXML/>\n")]
