"""What libsndfile reads is read whole, whatever stands before it; a file that was cut is told or refused."""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from plugin_bridge.errors import AudioFileError
from plugin_bridge.files.reader import AudioReader
from plugin_bridge.files.window import View

RATE = 48000
FRAME = 1152
FRAMES = 100000
NOISE = np.random.default_rng(3)


def singing(fade: float = 0.0) -> NDArray[np.float32]:
    """A tone with some noise, (samples,), that fades in (> 0) or out (< 0)."""
    x = 0.2 * np.sin(np.arange(FRAMES) / 35) + 0.05 * np.random.default_rng(3).standard_normal(FRAMES)
    half = np.arange(FRAMES) < FRAMES // 2
    return (x * (1 - half if fade > 0 else half if fade else 1)).astype(np.float32)


def mp3(mode: str = "CONSTANT", fade: float = 0.0) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, singing(fade), RATE, format="MP3", bitrate_mode=mode)
    return file.getvalue()


def bare(data: bytes) -> bytes:
    """Take off the first frame, which tells the length: zeros, so that the next sync is that of a frame."""
    return data[data.index(data[:2], 4) :]


def id3(size: int, content: bytes = b"") -> bytes:
    content = content or b"\1" * size
    size = len(content)
    return b"ID3\3\0\0" + bytes([size >> 21, size >> 14 & 127, size >> 7 & 127, size & 127]) + content


def ape(content: bytes) -> bytes:
    head, foot = (
        b"APETAGEX" + struct.pack("<IIII", 2000, len(content) + 32, 1, flags << 29) + bytes(8)
        for flags in (5, 4)
    )
    return head + content + foot


def read(path: Path, data: bytes) -> NDArray[np.float32]:
    path.write_bytes(data)
    with AudioReader(path) as reader:
        audio = np.concatenate(list(reader.chunks()), axis=1)
        assert audio.shape[1] == reader.frames
    row: NDArray[np.float32] = audio[0]
    return row


def picture() -> bytes:
    """Bytes that look like the beginning of a frame here and there, as pictures do."""
    parts = [NOISE.bytes(1000 + 7 * n) + b"\xff\xfb\x90" for n in range(40)]
    return b"\xff\xd8\xff\xe2" + b"".join(parts)


BEFORE = {
    "nothing": b"",
    "two ID3 tags": id3(21) * 2,
    "three ID3 tags, one with a picture": id3(200) + id3(0, picture()) + id3(9),
    "an APE tag": ape(b"a" * 100),
    "an APE tag behind an ID3 tag": id3(64) + ape(b"a" * 100),
    "an ID3 tag behind an APE tag": ape(b"a" * 100) + id3(64),
    "zeros": bytes(5000),
    "zeros behind an ID3 tag": id3(64) + bytes(3000),
    "zeros that decoders give up at": bytes(200000),
    "noise": NOISE.bytes(3000),
    "a picture": picture(),
    "text": b"HTTP/1.0 200 OK\r\nicy-name: Radio\r\n\r\n",
    "an ID3v1 tag": b"TAG" + b"a" * 125,
    "a tag that is longer than it says": id3(64) + b"\1" * 300,
}


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_an_mp3_is_read_whole_whatever_stands_before_it(tmp_path: Path, before: bytes) -> None:
    told = read(tmp_path / "a.mp3", before + mp3())
    assert np.array_equal(told, read(tmp_path / "b.mp3", mp3()))
    assert told.size == FRAMES
    untold = read(tmp_path / "c.mp3", before + bare(mp3()))
    assert np.array_equal(untold, read(tmp_path / "d.mp3", bare(mp3())))
    assert FRAMES <= untold.size <= FRAMES + 3 * FRAME


@pytest.mark.parametrize(
    "fade", [-1.0, 0.0, 1.0]
)  # the length is guessed by the first frame, too short or too long
@pytest.mark.parametrize("behind", [b"", b"TAG" + b"a" * 125, ape(b"a" * 40000), bytes(700)], ids=len)
def test_an_mp3_that_does_not_tell_its_length_is_read_to_its_end(
    tmp_path: Path, fade: float, behind: bytes
) -> None:
    audio = read(tmp_path / "a.mp3", bare(mp3("VARIABLE", fade)) + behind)
    assert FRAMES <= audio.size <= FRAMES + 3 * FRAME


