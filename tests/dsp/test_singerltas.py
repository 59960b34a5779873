"""Towards which LTAS a singer is brought, and what is left as it was."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.filters import HARMONIC_GRID, NOISE_GRID
from dsp.singerltas import LTAS_SIZE, SingerLtas, ltas_of

Float32 = NDArray[np.float32]
DB = np.log(10.0) / 20.0


def filters(frames: int, tilt_db: float = 0.0) -> tuple[Float32, Float32]:
    """Two filters with five vowels a second, tilted by so many dB per octave."""
    found = []
    way = np.interp(np.arange(frames) % 20, [0, 5], [0.0, 1.0]) + np.arange(frames) // 20  # 50 ms of glide
    for seed, grid in enumerate((HARMONIC_GRID, NOISE_GRID)):
        turns = np.random.default_rng(seed).uniform(0.0, 6.0, 5)
        octaves = np.log2(1.0 + grid / 300.0)
        vowels = sum(np.sin(octaves * k + 2.4 * k * way[:, None] + turns[k]) for k in range(1, 5))
        found.append((0.5 * vowels - octaves + DB * tilt_db * octaves).astype(np.float32))
    return found[0], found[1]


def own_ltas() -> list[float]:
    frames = 2000
    harmonic, noise = filters(frames)
    every = np.ones(frames, np.float32)
    return [float(level) for level in ltas_of(harmonic, noise, every, -20.0 * every)]


def sung(block: SingerLtas, frames: int, tilt_db: float) -> tuple[Float32, Float32]:
    return block.process(*filters(frames, tilt_db), np.ones(frames), np.full(frames, -20.0))


@pytest.mark.parametrize("tilt_db", [-0.9, 0.9])
def test_a_strange_tilt_is_taken_out(tilt_db: float) -> None:
    plain, tilted = filters(2000), filters(2000, tilt_db)
    heard = sung(SingerLtas(own_ltas()), 2000, tilt_db)
    for before, after, wanted in zip(tilted, heard, plain, strict=True):
        left = np.abs((after - wanted)[-500:].mean(axis=0)).mean()
        assert left < 0.25 * np.abs((before - wanted)[-500:].mean(axis=0)).mean()


def test_the_singer_itself_is_left_alone() -> None:
    for before, after in zip(filters(2000), sung(SingerLtas(own_ltas()), 2000, 0.0), strict=True):
        assert np.abs(after - before)[-500:].mean() < 1.0 * DB


def test_articulation_is_left() -> None:
    before, after = filters(2000, 1.5)[0], sung(SingerLtas(own_ltas()), 2000, 1.5)[0]
    first, second = (np.diff(part[500:], axis=0).ravel() for part in (before, after))
    assert np.corrcoef(first, second)[0, 1] > 0.999


def ltas_after(*strange: tuple[Float32, Float32]) -> Float32:
    """Return what becomes of a frame after three seconds of vowels and then strange frames."""
    block = SingerLtas(own_ltas())
    sung(block, 300, 1.5)
    for harmonic, noise in strange:
        frames = len(noise)
        block.process(harmonic, noise, np.ones(frames), np.full(frames, -20.0))
    return sung(block, 1, 1.5)[0]


def test_a_sound_that_is_held_counts_little() -> None:
    harmonic, noise = (np.repeat(part[-1:] + np.float32(1.0), 300, axis=0) for part in filters(300, 1.5))
    by_turns = harmonic.copy()
    by_turns[1::2] += np.float32(2.0)
    before = ltas_after()
    held, moved = (np.abs(ltas_after((part, noise)) - before).mean() for part in (harmonic, by_turns))
    assert held < 0.5 * moved


def test_no_level_is_moved_by_more_than_6_db() -> None:
    block = SingerLtas([20.0] * LTAS_SIZE)
    before, after = filters(3000)[0], sung(block, 3000, 0.0)[0]
    assert np.max(after - before) <= 6.0 * DB + 1e-5


def test_consonants_teach_the_harmonics_nothing_and_pauses_nothing_at_all() -> None:
    block = SingerLtas(own_ltas())
    sung(block, 300, 1.5)
    harmonic, noise = filters(1)
    one, many, pause = np.ones(1), np.ones(300), np.full(300, -90.0)
    loud_harmonic, loud_noise = (np.repeat(part + np.float32(3.0), 300, axis=0) for part in (harmonic, noise))
    first = block.process(harmonic, noise, 0.0 * one, -90.0 * one)
    block.process(loud_harmonic, loud_noise, many, pause)
    again = block.process(harmonic, noise, 0.0 * one, -90.0 * one)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    block.process(loud_harmonic, loud_noise, 0.0 * many, -20.0 * many)
    last = block.process(harmonic, noise, 0.0 * one, -90.0 * one)
    assert np.array_equal(last[0], first[0])
    assert not np.array_equal(last[1], first[1])


@pytest.mark.parametrize("size", [2, 3, 8, 120])
def test_frames_have_the_same_bits_however_many_come_at_once(size: int) -> None:
    rng = np.random.default_rng(7)
    (harmonic, noise), voicing = filters(120, 1.5), rng.random(120)
    loudness = rng.uniform(-70.0, -10.0, 120)
    cuts = []
    for step in (1, size):
        block, here = SingerLtas(own_ltas()), [slice(at, at + step) for at in range(0, 120, step)]
        parts = [block.process(harmonic[at], noise[at], voicing[at], loudness[at]) for at in here]
        cuts.append([np.concatenate(part) for part in zip(*parts, strict=True)])
    assert all(np.array_equal(one, other) for one, other in zip(*cuts, strict=True))


def test_a_colour_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=f"an LTAS of 3 numbers does not fit; give {LTAS_SIZE}"):
        SingerLtas([1.0, 2.0, 3.0])
