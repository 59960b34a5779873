"""Loudness: the signals of EBU Tech 3341 and 3342, other rates, any chunks, and FFmpeg's meter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from plugin_bridge.files.loudness import Loudness, LoudnessMeter
from tests.support.doubles import sung
from tests.support.extras import needs

Float32 = NDArray[np.float32]


def measured(x: Float32, rate: int = 48000, sizes: tuple[int, ...] = (16384,)) -> Loudness:
    meter = LoudnessMeter(rate, len(x))
    at = turn = 0
    while at < x.shape[1]:
        meter.process(x[:, at : at + sizes[turn % len(sizes)]])
        at, turn = at + sizes[turn % len(sizes)], turn + 1
    meter.finish()
    return meter.shown()


def tones(*parts: tuple[float, float], rate: int = 48000, channels: int = 2, hz: float = 1000.0) -> Float32:
    """Sines of peak level in dBFS and seconds, one after another."""
    level = np.concatenate([np.full(round(seconds * rate), 10 ** (db / 20)) for db, seconds in parts])
    x = level * np.sin(2 * np.pi * hz * np.arange(len(level)) / rate)
    return np.tile(x.astype(np.float32), (channels, 1))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(-23.0, 20.0)], -23.0),
        ([(-33.0, 20.0)], -33.0),
        ([(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)], -23.0),
        ([(-72.0, 10.0), (-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0), (-72.0, 10.0)], -23.0),
        ([(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)], -23.0),
    ],
    ids=["1", "2", "3", "4", "5"],
)
def test_the_integrated_loudness_is_that_of_ebu_tech_3341(
    parts: list[tuple[float, float]], expected: float
) -> None:
    assert measured(tones(*parts)).integrated == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(-20.0, 20.0), (-30.0, 20.0)], 10.0),
        ([(-20.0, 20.0), (-15.0, 20.0)], 5.0),
        ([(-40.0, 20.0), (-20.0, 20.0)], 20.0),
        ([(-50.0, 20.0), (-35.0, 20.0), (-20.0, 20.0), (-35.0, 20.0), (-50.0, 20.0)], 15.0),
    ],
    ids=["1", "2", "3", "4"],
)
def test_the_range_is_that_of_ebu_tech_3342(parts: list[tuple[float, float]], expected: float) -> None:
    assert measured(tones(*parts)).range == pytest.approx(expected, abs=0.1)


def test_one_channel_counts_half_of_two() -> None:
    shown = measured(tones((-23.0, 5.0), channels=1))
    assert shown.integrated == pytest.approx(-26.01, abs=0.03)
    assert shown.momentary == pytest.approx(-26.01, abs=0.03)
    assert shown.short_term == pytest.approx(-26.01, abs=0.03)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22051, 44100, 88200, 96000, 192000])
def test_the_response_is_the_same_at_every_rate(rate: int) -> None:
    """BS.1770 asks for it; a low tone, where the high-pass bites, and a high one on the shelf."""
    for hz in (60.0, 1000.0, 3000.0):
        usual = measured(tones((-20.0, 2.0), hz=hz)).integrated
        assert measured(tones((-20.0, 2.0), hz=hz, rate=rate), rate).integrated == pytest.approx(
            usual, abs=0.05
        )


def test_a_peak_between_samples_is_seen() -> None:
    """EBU Tech 3341, 15 to 17: a quarter of the rate, with its samples 45 degrees beside the peaks."""
    for rate in (44100, 48000, 96000):
        x = (0.5 * np.sin(np.pi / 2 * np.arange(rate) + np.pi / 4)).astype(np.float32)
        x *= np.minimum(1.0, np.minimum(np.arange(rate), np.arange(rate)[::-1]) / 1000).astype(np.float32)
        shown = measured(x[None], rate)
        assert 20 * np.log10(np.abs(x).max()) == pytest.approx(-9.03, abs=0.01)
        assert shown.true_peak == pytest.approx(-6.02, abs=0.2)


def test_a_peak_at_either_end_is_seen() -> None:
    for at in (0, 4799):
        x = np.zeros((1, 4800), np.float32)
        x[0, at] = 0.5
        assert measured(x).true_peak == pytest.approx(-6.02, abs=0.01)


def test_silence_and_what_is_too_short_have_no_loudness() -> None:
    assert measured(np.zeros((2, 48000), np.float32)) == (None, None, None, None, None)
    assert measured(tones((-20.0, 0.399))).integrated is None
    assert measured(tones((-20.0, 0.4))).integrated == pytest.approx(-20.0, abs=0.1)
    assert measured(tones((-75.0, 2.0))).integrated is None
    assert measured(np.zeros((1, 0), np.float32)) == (None, None, None, None, None)


def test_the_chunks_change_nothing() -> None:
    x = sung(44100, 1.3)
    shown = measured(x, 44100)
    for sizes in ((1 << 20,), (1, 700, 13), (4410,), (17640,)):
        assert measured(x, 44100, sizes) == pytest.approx(shown, abs=1e-6)


def test_a_gain_moves_what_the_gates_let_through() -> None:
    x = tones((-62.0, 5.0), (-58.0, 5.0))
    meter = LoudnessMeter(48000, 2)
    meter.process(x)
    meter.finish()
    for gain in (0.2, 0.5, 4.0):
        assert meter.shown(gain) == pytest.approx(measured(x * np.float32(gain)), abs=1e-3)


def songs() -> list[tuple[str, Float32, int]]:
    """Ten signals of different kinds: name, samples, rate."""
    rng = np.random.default_rng(8)
    voice = np.concatenate([sung(48000, 1.5) * level for level in (1.0, 0.1, 0.5, 0.02)], axis=1)
    white = rng.standard_normal((32000 * 6, 2)).astype(np.float32) * np.float32(0.1)
    noise = np.asarray(
        soxr.resample(white, 32000, 48000).T, np.float32
    )  # close to 24 kHz each meter has its own filter
    fade = noise * np.geomspace(1.0, 1e-4, noise.shape[1], dtype=np.float32)
    bursts = noise * (np.arange(noise.shape[1]) % 48000 < 9000)
    low = tones((-12.0, 4.0), hz=45.0) + np.float32(0.02) * noise[:, : 4 * 48000]
    sharp = np.sign(tones((-6.0, 5.0), channels=1, hz=437.0)) * np.float32(0.4)
    clicks = np.zeros((1, 48000 * 4), np.float32)
    clicks[0, ::1201] = 0.9
    return [
        ("voice", voice, 48000),
        ("voice 44.1", np.asarray(soxr.resample(voice.T, 48000, 44100).T, np.float32), 44100),
        ("voice 96", np.asarray(soxr.resample(voice.T, 48000, 96000).T, np.float32), 96000),
        ("noise", noise, 48000),
        ("bursts", bursts.astype(np.float32), 48000),
        ("low", low, 48000),
        ("square", sharp, 48000),
        ("clicks", clicks, 48000),
        ("fade", np.pad(fade, ((0, 0), (4800, 0))), 48000),
        ("one side", np.stack([noise[0], 0.01 * noise[1]]), 48000),
    ]


def shown_by_ffmpeg(path: Path) -> Iterator[dict[str, str]]:
    """Yield what the meter of FFmpeg shows after each 100 ms."""
    needs("av")
    import av.filter

    with av.open(str(path)) as file:
        graph = av.filter.Graph()
        source = graph.add_abuffer(template=file.streams.audio[0])
        meter = graph.add("ebur128", "peak=true:metadata=1")
        sink = graph.add("abuffersink")
        source.link_to(meter)
        meter.link_to(sink)
        graph.configure()
        for frame in (*file.decode(audio=0), None):
            source.push(frame)
            while True:
                try:
                    yield sink.pull().metadata
                except (av.BlockingIOError, av.EOFError):
                    break


@pytest.mark.parametrize(("name", "x", "rate"), songs(), ids=[name for name, *_ in songs()])
def test_ffmpeg_agrees(tmp_path: Path, name: str, x: Float32, rate: int) -> None:
    path = tmp_path / f"{name}.wav"
    soundfile.write(path, x.T, rate, "FLOAT")
    told = [figures for figures in shown_by_ffmpeg(path) if "lavfi.r128.I" in figures]
    shown = measured(x, rate)
    assert shown.integrated == pytest.approx(float(told[-1]["lavfi.r128.I"]), abs=0.1)
    peak = max(float(value) for key, value in told[-1].items() if key.startswith("lavfi.r128.true_peaks_ch"))
    assert shown.true_peak == pytest.approx(20.0 * np.log10(peak), abs=0.2)
    momentary = max(float(figures["lavfi.r128.M"]) for figures in told)
    assert shown.momentary == pytest.approx(momentary, abs=0.1)