def test_a_cut_mp3_that_tells_its_length_is_refused(tmp_path: Path) -> None:
    data = mp3()
    for lost in (1, 50, 100, len(data) // 2 + 5):
        with pytest.raises(AudioFileError, match="is cut short"):
            read(tmp_path / "a.mp3", data[:-lost])


@pytest.mark.parametrize("lost", [1, 50, 100, 10205])
def test_of_a_cut_mp3_that_tells_no_length_all_whole_frames_are_read_and_the_cut_is_told(
    tmp_path: Path, lost: int
) -> None:
    data = bare(mp3("VARIABLE"))
    whole = read(tmp_path / "whole.mp3", data)
    path = tmp_path / "a.mp3"
    audio = read(path, data[:-lost])
    assert np.array_equal(audio, whole[: audio.size])
    assert audio.size > whole.size * (len(data) - lost) / len(data) - 3 * FRAME
    with AudioReader(path) as reader:
        told = "ends within a frame, as a file that was cut; all that is there is used"
        assert reader.note == f"{path} {told}, {audio.size / RATE:.2f} s"


def test_an_mp3_that_is_damaged_in_its_midst_is_not_shortened(tmp_path: Path) -> None:
    data = bare(mp3("VARIABLE"))
    with pytest.raises(AudioFileError, match="is cut short or damaged at"):
        read(tmp_path / "a.mp3", data[:20000] + bytes(90000) + data[20300:])


@pytest.mark.parametrize("between", [b"", id3(200), b"TAG" + b"a" * 125])
@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_mp3s_joined_into_one_are_all_read_to_the_sample(tmp_path: Path, mode: str, between: bytes) -> None:
    path, one = tmp_path / "a.mp3", read(tmp_path / "one.mp3", mp3(mode))
    audio = read(path, between.join([mp3(mode), mp3(mode), mp3(mode)]))
    assert np.array_equal(audio, np.concatenate([one, one, one]))
    with AudioReader(path) as reader:
        told = "holds several streams one after another; all that is there is used"
        assert reader.note == f"{path} {told}, {3 * FRAMES / RATE:.2f} s"
    untold = read(tmp_path / "untold.mp3", bare(mp3(mode)))
    mixed = read(path, mp3(mode) + bare(mp3(mode)))
    assert np.array_equal(mixed, np.concatenate([one, untold]))
    with pytest.raises(AudioFileError, match="is cut short"):
        read(path, mp3(mode) + mp3(mode)[:-3000])


def test_joined_mp3s_of_different_rates_are_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    soundfile.write(file, singing(), 44100, format="MP3")
    with pytest.raises(AudioFileError, match="the streams in it have different rates or channels"):
        read(tmp_path / "a.mp3", mp3() + file.getvalue())


def test_an_mp3_within_a_wav_is_read_whole(tmp_path: Path) -> None:
    data = mp3()
    form = struct.pack("<HHIIHHHHIHHH", 0x55, 1, RATE, 8000, 1, 0, 12, 1, 2, FRAME, 1, 0)
    chunks = b"".join(
        struct.pack("<4sI", name, len(content)) + content + bytes(len(content) % 2)
        for name, content in ((b"fmt ", form), (b"fact", struct.pack("<I", FRAMES)), (b"data", data))
    )
    wav = b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks
    for path in (tmp_path / "a.wav", tmp_path / "a.mp3"):
        assert np.array_equal(read(path, wav), read(tmp_path / "b.mp3", data))


@pytest.mark.parametrize("container", ["FLAC", "WAV", "AIFF", "OGG"])
def test_a_file_behind_id3_tags_is_read_whole(tmp_path: Path, container: str) -> None:
    soundfile.write(tmp_path / "plain", singing(), RATE, format=container)
    plain = (tmp_path / "plain").read_bytes()
    for before in (id3(64), id3(5000) + id3(20)):
        assert np.array_equal(read(tmp_path / "a", before + plain), read(tmp_path / "b", plain))


def ogg_crc(page: bytes) -> int:
    """The checksum of RFC 3533: CRC-32 with the polynomial 04C11DB7, unreflected, from 0."""
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc >> 31 else crc << 1) & 0xFFFFFFFF
    return crc


def ogg(codec: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, singing(), RATE, format="OGG", subtype=codec)
    return file.getvalue()


