"""The engine with the singers that ship, on a real stem: the same promises as with the doubles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from dsp.spectrum import a_weighting
from models.singer.file import load_singer, shipped
from plugin_bridge.control.events import AnyEvent, Event, NoteOff, NoteOn
from plugin_bridge.engine.engine import Engine
from plugin_bridge.engine.singers import Singer
from tests.support.doubles import blocks

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Stem = tuple[Float32, int]

EVENTS: list[AnyEvent] = [
    Event(0, "transpose", -3.0),
    Event(11_111, "singer", "nit"),
    Event(20_000, "morph_singer", "pjs"),
    Event(20_001, "morph", 0.6),
    Event(25_000, "likeness", 1.0),
    Event(30_000, "formant", 3.0),
    Event(33_000, "melody", True),
    NoteOn(33_333, 60),
    NoteOff(45_000, 60),
    Event(50_000, "singer", "pjs"),
    Event(52_000, "breath", 6.0),
]


@pytest.fixture(scope="module")
def singers() -> list[Singer]:
    assert {"pjs", "nit"} <= set(shipped()), "the two shipped singers are missing; check out models/singers"
    return [load_singer("pjs"), load_singer("nit")]


def played(
    singers: list[Singer], x: Float32, rate: int, sizes: list[int], pitch: str = "periodicity"
) -> Float32:
    engine = Engine(rate, 1, singers, pitch=pitch)
    parts, start = [], 0
    for n in sizes:
        mine = [event for event in EVENTS if start <= event.position < start + n]
        parts.append(engine.process(x[:, start : start + n], mine))
        start += n
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("size", [1, 64, 480, 1000, 4096, None])
def test_blocks_do_not_change_a_sample(size: int | None, stem: Stem, singers: list[Singer]) -> None:
    x, rate = stem
    whole = played(singers, x, rate, [x.shape[1]])
    cut = played(singers, x, rate, blocks(x.shape[1], size))
    assert np.abs(whole).max() > 0.05
    assert np.count_nonzero(whole != cut) == 0


@pytest.mark.parametrize("size", [64, 1000])
def test_nor_do_they_where_the_melody_network_listens(size: int, stem: Stem, singers: list[Singer]) -> None:
    x, rate = stem
    whole = played(singers, x, rate, [x.shape[1]], "melody")
    assert np.array_equal(played(singers, x, rate, blocks(x.shape[1], size), "melody"), whole)
    assert not np.array_equal(played(singers, x, rate, [x.shape[1]]), whole)


def test_reset_is_as_new(stem: Stem, singers: list[Singer]) -> None:
    x, rate = stem
    engine = Engine(rate, 1, singers)
    first = engine.process(x, EVENTS)
    engine.reset()
    assert np.array_equal(engine.process(x, EVENTS), first)


def test_two_engines_share_a_singer_and_nothing_else(stem: Stem, singers: list[Singer]) -> None:
    x, rate = stem
    alone = Engine(rate, 1, singers).process(x[:, :22_050])
    first, second = Engine(rate, 1, singers), Engine(rate, 1, singers)
    parts = []
    for start in range(0, 22_050, 441):
        parts.append(first.process(x[:, start : start + 441]))
        second.process(-0.5 * x[:, 22_050 + start : 22_050 + start + 441])
    assert np.array_equal(np.concatenate(parts, axis=1), alone)


def test_silence_stays_silence(singers: list[Singer]) -> None:
    assert not Engine(48_000, 2, singers).process(np.zeros((2, 24_000), np.float32)).any()


def test_a_switch_makes_no_step(stem: Stem, singers: list[Singer]) -> None:
    x, rate = stem
    position = 30_000

    def rendered(events: list[AnyEvent], singer: str) -> Float32:
        engine = Engine(rate, 1, singers, parameters={"transpose": 0.0, "singer": singer})
        return engine.process(np.pad(x, ((0, 0), (0, engine.latency))), events)[0, engine.latency :]

    near = slice(position - rate // 50, position + rate // 20)
    own = max(np.abs(np.diff(rendered([], name)[near])).max() for name in ("pjs", "nit"))
    switched = rendered([Event(position, "singer", "nit")], "pjs")
    assert np.abs(np.diff(switched[near])).max() <= 1.2 * own


def test_vibrato_does_not_make_the_highs_flutter(stem_path: Path, singers: list[Singer]) -> None:
    """Her held last note, 5 to 10 kHz: it moves by 3.6 dB (standard deviation) as she sings it."""
    audio, rate = soundfile.read(stem_path, dtype="float32", always_2d=True)
    engine = Engine(rate, 1, singers, parameters={"source_pitch": 412.0})
    sung = engine.process(np.pad(audio.T, ((0, 0), (0, engine.latency))))[0, engine.latency :]
    note, hop = slice(round(7.6 * rate), round(9.1 * rate)), rate // 100

    def moves(x: Float32) -> float:
        pieces = np.lib.stride_tricks.sliding_window_view(x[note], 2 * hop)[::hop] * np.hanning(2 * hop)
        highs = np.abs(np.fft.rfft(pieces))[:, 5000 * 2 * hop // rate : 10000 * 2 * hop // rate]
        return float(np.std(10.0 * np.log10(np.square(highs).sum(axis=1))))

    assert 3.0 < moves(audio[:, 0]) < 4.0
    assert moves(sung) < 5.0


def vowel(hz: float, rate: int, formants: tuple[float, ...], seconds: float = 0.7) -> Float32:
    """Return a note with a little vibrato, -20 dB, after a short silence; 0 Hz for a whisper."""
    t = np.arange(round(seconds * rate)) / rate
    if hz:
        line = hz * np.exp2(30.0 / 1200.0 * np.sin(2.0 * np.pi * 5.5 * t))
        turns = 2.0 * np.pi * np.cumsum(line) / rate
        harmonics = np.arange(1.0, min(8000.0, 0.45 * rate) / hz)
        x = np.sin(np.multiply.outer(turns, harmonics)) @ (resonance(hz * harmonics, formants) / harmonics)
    else:
        noise = np.fft.rfft(np.random.default_rng(1).standard_normal(t.size))
        hertz = np.asarray(np.fft.rfftfreq(t.size, 1.0 / rate))
        x = np.fft.irfft(noise * resonance(hertz, formants) * (hertz < 8000.0), t.size)
    x *= 0.1 / np.sqrt(np.mean(np.square(x)))
    fade = np.minimum(1.0, np.minimum(t, t[-1] - t) / 0.03)
    return np.concatenate([np.zeros(rate // 4), fade * x]).astype(np.float32)[None]


def resonance(hertz: Float64, formants: tuple[float, ...]) -> Float64:
    gains = [1.0 / np.abs(1.0 - (hertz / f) ** 2 + 120.0j * hertz / f**2) for f in formants]
    return np.asarray(np.prod(gains, axis=0), np.float64)


def held_part(y: Float32, rate: int) -> Float32:
    """The note without its ends."""
    return y[0, rate // 4 + round(0.12 * rate) : -round(0.1 * rate)]


def level(y: Float32, rate: int) -> float:
    """A-weighted, dB."""
    power = np.square(np.abs(np.fft.rfft(y * np.hanning(y.size)))) / y.size**2
    return float(10.0 * np.log10(power @ a_weighting(np.asarray(np.fft.rfftfreq(y.size, 1.0 / rate)))))


def sung_by(singer: str, x: Float32, rate: int, transpose: float = 0.0) -> Float32:
    engine = Engine(rate, 1, [singer], parameters={"transpose": transpose})
    return engine.process(np.pad(x, ((0, 0), (0, engine.latency))))[:, engine.latency :]


AH, OO = (800.0, 1200.0, 2700.0), (320.0, 800.0, 2400.0)


@pytest.mark.parametrize("singer", ["nit", "pjs"])
@pytest.mark.parametrize("hz", [82.4, 196.0, 440.0, 987.8, 1174.7, 1480.0])
@pytest.mark.parametrize("formants", [AH, OO])
def test_a_note_of_any_height_is_as_loud_as_in_the_source(
    singer: str, hz: float, formants: tuple[float, ...]
) -> None:
    rate = 44100
    x = vowel(hz, rate, formants)
    wanted = level(held_part(x, rate), rate)
    for transpose in (-12.0, 0.0, 12.0) if 150.0 < hz < 900.0 else (0.0,):
        found = level(held_part(sung_by(singer, x, rate, transpose), rate), rate)
        assert found == pytest.approx(wanted, abs=2.0)


@pytest.mark.parametrize("hz", [55.0, 1174.7, 1568.0])
def test_a_note_at_the_ends_of_the_range_keeps_its_pitch(hz: float) -> None:
    rate = 48000
    y = held_part(sung_by("pjs", vowel(hz, rate, AH), rate), rate)
    power = np.abs(np.fft.rfft(y * np.hanning(y.size), 1 << 18))
    hertz = np.fft.rfftfreq(1 << 18, 1.0 / rate)
    # Of no half or third of the pitch is there a harmonic of any strength.
    near = [power[np.abs(hertz - part * hz) < 0.1 * hz].max() for part in (1.0, 0.5, 1.5, 4.0 / 3.0)]
    assert max(near[1:]) < 0.1 * max(near[0], power[np.abs(hertz - 2.0 * hz) < 0.1 * hz].max())


@pytest.mark.parametrize("singer", ["nit", "pjs"])
@pytest.mark.parametrize("rate", [16000, 48000])
def test_every_vowel_of_a_whisper_is_as_loud_as_in_the_source(singer: str, rate: int) -> None:
    whispered = [(900.0, 1300.0, 2800.0), (450.0, 2300.0, 3000.0), (480.0, 1000.0, 2500.0)]
    x = np.concatenate([vowel(0.0, rate, whispered[k]) for k in (0, 1, 2, 0, 1)], axis=1)
    y = sung_by(singer, x, rate)
    for before, after in zip(np.split(x, 5, axis=1), np.split(y, 5, axis=1), strict=True):
        wanted, found = (level(held_part(part, rate), rate) for part in (before, after))
        assert found == pytest.approx(wanted, abs=3.0)
