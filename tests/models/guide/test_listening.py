"""Beats, bars, chords, key and tuning are those of the song that was made; what is no music is told."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from models.errors import BackingError
from models.guide import listening
from models.guide.chords import Key
from models.guide.harmony import harmony_of
from models.guide.listening import Heard, hear
from models.guide.steps import PER_BAR, PER_BEAT
from models.training.guide.instruments import RATE
from tests.models.guide.conftest import Backing

SONGS = (
    {"mode": "major", "shift": 0, "bpm": 112.0, "style": "rock"},
    {"mode": "minor", "shift": 3, "bpm": 96.5, "style": "pop"},
    {"mode": "major", "shift": 8, "bpm": 128.2, "style": "synth"},
    {"mode": "minor", "shift": 10, "bpm": 84.0, "style": "ballad", "start": 0.9},
)
TRIADS = {"7": "", "maj7": "", "m7": "m"}
"""What a chord with a seventh is without it."""


@pytest.mark.parametrize("song", SONGS, ids=lambda song: song["style"])
def test_the_grid_is_that_of_the_song(
    backing: Callable[..., Backing], heard: Callable[..., Heard], song: dict[str, object]
) -> None:
    made, found = backing(**song)[0], heard(**song)
    assert found.steady
    assert found.bpm == pytest.approx(made.bpm, rel=0.01)
    bars = np.array([made.at(PER_BAR * bar) for bar in range(made.bars)])
    off = np.abs(found.times[:-1:PER_BAR][:, None] - bars).min(axis=0)
    assert off.max() < 0.05
    assert found.steps % PER_BAR == 0
    assert found.times[0] <= 0.0
    assert found.times[-1] >= found.seconds
    assert np.all(np.diff(found.times) > 0.0)


@pytest.mark.parametrize("song", SONGS, ids=lambda song: song["style"])
def test_chords_and_key_are_those_of_the_song(
    backing: Callable[..., Backing], heard: Callable[..., Heard], song: dict[str, object]
) -> None:
    made, found = backing(**song)[0], heard(**song)
    harmony = harmony_of(found)
    assert harmony.key == made.key
    right = 0
    for beat, chord in enumerate(made.chords):
        middle = made.at(PER_BEAT * (beat + 0.5))
        other = harmony.chords[int(np.searchsorted(found.beats, middle)) - 1]
        right += (other.root, TRIADS.get(other.quality, other.quality)) == (chord.root, chord.quality)
    assert right / len(made.chords) > 0.85


def test_the_tuning_is_heard(backing: Callable[..., Backing]) -> None:
    audio = backing()[1]
    n = np.arange(audio.size)
    sharp = np.interp(n * 2.0 ** (0.2 / 12.0), n, audio).astype(np.float32)
    cents = 100.0 * (hear(sharp, RATE).tuning - hear(audio, RATE).tuning)
    assert cents == pytest.approx(20.0, abs=6.0)


def test_stereo_and_another_rate_are_heard_alike(
    backing: Callable[..., Backing], heard: Callable[..., Heard]
) -> None:
    audio = backing()[1]
    n = np.arange(0.0, audio.size - 1, 0.5)
    twice = np.interp(n, np.arange(audio.size), audio).astype(np.float32)
    found, wanted = hear(np.stack([twice, twice]), 2 * RATE), heard()
    assert found.bpm == pytest.approx(wanted.bpm, rel=1e-3)
    assert harmony_of(found).key == harmony_of(wanted).key


def test_a_side_signal_does_not_cancel(backing: Callable[..., Backing], heard: Callable[..., Heard]) -> None:
    audio = backing()[1]
    assert harmony_of(hear(np.stack([audio, -audio]), RATE)).key == harmony_of(heard()).key


def _drone() -> np.ndarray:
    t = np.arange(12 * RATE) / RATE
    hertz = np.array([110.0, 164.81, 220.0, 277.18])
    return np.asarray(0.1 * np.sin(2.0 * np.pi * np.outer(hertz, t)).sum(axis=0), np.float32)


def test_a_drone_has_no_beats_but_a_chord() -> None:
    found = hear(_drone(), RATE)
    assert not found.steady
    assert found.bpm == 100.0
    harmony = harmony_of(found)
    assert harmony.key == Key(9)
    assert {chord.name for chord in harmony.chords} == {"A"}


@pytest.mark.parametrize(
    ("audio", "sentence"),
    [
        (np.zeros(10 * RATE, np.float32), "the backing track is silent; give one in which music plays"),
        (np.full(10 * RATE, 1e-5, np.float32), "the backing track is silent"),
        (np.ones(RATE, np.float32), r"the backing track lasts 1.0 s; give one of 4 to 3600 s"),
        (np.zeros(0, np.float32), r"the backing track lasts 0.0 s; give one of 4 to 3600 s"),
    ],
)
def test_what_is_no_music_is_refused_in_a_sentence(audio: np.ndarray, sentence: str) -> None:
    with pytest.raises(BackingError, match=sentence):
        hear(audio, RATE)


@pytest.mark.parametrize(
    ("audio", "sentence"),
    [
        (np.full(8 * RATE, np.nan, np.float32), "holds NaN at 0.000 s; every sample must be finite"),
        (np.full(8 * RATE, 3000.0, np.float32), "audio lies in -1..1: scale it down"),
        (np.zeros((3, 8 * RATE), np.float32), r"not \(3, 176400\)"),
    ],
)
def test_what_is_no_audio_is_refused_in_a_sentence(audio: np.ndarray, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        hear(audio, RATE)


def test_a_long_backing_is_heard_in_pieces_as_at_once(
    backing: Callable[..., Backing], heard: Callable[..., Heard], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "PIECE", 5 * listening.RATE)
    found, whole = hear(backing()[1], RATE), heard()
    np.testing.assert_allclose(found.times, whole.times, atol=2e-3)
    np.testing.assert_allclose(found.levels, whole.levels, atol=2e-3)
    assert np.abs(found.chroma - whole.chroma).mean() < 0.01
    assert harmony_of(found)[:2] == harmony_of(whole)[:2]
