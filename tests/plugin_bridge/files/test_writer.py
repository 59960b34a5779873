"""Writing audio: every format, byte for byte the same, with its metadata; a full disk is noticed."""

from __future__ import annotations

import resource
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from plugin_bridge.errors import OutputError
from plugin_bridge.files.containers import CARRIED_LIMIT, finish_wav, riff_chunks
from plugin_bridge.files.reader import AudioReader
from plugin_bridge.files.writer import BITS, AudioWriter, Carried, OutputFormat, container_of

FORMS = [OutputFormat(container, bits) for container, known in BITS.items() for bits in known]
NOISE = np.random.default_rng(5).uniform(-0.9, 0.9, (2, 20000)).astype(np.float32)


def write(
    path: Path, x: NDArray[np.float32], form: OutputFormat, sizes: tuple[int, ...] = (4096,)
) -> AudioWriter:
    with AudioWriter(
        path, 44100, len(x), x.shape[1], form, carried=Carried({"title": "Lied", "artist": "Ä"})
    ) as writer:
        at = turn = 0
        while at < x.shape[1]:
            n = sizes[turn % len(sizes)]
            writer.write(x[:, at : at + n])
            at, turn = at + n, turn + 1
    return writer


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_what_is_written_is_read_again_with_its_metadata(tmp_path: Path, form: OutputFormat) -> None:
    path = tmp_path / f"a{form.suffix}"
    write(path, NOISE, form)
    with AudioReader(path) as reader:
        back = np.concatenate(list(reader.chunks()), axis=1)
        assert (reader.metadata["title"], reader.metadata["artist"]) == ("Lied", "Ä")
    step = 0.0 if form.is_float else 2.0 ** (1 - int(form.bits))
    assert np.abs(back - NOISE).max() <= 1.5 * step  # half a step of rounding and one of dither
    assert form.is_float or np.abs(back - NOISE).max() > 0.6 * step
    assert soundfile.info(path).subtype == {"16": "PCM_16", "24": "PCM_24", "32f": "FLOAT"}[form.bits]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_bytes_depend_on_neither_the_chunks_nor_the_clock(tmp_path: Path, form: OutputFormat) -> None:
    one, two = tmp_path / f"1{form.suffix}", tmp_path / f"2{form.suffix}"
    write(one, NOISE, form)
    if form.is_float:
        time.sleep(1.05)  # the PEAK chunk counts seconds
    write(two, NOISE, form, sizes=(1, 7, 1000, 999))
    assert one.read_bytes() == two.read_bytes()


def test_peak_and_clips_are_counted(tmp_path: Path) -> None:
    x = np.array([[0.5, -1.5, 1.0, 1.25, 0.0]], np.float32)
    writer = write(tmp_path / "a.wav", x, OutputFormat("wav", "24"))
    assert (writer.peak, writer.clipped) == (1.5, 2)
    with AudioReader(tmp_path / "a.wav") as reader:
        assert np.abs(next(reader.chunks())).max() <= 1.0
    writer = write(tmp_path / "b.wav", x, OutputFormat("wav", "32f"))
    assert (writer.peak, writer.clipped) == (1.5, 0)


@pytest.mark.parametrize("bits", ["16", "24"])
def test_a_sample_a_thousandth_of_a_decibel_over_full_scale_is_a_clip(tmp_path: Path, bits: str) -> None:
    over = [10 ** (decibels / 20) for decibels in (0.09, 0.001)]
    exact = [1.0, -1.0, 1.0 + 2.0**-23]  # and what rounding adds when a file is normalized to 0 dBFS
    x = np.array([[*over, *(-value for value in over), *exact, 0.999]], np.float32)
    assert write(tmp_path / "a.wav", x, OutputFormat("wav", bits)).clipped == 4


def test_formats_that_are_not_written_are_named() -> None:
    with pytest.raises(ValueError, match="'wma' is not written; choose one of wav, aiff, flac, opus, mp3"):
        OutputFormat("wma")
    with pytest.raises(ValueError, match="flac is not written with '32f' bits; choose one of 16, 24"):
        OutputFormat("flac", "32f")
    with pytest.raises(ValueError, match=r"'a.wma' does not end like an output; use .wav, .aiff, .flac, .o"):
        container_of(Path("a.wma"))
    with pytest.raises(ValueError, match="mp3 has no bits of samples; leave '16' out"):
        OutputFormat("mp3", "16")
    with pytest.raises(ValueError, match="opus is not written at 44100 Hz; choose one of 8000, 12000, "):
        OutputFormat("opus", sample_rate=44100)
    with pytest.raises(ValueError, match="sample rate 4000 is not written; give 8000 to 768000 Hz"):
        OutputFormat("wav", sample_rate=4000)


def test_what_libsndfile_does_not_write_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soundfile, "check_format", lambda *_: False)
    with pytest.raises(ValueError, match=r"mp3 is not written by this machine's libsndfile \(1\.\d"):
        OutputFormat("mp3")
    assert OutputFormat("flac").bits == "24"


