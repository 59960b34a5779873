"""Headers that were never finished: what is there is read whole, and told; what was cut is refused."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from plugin_bridge.errors import AudioFileError
from plugin_bridge.files.containers import MAX_CHUNKS, carried_chunks, riff_chunks
from plugin_bridge.files.reader import AudioReader

RATE = 16000
SINGING = (0.3 * np.sin(np.arange(20000) / 11)).astype(np.float32)
SINGING[:3000] = 0.0  # recordings begin with silence


def wav(container: str = "WAV", subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, SINGING, RATE, format=container, subtype=subtype)
    return file.getvalue()


def patched(data: bytes, *changes: tuple[int, bytes]) -> bytes:
    changed = bytearray(data)
    for at, piece in changes:
        changed[at : at + len(piece)] = piece
    return bytes(changed)


def sized(riff: int, audio: int, data: bytes | None = None) -> bytes:
    """A WAV file whose header says so many bytes."""
    data = wav() if data is None else data
    at = data.index(b"data") + 4
    return patched(data, (4, struct.pack("<I", riff)), (at, struct.pack("<I", audio)))


def read(path: Path, data: bytes) -> tuple[NDArray[np.float32], str]:
    path.write_bytes(data)
    with AudioReader(path) as reader:
        return np.concatenate(list(reader.chunks()), axis=1)[0], reader.note


def check_whole(path: Path, data: bytes) -> None:
    audio, note = read(path, data)
    assert audio.size == SINGING.size
    assert np.abs(audio - SINGING).max() <= 2.0**-15
    assert note.startswith(str(path))
    assert note.endswith("; all that is there is used, 1.25 s")
    assert note.count("\n") == 0


PIPES = [
    (0xFFFFFFFF, 0xFFFFFFFF),  # FFmpeg
    (0x7FFFF024, 0x7FFFF000),  # SoX, espeak
    (0x7FFFFF24, 0x7FFFFF00),  # arecord
    (0x7FFFFFFF, 0x7FFFFFFF - 36),
    (0x80000024, 0x80000000),
    (0xFFFFFFFF, 0xFFFFFFDB),
    (0xFFFFFFFF, 0),
    (0, 0xFFFFFFFF),
    (0x40000024, 0x40000000),  # room that was set aside
    (36 + 40000, 0x100000 + 40000),  # only one of the two is right
]
RECORDERS = [
    (0, 0),
    (36, 0),
    (36 + 40000, 0),
    (8, 0),
    (36 + 20000, 20000),
    (0, 20000),
    (36, 20000),
    (36 + 40000, 2),
]


@pytest.mark.parametrize(("riff", "audio"), [*PIPES, *RECORDERS])
def test_a_wav_with_a_header_that_was_never_finished_is_read_whole(
    tmp_path: Path, riff: int, audio: int
) -> None:
    check_whole(tmp_path / "a.wav", sized(riff, audio))


@pytest.mark.parametrize(
    "sizes", [(0, 0, 0), (2**64 - 1,) * 3, (40000 + 72, 0, 0), (0, 10000, 5000), (2**63, 2**63 - 1, 2**62)]
)
@pytest.mark.parametrize("name", [b"RF64", b"BW64"])
def test_64_bit_sizes_that_were_never_finished(tmp_path: Path, sizes: tuple[int, ...], name: bytes) -> None:
    data = wav("RF64")
    at = data.index(b"ds64") + 8
    check_whole(tmp_path / "a.wav", patched(data, (0, name), (at, struct.pack("<QQQ", *sizes))))


@pytest.mark.parametrize("sizes", [(0xFFFFFFFF, 0xFFFFFFFF), (0, 0), (36, 0)])
def test_chunks_behind_audio_of_unknown_length_are_not_taken_for_audio(
    tmp_path: Path, sizes: tuple[int, int]
) -> None:
    behind = struct.pack("<4sI", b"LIST", 18) + b"INFOINAM" + struct.pack("<I", 6) + b"Lied1\0"
    behind += struct.pack("<4sI", b"id3 ", 3) + b"ID3\0"
    check_whole(tmp_path / "a.wav", sized(*sizes) + behind)


def test_a_caf_whose_audio_goes_to_the_end_of_the_file(tmp_path: Path) -> None:
    data = wav("CAF")
    at = data.index(b"data", data.index(b"desc") + 44) + 4
    assert struct.unpack(">q", data[at : at + 8])[0] == len(data) - at - 8
    check_whole(tmp_path / "a.caf", patched(data, (at, b"\xff" * 8)))


@pytest.mark.parametrize("size", [0, 4])
def test_a_caf_whose_audio_has_no_size(tmp_path: Path, size: int) -> None:
    data = wav("CAF")
    at = data.index(b"data", data.index(b"desc") + 44) + 4
    check_whole(tmp_path / "a.caf", patched(data, (at, struct.pack(">q", size))))


@pytest.mark.parametrize("container", ["CAF", "W64"])
def test_copies_of_the_header_around_the_audio_of_a_pipe_are_no_audio(tmp_path: Path, container: str) -> None:
    data = wav(container)
    begins = len(data) - 2 * SINGING.size
    if container == "CAF":
        unfinished = patched(data[:begins], (begins - 12, struct.pack(">q", 4)))
    else:
        unfinished = patched(data[:begins], (16, bytes(8)), (begins - 8, struct.pack("<q", 23)))
    check_whole(tmp_path / "a", unfinished + unfinished + data[begins:] + data[:begins])
    check_whole(tmp_path / "b", unfinished + unfinished + data[begins:])


@pytest.mark.parametrize(("whole", "size"), [(0, 0), (0xFFFFFFFF, 0xFFFFFFFF)])
def test_a_wav_with_the_high_byte_first_and_no_sizes(tmp_path: Path, whole: int, size: int) -> None:
    form = struct.pack(">4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    samples = np.round(SINGING * 32768).astype(">i2").tobytes()
    data = b"RIFX" + struct.pack(">I", whole) + b"WAVE" + form + b"data" + struct.pack(">I", size) + samples
    check_whole(tmp_path / "a.wav", data)


def test_an_empty_piece_of_audio_before_the_audio(tmp_path: Path) -> None:
    data = wav()
    at = data.index(b"data")
    between = struct.pack("<4sI", b"data", 0) + struct.pack("<4sI", b"LIST", 4) + b"INFO"
    longer = patched(data[:at] + between + data[at:], (4, struct.pack("<I", len(data) + len(between) - 8)))
    audio, note = read(tmp_path / "a.wav", longer)
    assert np.abs(audio - SINGING).max() <= 2.0**-15
    assert note == ""


def test_64_bit_files_are_read_whole_and_said_nothing_of(tmp_path: Path) -> None:
    for name in (b"RF64", b"BW64"):
        audio, note = read(tmp_path / "a.wav", patched(wav("RF64"), (0, name)))
        assert (audio.size, note) == (SINGING.size, "")


def test_the_chunk_with_the_64_bit_sizes_may_be_missing(tmp_path: Path) -> None:
    data = wav("RF64")
    check_whole(tmp_path / "a.wav", patched(data, (data.index(b"ds64"), b"JUNK")))


def test_room_for_the_audios_name_that_was_never_filled(tmp_path: Path) -> None:
    data = wav()
    check_whole(tmp_path / "a.wav", patched(data, (4, bytes(4)), (data.index(b"data"), bytes(8))))


@pytest.mark.parametrize(
    ("form", "audio", "frames"),
    [
        (0, 0, 0),
        (0, 8, 0),
        (0xFFFFFFFF,) * 3,
        (0x7F000050, 0x7F000008, 0x3F800000),  # SoX
        (0x7FFFFFFF,) * 3,
        (46 + 20000, 20008, 10000),
        (46 + 40000, 20008, 10000),
        (0, 20008, 0),
    ],
)
def test_an_aiff_with_a_header_that_was_never_finished_is_read_whole(
    tmp_path: Path, form: int, audio: int, frames: int
) -> None:
    data = wav("AIFF")
    places = (4, data.index(b"SSND") + 4, data.index(b"COMM") + 10)
    sizes = (struct.pack(">I", size) for size in (form, audio, frames))
    check_whole(tmp_path / "a.aiff", patched(data, *zip(places, sizes, strict=True)))


@pytest.mark.parametrize(
    "behind",
    [
        struct.pack("<4sI", b"LIST", 4) + b"INFO",
        struct.pack("<4sI", b"LIST", 1000) + b"INFO",  # cut
        struct.pack("<4sI", b"odd!", 12) + b"private data",
        b"ID3\3" + bytes(range(200)),
        b"TAG" + b"a" * 125,
        b"APETAGEX" + bytes(range(24)),
        bytes(10000),  # padding
        bytes(range(255)) * 4,  # scraps
        b"\1\2\3",
    ],
)
def test_what_follows_the_audio_is_not_taken_for_audio(tmp_path: Path, behind: bytes) -> None:
    audio, note = read(tmp_path / "a.wav", wav() + behind)
    assert (audio.size, note) == (SINGING.size, "")


@pytest.mark.parametrize("pad", [b"", b"\0"], ids=["without", "with"])
def test_a_chunk_behind_an_odd_number_of_bytes_with_and_without_the_byte_between(
    tmp_path: Path, pad: bytes
) -> None:
    file = io.BytesIO()
    soundfile.write(file, SINGING[:-1], RATE, format="WAV", subtype="PCM_U8")
    data = file.getvalue()[: 44 + SINGING.size - 1] + pad + struct.pack("<4sI", b"odd!", 6000) + b"\1" * 6000
    audio, note = read(tmp_path / "a.wav", sized(len(data) - 8, SINGING.size - 1, data))
    assert (audio.size, note) == (SINGING.size - 1, "")


def test_a_recorder_that_lost_power_in_a_pause_has_recorded_silence(tmp_path: Path) -> None:
    audio, note = read(tmp_path / "a.wav", sized(0, 0)[:44] + bytes(32000))
    assert audio.size == 16000
    assert not audio.any()
    assert "all that is there is used, 1.00 s" in note


def test_a_wav_that_holds_tags_and_no_audio_is_empty(tmp_path: Path) -> None:
    data = wav()[:44] + struct.pack("<4sI", b"LIST", 4) + b"INFO"
    with pytest.raises(AudioFileError, match="is empty: it holds no samples"):
        read(tmp_path / "a.wav", sized(48, 0, data))


@pytest.mark.parametrize("container", ["WAV", "RF64", "AIFF"])
def test_a_finished_file_that_was_cut_is_refused(tmp_path: Path, container: str) -> None:
    for lost in (2, 600, 30000):
        with pytest.raises(AudioFileError, match=f"cut short: at least {lost} bytes are missing at its end"):
            read(tmp_path / "a.wav", wav(container)[:-lost])


class Counted(io.BytesIO):
    """A file that counts how often it is read from."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        return super().read(size)


def test_thousands_of_empty_chunks_cost_a_read_each_and_none_is_carried(tmp_path: Path) -> None:
    counts = []
    for chunks in (2000, 20000):
        file = Counted(wav() + struct.pack("<4sI", b"cue ", 0) * chunks)
        assert carried_chunks(file) == []
        counts.append(file.reads)
    assert counts[1] < 10.1 * counts[0]
    audio, _ = read(tmp_path / "a.wav", file.getvalue())
    assert audio.size == SINGING.size
    assert len(list(riff_chunks(Counted(wav() + struct.pack("<4sI", b"cue ", 0) * 10**6)))) == MAX_CHUNKS


def test_of_several_chunks_of_a_name_the_first_is_carried() -> None:
    many = b"".join(struct.pack("<4sI", b"cue ", 4) + struct.pack("<I", number) for number in range(20000))
    file = Counted(wav() + many)
    assert carried_chunks(file) == [(b"cue ", bytes(4))]
    assert file.reads < 20020
