"""A melody fits its backing track, obeys its options, and is the same for the same seed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.errors import MissingExtraError
from models.guide.guide import (
    COMPOSERS,
    USUAL,
    Composer,
    Guide,
    GuideSettings,
    compose,
    compose_for,
    range_of,
)
from models.guide.listening import Heard
from models.guide.melodynetwork import SHIPPED, shipped
from models.guide.styles import styles
from models.notes import HELD
from models.training.guide.instruments import RATE


def chord_tones(guide: Guide) -> float:
    """Share of the notes on beats that belong to the chord."""
    hits = []
    for note in guide.notes:
        if np.abs(guide.beats - note.start).min() < 0.02:
            chord = next(one.chord for one in guide.chords if note.start < one.start + one.seconds - 0.02)
            hits.append(note.pitch % 12 in chord.tones)
    return float(np.mean(hits))


def test_notes_follow_each_other_within_the_backing(heard: Callable[..., Heard]) -> None:
    guide = compose_for(heard())
    assert len(guide.notes) > 20
    assert guide.notes[0].start >= 0.0
    assert guide.notes[-1].stop <= heard().seconds
    for before, after in zip(guide.notes, guide.notes[1:], strict=False):
        assert before.stop <= after.start + 1e-9
    assert all(note.lyric and 1 <= note.velocity <= 127 for note in guide.notes)
    assert guide.notes[0].lyric != HELD


@pytest.mark.parametrize("style", styles())
def test_the_melody_fits_the_chords_and_the_key(heard: Callable[..., Heard], style: str) -> None:
    guides = [compose_for(heard(), GuideSettings(style=style, seed=seed)) for seed in range(4)]
    assert np.mean([chord_tones(guide) for guide in guides]) > 0.65  # 3 of 7 tones of a scale by chance
    inside = [note.pitch % 12 in guide.key.scale for guide in guides for note in guide.notes]
    assert np.mean(inside) > 0.95


def test_a_melody_has_breaths_and_phrases(heard: Callable[..., Heard]) -> None:
    guide = compose_for(heard())
    bar = float(np.diff(guide.bars).mean())
    rests = [b.start - a.stop for a, b in zip(guide.notes, guide.notes[1:], strict=False)]
    ends = [note.stop for note, rest in zip(guide.notes, rests, strict=False) if rest > 0.2 * bar]
    assert len(ends) >= 4
    assert np.diff(ends).max() < 6.1 * bar


def test_the_network_that_ships_fits_the_chords_and_keeps_its_range(heard: Callable[..., Heard]) -> None:
    right, wrong = [], []
    for seed in range(6):
        guide = compose_for(heard(), GuideSettings(50, 66, seed=seed, composer="network"))
        assert {note.pitch for note in guide.notes} <= set(range(50, 67))
        right.append(chord_tones(guide))
        moved = [one._replace(chord=one.chord.moved(6)) for one in guide.chords]
        wrong.append(chord_tones(replace(guide, chords=moved)))
    assert np.mean(right) > 0.55
    assert np.mean(right) > 2.0 * np.mean(wrong)


def test_the_network_that_ships_says_what_it_is() -> None:
    manifest = shipped().manifest
    assert manifest.licence == "CC BY-SA 4.0"
    assert "PJS" in manifest.attribution
    assert manifest.scores["nats listening, low"] > 0.0
    assert SHIPPED.stat().st_size < 2 * 2**20


def test_motifs_come_back(heard: Callable[..., Heard]) -> None:
    guide = compose_for(heard())
    bars = [
        tuple(
            (round(16.0 * (note.start - start) / (stop - start)), note.pitch)
            for note in guide.notes
            if start - 0.01 <= note.start < stop - 0.01
        )
        for start, stop in zip(guide.bars, guide.bars[1:], strict=False)
    ]
    rhythms = [tuple(step for step, _ in bar) for bar in bars if len(bar) > 1]
    assert len(set(rhythms)) < len(rhythms)


def test_a_seed_gives_the_same_melody_and_another_seed_another(heard: Callable[..., Heard]) -> None:
    first, again, other = (compose_for(heard(), GuideSettings(seed=seed)).notes for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_the_range_is_kept(heard: Callable[..., Heard]) -> None:
    for low, high in ((43, 50), (60, 72), (40, 90)):
        for seed in range(3):
            pitches = [note.pitch for note in compose_for(heard(), GuideSettings(low, high, seed=seed)).notes]
            assert low <= min(pitches)
            assert max(pitches) <= high


def test_more_density_means_more_notes(heard: Callable[..., Heard]) -> None:
    counts = [
        sum(len(compose_for(heard(), GuideSettings(density=density, seed=seed)).notes) for seed in range(4))
        for density in (0.0, 0.5, 1.0)
    ]
    assert counts[1] > 1.3 * counts[0]
    assert counts[2] > 1.3 * counts[1]


def test_a_key_that_is_given_is_kept(heard: Callable[..., Heard]) -> None:
    guide = compose_for(heard(), GuideSettings(key="C minor"))
    assert guide.key.name == "C minor"
    inside = [note.pitch % 12 in guide.key.scale for note in guide.notes]
    outside = [note.pitch % 12 in guide.key.scale for note in compose_for(heard()).notes]
    assert np.mean(inside) > np.mean(outside) + 0.1


def test_moved_tones_give_the_melody_moved(heard: Callable[..., Heard]) -> None:
    here = heard()
    there = replace(here, chroma=np.roll(here.chroma, 2, axis=1), bass=np.roll(here.bass, 2, axis=1))
    first = compose_for(here, GuideSettings(55, 74, seed=3))
    second = compose_for(there, GuideSettings(57, 76, seed=3))
    assert second.key == first.key.moved(2)
    assert second.notes == [note._replace(pitch=note.pitch + 2) for note in first.notes]


def test_a_moved_backing_gives_a_melody_in_the_moved_key(heard: Callable[..., Heard]) -> None:
    first, second = compose_for(heard()), compose_for(heard(shift=2))
    assert second.key == first.key.moved(2)
    assert chord_tones(second) > 0.65


def test_the_chords_of_another_backing_fit_worse(heard: Callable[..., Heard]) -> None:
    right, wrong = [], []
    for seed in range(6):
        guide = compose_for(heard(), GuideSettings(seed=seed))
        right.append(chord_tones(guide))
        moved = [one._replace(chord=one.chord.moved(6)) for one in guide.chords]
        wrong.append(chord_tones(replace(guide, chords=moved)))
    assert np.mean(right) > 2.0 * np.mean(wrong)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"low": 60, "high": 62}, "the range 60 to 62 cannot be sung; give MIDI notes from 28 to 100"),
        ({"low": 10, "high": 80}, "the range 10 to 80 cannot be sung"),
        ({"density": 1.5}, "density 1.5 is not from 0 to 1"),
        ({"density": float("nan")}, "density nan is not from 0 to 1"),
        ({"seed": -1}, "seed -1 is not from 0 to"),
        ({"style": "grunge"}, "'grunge' is no style of the guide; choose from pop, ballad, legato, rhythmic"),
        ({"key": "H"}, "'H' names no key; give one such as"),
        ({"composer": "me"}, "'me' is no composer; choose from rules, network"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_a_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        GuideSettings(**settings)


def test_the_range_of_a_singer_is_that_of_the_recordings_and_a_little_more() -> None:
    assert range_of(110.0, 440.0) == (43, 71)
    low, high = range_of(300.0, 310.0)
    assert high - low >= 7


def _noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0.0, 0.1, round(seconds * RATE)).astype(np.float32)


def _babble() -> np.ndarray:
    """Bursts of noise at irregular times, as syllables are."""
    rng = np.random.default_rng(1)
    ends = np.cumsum(rng.uniform(0.08, 0.4, 60))
    t = np.arange(round(12.0 * RATE)) / RATE
    return np.asarray(_noise(12.0) * np.exp(-((t[:, None] - ends) ** 2).min(axis=1) / 0.002), np.float32)


@pytest.mark.parametrize("composer", COMPOSERS)
@pytest.mark.parametrize("audio", [_noise(4.0), _noise(12.0), _babble()], ids=["4 s", "noise", "syllables"])
def test_what_is_no_song_still_gets_a_melody_that_can_be_sung(audio: np.ndarray, composer: Composer) -> None:
    said: list[str] = []
    guide = compose(audio, RATE, GuideSettings(composer=composer), said.append)
    assert all(0.0 <= note.start < note.stop <= audio.size / RATE for note in guide.notes)
    assert all(USUAL.low <= note.pitch <= USUAL.high for note in guide.notes)
    assert guide.steady or said == [
        "no beats were found in the backing track; the melody keeps to 100 beats a minute"
    ]


def test_without_librosa_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "librosa", None)
    with pytest.raises(MissingExtraError, match=r"listening to a backing track needs librosa, .*setup guide"):
        compose(_noise(5.0), RATE)
