"""Reading audio: what is accepted, what is refused and with which sentence."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from plugin_bridge.errors import AudioFileError
from plugin_bridge.files.reader import CHUNK, AudioReader

RATE = 48000
KINDS = [
    ("wav", "PCM_16", 2.0**-15),
    ("wav", "FLOAT", 0.0),
    ("aiff", "PCM_24", 2.0**-23),
    ("flac", "PCM_24", 2.0**-23),
    ("ogg", "VORBIS", 0.1),
    ("mp3", "MPEG_LAYER_III", 0.1),
]


def singing(frames: int, channels: int = 1) -> NDArray[np.float32]:
    """A tone with some noise, float32 (channels, frames)."""
    noise = np.random.default_rng(3).standard_normal((channels, frames))
    x = 0.2 * np.sin(2 * np.pi * 220 / RATE * np.arange(frames)) + 0.01 * noise
    return np.asarray(x, np.float32)


def write(path: Path, x: NDArray[np.float32], subtype: str, rate: int = RATE) -> Path:
    soundfile.write(path, x.T, rate, subtype)
    return path


def read(path: Path) -> NDArray[np.float32]:
    with AudioReader(path) as reader:
        return np.concatenate(list(reader.chunks()), axis=1)


def refusal(path: Path) -> str:
    with pytest.raises(AudioFileError) as caught:
        read(path)
    sentence = str(caught.value)
    assert path.name in sentence
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(("kind", "subtype", "error"), KINDS)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_kind_is_read_in_chunks_at_its_full_length(
    tmp_path: Path, kind: str, subtype: str, error: float, channels: int
) -> None:
    x = singing(2 * CHUNK + 1000, channels)
    path = write(tmp_path / f"a.{kind}", x, subtype)
    with AudioReader(path) as reader:
        assert (reader.sample_rate, reader.channels, reader.frames) == (RATE, channels, x.shape[1])
        chunks = list(reader.chunks())
    assert [c.shape for c in chunks] == [(channels, CHUNK), (channels, CHUNK), (channels, 1000)]
    assert all(c.dtype == np.float32 and c.flags.c_contiguous for c in chunks)
    assert np.abs(np.concatenate(chunks, axis=1) - x).max() <= error


@pytest.mark.parametrize(("kind", "subtype", "_"), KINDS)
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, kind: str, subtype: str, _: float) -> None:
    data = write(tmp_path / f"a.{kind}", singing(40000), subtype).read_bytes()
    cuts = np.random.default_rng(1).integers(1, len(data) - 1, 12)
    for cut in (1, 4, 12, 30, 60, len(data) // 2, len(data) - 1, *cuts):
        path = tmp_path / f"cut.{kind}"
        path.write_bytes(data[:cut])
        refusal(path)


def test_a_file_can_be_read_again_from_its_beginning(tmp_path: Path) -> None:
    for kind, subtype, _ in KINDS:
        with AudioReader(write(tmp_path / f"a.{kind}", singing(3 * CHUNK), subtype)) as reader:
            next(reader.chunks())
            first, second = (np.concatenate(list(reader.chunks()), axis=1) for _ in range(2))
        assert np.array_equal(first, second)


def test_a_cut_wav_says_how_much_is_missing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", singing(1000), "PCM_16")
    path.write_bytes(path.read_bytes()[:-600])
    assert refusal(path).endswith("at least 600 bytes are missing at its end; copy or export it again")


def test_a_chunk_cut_after_the_audio_does_not_matter(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", singing(1000), "PCM_16")
    path.write_bytes(path.read_bytes() + struct.pack("<4sI", b"LIST", 1000) + b"INFO")
    assert read(path).shape == (1, 1000)


def test_a_flac_without_a_length_is_read_to_its_end(tmp_path: Path) -> None:
    whole = read(write(tmp_path / "a.flac", singing(40001), "PCM_16"))
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path = tmp_path / "b.flac"
    path.write_bytes(data)
    assert np.array_equal(read(path), whole)
    path.write_bytes(data[: len(data) // 2])
    assert "is cut short or damaged" in refusal(path)


@pytest.mark.parametrize(("value", "name"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")])
def test_a_sample_that_is_not_finite_is_refused_with_its_time(
    tmp_path: Path, value: float, name: str
) -> None:
    x = singing(3 * CHUNK, 2)
    x[1, 2 * CHUNK + 7] = value
    sentence = refusal(write(tmp_path / "a.wav", x, "FLOAT"))
    assert f"holds {name} at {(2 * CHUNK + 7) / RATE:.3f} s" in sentence


def test_a_float_file_with_the_values_of_a_16_bit_one_is_refused(tmp_path: Path) -> None:
    sentence = refusal(write(tmp_path / "a.wav", singing(1000) * 32768, "FLOAT"))
    assert "scale it down" in sentence


def test_what_is_no_audio_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.wav").endswith("does not exist; check the path")
    assert "is not a file" in refusal(tmp_path)
    empty, text, junk = (tmp_path / name for name in ("empty.wav", "text.wav", "junk.mp3"))
    empty.write_bytes(b"")
    text.write_text("a song\n" * 100, encoding="utf-8")
    junk.write_bytes(np.random.default_rng(0).bytes(5000))
    assert "has 0 bytes" in refusal(empty)
    assert "is not audio this program reads; give WAV, AIFF, FLAC, OGG or MP3" in refusal(text)
    assert "is not audio" in refusal(junk)
    for head in (b"RIFF\x10\0\0\0WAVE", b"fLaC", b"OggS", b"FORM\0\0\0\0AIFF", b"\xff\xfb\x90\x00"):
        junk.write_bytes(head + np.random.default_rng(0).bytes(5000))
        refusal(junk)


def test_a_file_without_samples_is_empty(tmp_path: Path) -> None:
    for kind in ("wav", "flac", "aiff"):
        assert "is empty" in refusal(write(tmp_path / f"a.{kind}", singing(0), "PCM_16"))


def test_channels_and_rates_have_their_limits(tmp_path: Path) -> None:
    assert "has 6 channels; mono or stereo is needed" in refusal(
        write(tmp_path / "a.wav", singing(9, 6), "PCM_16")
    )
    assert "4000 Hz" in refusal(write(tmp_path / "b.wav", singing(9), "PCM_16", rate=4000))


def test_one_sample_is_audio(tmp_path: Path) -> None:
    for kind in ("wav", "flac", "aiff"):
        assert read(write(tmp_path / f"a.{kind}", singing(1), "PCM_16")).shape == (1, 1)


def test_metadata_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    with soundfile.SoundFile(path, "w", RATE, 1) as file:
        file.title, file.artist = "Lied", "Ännchen"
        file.write(np.zeros(10))
    with AudioReader(path) as reader:
        assert reader.metadata == {"title": "Lied", "artist": "Ännchen"}


@pytest.mark.parametrize(("kind", "subtype", "_"), KINDS)
def test_noise_in_a_file_is_refused_with_a_sentence_or_read(
    tmp_path: Path, kind: str, subtype: str, _: float
) -> None:
    data = np.frombuffer(write(tmp_path / f"a.{kind}", singing(9000), subtype).read_bytes(), np.uint8)
    rng = np.random.default_rng(0)
    sentences = []
    for turn in range(60):
        noisy = data.copy()
        noisy[rng.integers(0, data.size if turn % 3 else 100, 3)] = rng.integers(0, 256, 3)
        path = tmp_path / f"noisy.{kind}"
        path.write_bytes(noisy.tobytes())
        try:
            assert read(path).dtype == np.float32
        except AudioFileError as error:
            sentences.append(str(error))
    assert sentences
    assert all(f"noisy.{kind}" in sentence for sentence in sentences)