@pytest.mark.parametrize(
    ("container", "source", "rate"),
    [
        ("wav", 37800, 37800),
        ("opus", 44100, 48000),
        ("opus", 48000, 48000),
        ("opus", 16000, 16000),
        ("opus", 11025, 12000),
        ("opus", 192000, 48000),
        ("mp3", 44100, 44100),
        ("mp3", 37800, 44100),
        ("mp3", 88200, 44100),
        ("mp3", 96000, 48000),
    ],
)
def test_the_rate_is_that_of_the_source_or_one_that_the_container_has(
    container: str, source: int, rate: int
) -> None:
    assert OutputFormat(container).rate_for(source) == rate


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
@pytest.mark.parametrize("container", ["opus", "mp3"])
@pytest.mark.parametrize("frames", [1, 1000, 20001])
def test_what_is_lossy_has_the_length_to_the_sample(
    tmp_path: Path, container: str, rate: int, frames: int
) -> None:
    form = OutputFormat(container)
    path = tmp_path / f"a{form.suffix}"
    x = np.zeros((2, frames), np.float32)
    x[:, frames // 2 :][:, :3] = 0.5
    with AudioWriter(
        path, form.rate_for(rate), 2, frames, form, carried=Carried({"title": "Lied"})
    ) as writer:
        writer.write(x)
    with AudioReader(path) as reader:
        assert (reader.frames, reader.sample_rate) == (frames, form.rate_for(rate))
        assert reader.metadata["title"] == "Lied"
        back = np.concatenate(list(reader.chunks()), axis=1)
    if frames > 1000:
        assert abs(int(np.abs(back[0]).argmax()) - frames // 2 - 1) <= 1


@pytest.mark.parametrize("container", ["opus", "mp3"])
def test_a_full_disk_is_noticed_by_what_is_lossy(tmp_path: Path, container: str) -> None:
    form = OutputFormat(container)
    path = tmp_path / f"a{form.suffix}"
    x = np.tile(NOISE, 8)

    def again() -> None:
        with AudioWriter(path, 48000, 2, x.shape[1], form) as writer:
            writer.write(x)

    again()
    size = path.stat().st_size
    for limit in (0, 100, size // 2, size - 1):
        with file_size_limit(limit), pytest.raises(OutputError, match=r"cannot be written|holds \d+ of"):
            again()


def test_chunks_of_broadcast_files_are_carried_over(tmp_path: Path) -> None:
    source, target = tmp_path / "a.wav", tmp_path / "b.wav"
    chunks = [(b"bext", b"d" * 603), (b"iXML", b"<BWFXML/>")]
    for path in (source, target):
        carried = chunks
        if path == target:
            with AudioReader(source) as reader:
                carried = reader.carried_chunks()
        with AudioWriter(
            path, 48000, 1, 101, OutputFormat("wav", "24"), carried=Carried(chunks=carried)
        ) as writer:
            writer.write(NOISE[:1, :101])
    assert struct.unpack("<I", target.read_bytes()[4:8])[0] == target.stat().st_size - 8
    with AudioReader(target) as reader:
        assert reader.frames == 101
        assert reader.carried_chunks() == chunks


def test_a_wav_that_its_chunks_would_bring_beyond_4_gb_becomes_rf64(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with AudioWriter(path, 48000, 1, (2**32 - CARRIED_LIMIT) // 3, OutputFormat("wav", "24")):
        assert path.read_bytes()[:4] == b"RF64"


def test_a_wav_beyond_4_gb_becomes_rf64(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    writer = AudioWriter(
        path, 48000, 2, 2**30, OutputFormat("wav", "32f"), carried=Carried(chunks=[(b"bext", b"1234")])
    )
    writer.write(NOISE)
    writer.close()
    assert path.read_bytes()[:4] == b"RF64"
    with path.open("rb") as file:
        assert [chunk.name for chunk in riff_chunks(file)][-1] == b"bext"
    with AudioReader(path) as reader:
        assert np.array_equal(np.concatenate(list(reader.chunks()), axis=1), NOISE)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(Exception, match="cut short"):
        AudioReader(path)
    with pytest.raises(OutputError, match="4 GB an AIFF file can hold; write WAV or FLAC"):
        AudioWriter(tmp_path / "a.aiff", 48000, 2, 2**30, OutputFormat("aiff", "24"))


def test_finishing_a_wav_touches_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, NOISE.T, 48000, "PCM_16")
    before = path.read_bytes()
    finish_wav(path, [])
    assert path.read_bytes() == before


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let every file of this process end at so many bytes, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_full_disk_is_noticed(tmp_path: Path, form: OutputFormat) -> None:
    path = tmp_path / f"a{form.suffix}"
    write(path, NOISE, form)
    size = path.stat().st_size
    for limit in (0, 100, size // 2, size - 1):
        with file_size_limit(limit), pytest.raises(OutputError, match=r"cannot be written|holds \d+ of"):
            write(path, NOISE, form)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_device_that_is_full_is_noticed() -> None:
    with pytest.raises(OutputError):
        write(Path("/dev/full"), NOISE, OutputFormat("wav", "24"))


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_texts_too_long_for_a_header_do_not_cost_the_others(tmp_path: Path, form: OutputFormat) -> None:
    path = tmp_path / f"a{form.suffix}"
    metadata = {"comment": "long " * 5000, "title": "Lied"}
    with AudioWriter(path, 48000, 2, 20000, form, carried=Carried(metadata)) as writer:
        writer.write(NOISE)
    with AudioReader(path) as reader:
        assert reader.metadata["title"] == "Lied"
        assert reader.frames == 20000


@pytest.mark.parametrize("form", [form for form in FORMS if form.container != "flac"], ids=str)
def test_the_room_for_texts_counts_bytes(tmp_path: Path, form: OutputFormat) -> None:
    """7000 Japanese characters are 21000 bytes, which the headers of WAV and AIFF do not hold."""
    path = tmp_path / f"a{form.suffix}"
    metadata = {"comment": "歌" * 7000, "title": "Lied"}
    with AudioWriter(path, 48000, 2, 20000, form, carried=Carried(metadata)) as writer:
        writer.write(NOISE)
    with AudioReader(path) as reader:
        assert reader.metadata == {"title": "Lied"}
        assert reader.frames == 20000
