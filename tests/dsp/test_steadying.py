"""A held sound of a high voice stands still, and all else passes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.ltas import REFERENCE_LTAS
from dsp.spectrum import ENVELOPE_GRID, Analyzer, envelope
from dsp.steadying import CHANGED_DB, SPARSE_HZ, Steadier
from dsp.units import hop_size

Float32 = NDArray[np.float32]

FRAMES = 300
VOWEL = REFERENCE_LTAS.astype(np.float32)


def steadied(bands: Float32, f0: float, voicing: float = 1.0) -> Float32:
    n = len(bands)
    return Steadier().process(bands, [f0] * n, [voicing] * n)


def wavering(depth_db: float) -> Float32:
    """One vowel whose bands waver, each on its own."""
    noise = np.random.default_rng(3).standard_normal((FRAMES, ENVELOPE_GRID.size))
    return np.asarray(VOWEL + depth_db * noise, np.float32)


@pytest.mark.parametrize(("f0", "least"), [(320.0, 1.4), (412.0, 2.2), (800.0, 4.0), (1100.0, 4.0)])
def test_a_held_sound_stands_the_stiller_the_higher_it_is(f0: float, least: float) -> None:
    bands = wavering(1.5)
    after = steadied(bands, f0)[50:]
    assert bands[50:].std(axis=0).mean() > least * after.std(axis=0).mean()
    assert np.abs(after.mean(axis=0) - bands[50:].mean(axis=0)).max() < 0.5


@pytest.mark.parametrize("rate", [16000, 48000, 96000])
def test_vibrato_moves_the_envelope_of_a_soprano_less(rate: int) -> None:
    t = np.arange(2 * rate) / rate
    f0 = 700.0 * 2.0 ** (0.7 * np.sin(2 * np.pi * 5.5 * t) / 12)
    cycles = np.cumsum(f0) / rate
    voice = np.zeros(t.size)
    for harmonic in range(1, int(rate / 2 / 760)):
        hertz = harmonic * f0
        strength = sum(1 / (1 + ((hertz - at) / 120) ** 2) for at in (800, 1200, 2900, 3800)) + 1e-3
        voice += strength * np.sin(2 * np.pi * harmonic * cycles)
    hop = hop_size(rate)
    spectrum = Analyzer(rate).process((0.1 * voice).astype(np.float32))
    pitch = f0[::hop]
    bands = envelope(spectrum.power, spectrum.loudness, pitch)
    after = Steadier().process(bands, pitch.tolist(), [1.0] * len(bands))
    held = slice(50, 190), slice(0, int(np.searchsorted(ENVELOPE_GRID, 7000.0)))
    before_db, after_db = bands[held].std(axis=0).mean(), after[held].std(axis=0).mean()
    assert before_db > 1.0
    assert after_db < 0.6 * before_db


def test_another_sound_passes_at_once() -> None:
    bands = np.tile(VOWEL, (FRAMES, 1))
    bands[100:] += np.where(np.arange(ENVELOPE_GRID.size) % 2, 1.0, -1.0) * np.float32(1.01 * CHANGED_DB)
    assert np.array_equal(steadied(bands, 800.0)[100], bands[100])


@pytest.mark.parametrize(("f0", "voicing"), [(60.0, 1.0), (SPARSE_HZ, 1.0), (1100.0, 0.0)])
def test_low_voices_and_what_is_unvoiced_are_left_alone(f0: float, voicing: float) -> None:
    bands = wavering(1.5)
    assert np.array_equal(steadied(bands, f0, voicing), bands)


def test_reset_equals_fresh() -> None:
    used, bands = Steadier(), wavering(1.5)
    first = used.process(bands, [500.0] * FRAMES, [1.0] * FRAMES)
    used.reset()
    assert np.array_equal(used.process(bands, [500.0] * FRAMES, [1.0] * FRAMES), first)


def test_what_is_given_is_not_changed() -> None:
    bands = wavering(1.5)
    kept = bands.copy()
    steadied(bands, 800.0)
    assert np.array_equal(bands, kept)


@pytest.mark.parametrize(("far_db", "kept"), [(2.9, 0.9), (5.5, 0.45), (7.9, 0.018), (8.0, 0.0), (12.0, 0.0)])
def test_what_stays_of_the_sound_before_falls_from_3_to_8_db_of_change(far_db: float, kept: float) -> None:
    """At 1100 Hz nine tenths stay of a held sound, half of that at 5.5 dB, nothing of another sound."""
    change = np.where(np.arange(ENVELOPE_GRID.size) % 2, far_db, -far_db).astype(np.float32)
    after = steadied(np.stack([VOWEL, VOWEL + change]), 1100.0)[1]
    assert np.allclose(after, VOWEL + (1.0 - kept) * change, atol=1e-3)