@pytest.mark.parametrize("codec", ["VORBIS", "OPUS"])
def test_an_ogg_without_an_end_flag_is_read_whole_and_told(tmp_path: Path, codec: str) -> None:
    data = ogg(codec)
    at = data.rfind(b"OggS")
    page = bytearray(data[at:])
    page[5] &= ~4
    page[22:26] = bytes(4)
    page[22:26] = struct.pack("<I", ogg_crc(bytes(page)))
    whole = read(tmp_path / "a.ogg", data)
    assert whole.size == FRAMES
    path = tmp_path / "b.ogg"
    assert np.array_equal(read(path, data[:at] + bytes(page)), whole)
    with AudioReader(path) as reader:
        assert reader.note.startswith(
            f"{path} does not say where it ends, as from a broadcast or a file that was cut"
        )
    shorter = read(tmp_path / "c.ogg", data[:at])  # cut at a page: it looks like a broadcast, and is told
    assert 0 < shorter.size < FRAMES
    with AudioReader(tmp_path / "c.ogg") as reader:
        assert f"all that is there is used, {shorter.size / RATE:.2f} s" in reader.note
    with pytest.raises(AudioFileError, match="is cut short"):
        read(tmp_path / "d.ogg", data[: at + 20])


@pytest.mark.parametrize("codec", ["VORBIS", "OPUS"])
def test_of_an_ogg_of_several_streams_the_first_is_read_and_that_is_told(tmp_path: Path, codec: str) -> None:
    data, path = ogg(codec), tmp_path / "chained.ogg"
    assert np.array_equal(read(path, data + data), read(tmp_path / "a.ogg", data))
    with AudioReader(path) as reader:
        assert reader.note == (
            f"{path} holds several streams one after another; the first is used, {FRAMES / RATE:.2f} s"
        )
    with AudioReader(tmp_path / "a.ogg") as reader:
        assert reader.note == ""


@pytest.mark.parametrize(
    ("container", "cut"),
    [
        ("W64", "told"),
        ("AU", "told"),
        ("VOC", "told"),
        ("SVX", "told"),
        ("CAF", "told"),
        ("RF64", "is cut short: at least 1000 bytes are missing"),
        ("WAVEX", "is cut short: at least 1000 bytes are missing"),
    ],
)
def test_other_containers_are_read_and_a_cut_one_is_told_or_refused(
    tmp_path: Path, container: str, cut: str
) -> None:
    path = tmp_path / "a.sound"
    soundfile.write(path, singing(), RATE, "PCM_16", format=container)
    data = path.read_bytes()
    assert np.abs(read(path, data) - singing()).max() <= 2.0**-15
    with AudioReader(path) as reader:
        assert reader.note == ""
    path.write_bytes(data[:-1000])
    if cut != "told":
        with pytest.raises(AudioFileError, match=re.escape(cut)):
            AudioReader(path)
        return
    with AudioReader(path) as reader:
        assert FRAMES - 510 <= reader.frames <= FRAMES - 500
        assert reader.note == (
            f"{path} has a header that does not fit its length, as from a pipe or a file that was cut; "
            f"all that is there is used, {reader.frames / RATE:.2f} s"
        )


def test_files_of_numbers_are_no_audio(tmp_path: Path) -> None:
    for container in ("MAT5", "HTK", "PVF"):
        soundfile.write(tmp_path / "a.wav", singing(), RATE, "PCM_16", format=container)
        with pytest.raises(AudioFileError, match="is not audio this program reads; give WAV, AIFF, FLAC"):
            AudioReader(tmp_path / "a.wav")


def test_a_window_shows_the_changes_wherever_it_is_read() -> None:
    data = bytes(range(100))
    view = View(start=10, stop=90, changes={8: b"abcd", 50: b"xyz", 88: b"1234"})
    wanted = b"cd" + data[12:50] + b"xyz" + data[53:88] + b"12"
    for size in (1, 2, 3, 7, 100):
        window = view.of(io.BytesIO(data))
        assert b"".join(iter(lambda: window.read(size) or b"", b"")) == wanted  # noqa: B023 - used at once
    assert window.seek(0, io.SEEK_END) == 80
    assert window.seek(-4, io.SEEK_CUR) == 76
    assert window.read(100) == wanted[76:]


def test_a_w64_from_a_pipe_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.w64"
    soundfile.write(path, singing(), RATE, "PCM_16", format="W64")
    data = bytearray(path.read_bytes())
    data[16:24] = b"\xff" * 8  # as FFmpeg writes it
    at = data.index(b"data") + 16
    data[at : at + 8] = b"\xff" * 7 + b"\x7f"
    assert np.abs(read(path, bytes(data)) - singing()).max() <= 2.0**-15


def test_an_error_of_the_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, singing(), RATE)
    with AudioReader(path) as reader:

        def fail(*_: object) -> bytes:
            raise OSError(5, "Input/output error")

        chunks = reader.chunks()
        next(chunks)
        monkeypatch.setattr("plugin_bridge.files.window.Window._changed", fail)
        with pytest.raises(
            AudioFileError, match=r"a\.wav cannot be read: Input/output error; check the file"
        ):
            next(chunks)
