"""The level of controls is known before they sound, and is brought to that of the source where it is off."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.features import Features
from dsp.filters import HARMONIC_GRID, NOISE_GRID
from dsp.levelhold import MAX_GAIN_DB, LevelHold
from dsp.spectrum import Spectrum, a_weighting
from dsp.synth import HARMONICS, TABLES, DdspAdd, Dwts, Knot, SawSing, Synthesizer
from dsp.units import hop_size
from dsp.whisper import Whisper

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
DB = 20.0 / np.log(10.0)


def tables() -> NDArray[np.complex64]:
    rng = np.random.default_rng(4)
    falling = 1.0 / np.arange(1.0, HARMONICS + 1)
    turns = np.exp(2j * np.pi * rng.random((TABLES, HARMONICS)))
    return np.asarray(falling * turns, np.complex64)


def drawn(synthesizer: Synthesizer, rng: np.random.Generator) -> tuple[Float32, Float32]:
    """Return controls with formants and their like, of any level."""
    level: float | Float64 = rng.uniform(-3.0, 1.0)
    if isinstance(synthesizer, SawSing):
        grid = HARMONIC_GRID
    else:
        grid = np.arange(float(TABLES if isinstance(synthesizer, Dwts) else HARMONICS))
        level = level - np.log(1.0 + grid)
    waves = sum(
        rng.uniform(0.2, 0.8) * np.sin(rng.uniform(2.0, 30.0) * grid / grid[-1] + k) for k in range(4)
    )
    noise = rng.uniform(-7.0, -3.0) + np.sin(6.0 * NOISE_GRID / NOISE_GRID[-1] + rng.uniform(0.0, 6.0))
    return (level + waves).astype(np.float32), noise.astype(np.float32)


def loudness(x: Float32, rate: int) -> float:
    power = np.square(np.abs(np.fft.rfft(x * np.hanning(x.size)))) / (0.375 * x.size**2 / 2.0)
    return float(10.0 * np.log10(power @ a_weighting(np.asarray(np.fft.rfftfreq(x.size, 1.0 / rate)))))


@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("kind", ["sawsing", "ddsp-add", "dwts"])
@pytest.mark.parametrize("f0", [82.0, 220.0, 987.8, 1568.0])
def test_controls_of_any_level_sound_at_the_level_of_the_source(rate: int, kind: str, f0: float) -> None:
    rng = np.random.default_rng(round(f0))
    hop, frames = hop_size(rate), 60
    synthesizer: Synthesizer = Dwts(rate, tables()) if kind == "dwts" else SawSing(rate)
    if kind == "ddsp-add":
        synthesizer = DdspAdd(rate)
    controls = drawn(synthesizer, rng)
    harmonic, noise = (np.tile(part, (frames, 1)) for part in controls)
    facts = np.full(frames, f0), np.ones(frames), np.zeros((2, frames))
    held = LevelHold(rate, synthesizer).process(harmonic, noise, *facts)
    knots = [Knot(index * hop, *pair) for index, pair in enumerate(zip(*held, strict=True))]
    one = np.ones((frames - 1) * hop, np.float32)
    y = synthesizer.process(f0 * one.astype(np.float64), one, one, knots)
    assert loudness(y[y.size // 3 :], rate) == pytest.approx(0.0, abs=2.0)


def gains(error_db: float, frames: int = 200) -> Float64:
    """Return by how many dB a flat filter, off by so much on its second half, is raised, frame by frame."""
    n = frames // 2
    voice = np.zeros((2 * n, HARMONIC_GRID.size), np.float32)
    hold = LevelHold(48000, SawSing(48000))
    rest = np.full((2 * n, NOISE_GRID.size), -9.0, np.float32), np.full(2 * n, 220.0), np.ones(2 * n)
    nothing = np.zeros((2, 2 * n))
    for _ in range(6):  # what is held is held again, until nothing is left to hold
        hold.reset()
        voice = hold.process(voice, *rest, nothing)[0]
    voice[n:] += np.float32(error_db / DB)
    hold.reset()
    return np.asarray(DB * (hold.process(voice, *rest, nothing)[0] - voice)[:, 0], np.float64)


@pytest.mark.parametrize("error_db", [-0.5, 0.5])
def test_a_small_error_is_left(error_db: float) -> None:
    assert np.abs(gains(error_db)).max() < 0.3


@pytest.mark.parametrize("error_db", [-12.0, -6.0, 6.0, 12.0])
def test_a_large_error_is_undone_smoothly(error_db: float) -> None:
    found = gains(error_db)
    assert found[-1] == pytest.approx(-error_db, abs=2.5)
    assert np.abs(np.diff(found)).max() < 0.25 * abs(error_db)


def test_the_gain_is_bounded() -> None:
    assert abs(gains(30.0)[-1]) <= MAX_GAIN_DB + 1e-3
    assert abs(gains(-30.0)[-1]) <= MAX_GAIN_DB + 1e-3
    assert abs(gains(-60.0)[-1]) < 3.0  # silent on purpose


def test_a_consonant_is_left_and_a_whisper_brought_up() -> None:
    hold = LevelHold(48000, SawSing(48000))
    n = 100
    harmonic, noise = (
        np.zeros((n, HARMONIC_GRID.size), np.float32),
        np.full((n, NOISE_GRID.size), -3.0, np.float32),
    )
    args = np.full(n, 220.0), np.zeros(n)
    consonant = hold.process(harmonic, noise, *args, np.zeros((2, n)))[1] - noise
    assert not consonant.any()
    whispered = hold.process(harmonic, noise, *args, np.stack([np.ones(n), np.zeros(n)]))[1] - noise
    assert DB * whispered[-1, 0] > 15.0


def test_what_is_taken_for_voice_in_a_whisper_is_hushed_and_the_whisper_is_not() -> None:
    n = 100
    harmonic = np.zeros((n, HARMONIC_GRID.size), np.float32)
    noise = np.full((n, NOISE_GRID.size), -3.0, np.float32)
    for sure in (0.0, 0.5, 1.0):
        hold = LevelHold(48000, SawSing(48000))
        whispers = np.stack([np.full(n, sure), np.zeros(n)])
        sung, hiss = hold.process(harmonic, noise, np.full(n, 1000.0), np.full(n, 0.2), whispers)
        hushed = DB * ((hiss - noise)[:, :1] - (sung - harmonic)[:, :1])
        np.testing.assert_allclose(hushed, 30.0 * sure, atol=1e-3)


def test_a_whispers_gain_holds_from_a_third_of_all_sureness_on() -> None:
    harmonic = np.zeros((400, HARMONIC_GRID.size), np.float32)
    noise = np.full((400, NOISE_GRID.size), -3.0, np.float32)

    def raised(sure: float) -> float:
        hold = LevelHold(48000, SawSing(48000))
        whispers = np.stack([np.full(400, sure), np.zeros(400)])
        found = hold.process(harmonic, noise, np.full(400, 220.0), np.zeros(400), whispers)[1]
        return float(DB * (found - noise)[-1, 0])

    assert raised(1 / 3) == pytest.approx(raised(1.0), abs=0.01)
    assert raised(1 / 6) == pytest.approx(0.5 * raised(1.0), abs=0.01)


@pytest.mark.parametrize("error_db", [-30.0, 30.0])
def test_a_consonant_goes_along_with_the_voice_by_no_more_than_3_db(error_db: float) -> None:
    n = 100
    harmonic = np.full((n, HARMONIC_GRID.size), error_db / DB, np.float32)
    noise = np.full((n, NOISE_GRID.size), -9.0, np.float32)
    voicing = np.repeat([1.0, 0.0], n // 2)
    hold = LevelHold(48000, SawSing(48000))
    raised = DB * (hold.process(harmonic, noise, np.full(n, 220.0), voicing, np.zeros((2, n)))[1] - noise)
    assert np.abs(raised[n // 2 - 1]).min() > 10.0
    np.testing.assert_allclose(raised[n // 2 :], -np.sign(error_db) * 3.0, atol=1e-4)


def heard(voicing: Float64, level_db: Float64) -> Features:
    power = np.zeros((voicing.size, 961))
    power[:, 40] = 10.0 ** (level_db / 10.0)
    return Features(Spectrum(power, level_db), [220.0] * voicing.size, voicing.tolist(), level_db.tolist())


def test_only_what_stays_unvoiced_is_a_whisper() -> None:
    song = heard(np.tile(np.r_[np.ones(40), np.zeros(10)], 8), np.full(400, -20.0))
    assert Whisper().process(song)[0].max() == 0.0
    whisper = Whisper()
    sure = whisper.process(heard(np.zeros(60), np.full(60, -40.0)))[0]
    assert sure[11] == 0.0
    assert sure[30] == 1.0
    whisper.process(heard(np.zeros(10), np.full(10, -90.0)))
    assert whisper.process(heard(np.zeros(1), np.full(1, -40.0)))[0][0] == 1.0  # the next syllable
    assert whisper.process(heard(np.ones(10), np.full(10, -40.0)))[0][-1] == 0.0


def test_noise_far_below_the_voice_is_no_whisper() -> None:
    level = np.r_[np.full(50, -20.0), np.full(100, -70.0)]
    assert Whisper().process(heard(np.r_[np.ones(50), np.zeros(100)], level))[0].max() == 0.0
