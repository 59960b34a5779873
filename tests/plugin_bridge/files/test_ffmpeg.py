"""The extra `formats`: what FFmpeg reads for us, what it must not, and what is said without it."""

from __future__ import annotations

import importlib
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from plugin_bridge.errors import AudioFileError, MissingExtraError
from plugin_bridge.files.reader import AudioReader
from tests.support.extras import needs

needs("av")
av: Any = importlib.import_module("av")

RATE = 48000
FRAMES = 100000
# name of the file, codec, the largest error of its audio against what was encoded
KINDS = [
    ("a.m4a", "aac", 0.03),
    ("lossless.m4a", "alac", 2.0**-15),
    ("a.aac", "aac", None),  # a bare stream does not say what the encoder put before the audio
    ("a.webm", "libopus", 0.03),
    ("a.mka", "libopus", 0.03),
    ("a.mkv", "pcm_s16le", 2.0**-15),
    ("a.wma", "wmav2", None),
    ("a.wv", "wavpack", 2.0**-15),
    ("a.mov", "pcm_s16le", 2.0**-15),
    ("a.ac3", "ac3", None),
    ("a.oga", "flac", 2.0**-15),
]
OPTIONS: dict[str, dict[str, Any]] = {
    "wavpack": {"format": "s16p"},
    "wmav2": {"bit_rate": 96000},
    "alac": {"format": "s16p"},
}


def singing(channels: int = 1) -> NDArray[np.float32]:
    """Tones that swell, (channels, samples)."""
    t = np.arange(FRAMES)
    rows = [0.4 * np.sin(t * (0.02 + 0.01 * row)) * np.sin(t / FRAMES * np.pi) for row in range(channels)]
    return np.array(rows, np.float32)


def encode(path: Path, codec: str, x: NDArray[np.float32]) -> Path:
    """Write a file by FFmpeg."""
    layout = "stereo" if len(x) == 2 else "mono"
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=RATE, layout=layout, **OPTIONS.get(codec, {}))
        output.metadata["title"] = "Lied"
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(x.T.reshape(1, -1)), "flt", layout)
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        resampler = av.AudioResampler(
            stream.format, layout, RATE, frame_size=stream.codec_context.frame_size or 1024
        )
        for part in (*resampler.resample(frame), *resampler.resample(None), None):
            output.mux(stream.encode(part))
    return path


def read(path: Path) -> NDArray[np.float32]:
    with AudioReader(path) as reader:
        audio = np.concatenate(list(reader.chunks()), axis=1)
        assert audio.shape == (reader.channels, reader.frames)
        assert audio.dtype == np.float32
        assert np.array_equal(audio, np.concatenate(list(reader.chunks()), axis=1))
    return audio


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("name", "codec", "error"), KINDS, ids=[row[0] for row in KINDS])
def test_other_formats_are_read_whole_and_in_place(
    tmp_path: Path, name: str, codec: str, error: float | None, channels: int
) -> None:
    x = singing(channels)
    audio = read(encode(tmp_path / name, codec, x))
    assert audio.shape[0] == channels
    assert FRAMES - 4096 <= audio.shape[1] <= FRAMES + 4096
    assert np.abs(audio).max() == pytest.approx(0.4, abs=0.05)
    if error is not None:
        assert audio.shape[1] >= FRAMES - 1200  # MPEG-4 tells its length in milliseconds
        n = min(FRAMES, audio.shape[1])
        assert np.abs(audio[:, :n] - x[:, :n]).max() <= error


def test_titles_are_read(tmp_path: Path) -> None:
    with AudioReader(encode(tmp_path / "a.m4a", "aac", singing())) as reader:
        assert reader.metadata["title"] == "Lied"
        assert reader.container == "MPEG-4"


@pytest.mark.parametrize("name", ["a.m4a", "a.mov", "a.wv", "a.webm", "a.mka", "a.wma"])
def test_a_file_that_was_cut_is_refused(tmp_path: Path, name: str) -> None:
    codec = dict(row[:2] for row in KINDS)[name]
    data = encode(tmp_path / name, codec, singing()).read_bytes()
    path = tmp_path / f"cut{Path(name).suffix}"
    for size in (0, 3, 200, len(data) // 2, len(data) * 3 // 4):
        path.write_bytes(data[:size])
        with pytest.raises(AudioFileError, match=r"cut\.\w+ (is empty|is cut short|cannot be decoded)"):
            read(path)


@pytest.mark.parametrize("name", ["film.mkv", "film.mov", "film.mp4"])
def test_a_film_whose_picture_outlasts_its_sound_is_read_whole(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with av.open(str(path), "w") as output:
        picture, sound = (
            output.add_stream("mpeg4", rate=10),
            output.add_stream("ac3", rate=RATE, layout="mono"),
        )
        picture.width = picture.height = 32
        for number in range(50):  # 5 s, and 2.1 s of sound
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            output.mux(picture.encode(frame))
        output.mux(picture.encode(None))
        tones = av.AudioFrame.from_ndarray(singing(), "fltp", "mono")
        tones.sample_rate, tones.pts, tones.time_base = RATE, 0, Fraction(1, RATE)
        resampler = av.AudioResampler(sound.format, "mono", RATE, frame_size=1536)
        for part in (*resampler.resample(tones), *resampler.resample(None), None):
            output.mux(sound.encode(part))
    audio = read(path)
    assert audio.shape[0] == 1
    assert FRAMES <= audio.shape[1] <= FRAMES + 4096
    assert np.abs(audio).max() == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize("name", ["list.m4a", "list.wav", "list.mkv"])
def test_a_playlist_opens_no_other_file(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    encode(tmp_path / "secret.m4a", "aac", singing())
    (tmp_path / name).write_text("ffconcat version 1.0\nfile secret.m4a\n", encoding="utf-8")
    with av.open(name) as opened:  # FFmpeg by itself would
        assert sum(frame.samples for frame in opened.decode(audio=0)) > FRAMES // 2
    with pytest.raises(AudioFileError, match=r"cannot be decoded|is not audio"):
        AudioReader(tmp_path / name)


def test_without_the_extra_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encode(tmp_path / "a.m4a", "aac", singing())
    other = path.rename(tmp_path / "renamed.bin")  # known by its content, too
    monkeypatch.setitem(sys.modules, "av", None)
    path.write_bytes(b"whatever")
    for file in (path, other):
        with pytest.raises(MissingExtraError) as caught:
            AudioReader(file)
        assert str(caught.value) == (
            f"{file} needs PyAV, which is not installed; install the extra: sh .ci/setup formats, or "
            "pip install 'plugin-bridge[formats]'; or convert it to WAV or FLAC"
        )
