"""Accompaniment under a voice: the level that was asked for, and excerpts that play."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from models.metrics.accompaniment import audible, excerpt, from_start, mixed

RATE = 24000


def noise(seed: int, seconds: float, level: float) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0.0, level, round(seconds * RATE)).astype(np.float32)


def power(x: NDArray[np.float32]) -> float:
    return float(np.mean(np.square(x, dtype=np.float64)))


@pytest.mark.parametrize("snr", [15.0, 5.0, 0.0, -6.0])
def test_the_snr_counts_where_the_voice_is_heard(snr: float) -> None:
    silence = np.zeros(RATE, np.float32)
    voice = np.concatenate([silence, noise(1, 1.0, 0.1), silence])
    music = noise(2, 3.0, 0.4)
    music[:RATE] *= 5.0  # loud before the voice begins, which must not matter
    under = mixed(voice, music, snr, RATE) - voice
    heard = slice(RATE, 2 * RATE)
    assert 10.0 * math.log10(power(voice[heard]) / power(under[heard])) == pytest.approx(snr, abs=0.01)
    assert power(under[:RATE]) == pytest.approx(25.0 * power(under[heard]), rel=0.05)


def test_clean_is_the_voice_itself() -> None:
    voice = noise(1, 0.5, 0.1)
    assert np.array_equal(mixed(voice, noise(2, 0.5, 0.1), math.inf, RATE), voice)


def test_a_frame_40_db_down_is_the_last_to_be_heard() -> None:
    voice = np.repeat(np.array([1.0, 0.0102, 0.0098, 0.0], np.float32), RATE // 100)
    assert audible(voice, RATE)[:: RATE // 100].tolist() == [True, True, False, False]
    assert audible(voice[:-7], RATE).size == voice.size - 7


@pytest.mark.parametrize(
    ("voice", "music", "sentence"),
    [(0.0, 0.1, "the voice is silent"), (0.1, 0.0, "the accompaniment is silent")],
)
def test_silence_has_no_snr(voice: float, music: float, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        mixed(noise(1, 0.2, voice), noise(2, 0.2, music), 5.0, RATE)


def test_an_excerpt_is_the_same_each_time_and_no_pause() -> None:
    music = np.concatenate([np.zeros(20 * RATE, np.float32), noise(3, 2.0, 0.2)])
    one, same = (excerpt(music, RATE // 2, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(one, same)
    assert all(power(excerpt(music, RATE // 2, np.random.default_rng(n))) > 0.0 for n in range(20))
    with pytest.raises(ValueError, match="the accompaniment is silent"):
        excerpt(np.zeros(RATE, np.float32), 10, np.random.default_rng(0))


@pytest.mark.parametrize(("below_db", "drawn"), [(15.0, True), (25.0, False)])
def test_a_soft_passage_is_music_and_one_20_db_below_the_piece_a_pause(below_db: float, drawn: bool) -> None:
    loud, soft = noise(3, 5.0, 0.2), noise(4, 5.0, 0.2 / 2.0**0.5 * 10.0 ** (-below_db / 20.0))
    piece = np.concatenate([loud, soft])
    found = [power(excerpt(piece, RATE // 4, np.random.default_rng(n))) for n in range(40)]
    assert (min(found) < 0.1 * power(piece)) == drawn
    assert min(found) > 0.01 * power(piece)


def test_a_short_piece_begins_again() -> None:
    piece = np.arange(1.0, 6.0, dtype=np.float32)
    assert from_start(piece, 12).tolist() == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2]
    found = excerpt(piece, 12, np.random.default_rng(1))
    assert found.size == 12
    assert set(np.diff(found).tolist()) == {1.0, -4.0}
