"""A varied song keeps consonants to the frame, holds vowels longer or shorter, and has silent rests."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from models.pronunciation.file import CONTROLS, LOWEST_DB
from models.pronunciation.phones import PAUSE, Sound
from models.training.pronunciation.targets import Song
from models.training.pronunciation.variation import MASKED_FRAMES, SETTLED_FRAMES, varied


def counted() -> Song:
    """A song in whose controls each frame is its number."""
    sounds = [Sound(PAUSE, False, False, 0.0, 0.333)]
    at = 0.333
    for base, seconds in (("t", 0.05), ("a", 0.4), ("s", 0.1), ("o", 0.6), ("m", 0.07), ("i", 0.5)):
        sounds.append(Sound(base, False, base == "t", at, at + seconds))
        at += seconds
    sounds.append(Sound(PAUSE, False, False, at, 3.0))
    controls = np.repeat(np.arange(300, dtype=np.float32)[:, None], CONTROLS, axis=1)
    one = np.ones(300)
    return Song("x", "pjs", sounds, 200.0 * one, -20.0 * one, controls, np.ones((300, 3), np.float32))


def test_consonants_stay_and_vowels_are_held_differently() -> None:
    song = counted()
    lengths = set()
    for seed in range(20):
        found = varied(song, np.random.default_rng(seed))
        assert len(found.controls) == len(found.weights) == found.f0.size == found.contour.size
        assert all(abs(one.stop - other.start) < 1e-9 for one, other in pairwise(found.sounds))
        kept = [one for one in found.sounds if one.base != PAUSE]
        assert [one.base for one in kept] == ["t", "a", "s", "o", "m", "i"]
        for was, now in zip([one for one in song.sounds if one.base != PAUSE], kept, strict=True):
            moved = round(100.0 * (now.start - was.start))
            assert abs(100.0 * (now.start - was.start) - moved) < 1e-6
            if was.base in ("t", "s", "m"):
                first, last = (int(np.ceil(100.0 * at)) for at in (was.start, was.stop))
                frames = found.controls[first + moved : last + moved, 0]
                assert frames.tolist() == list(range(first, last))
        lengths.add(round(100.0 * (kept[1].stop - kept[1].start)))
        assert np.all(found.f0 == found.f0[0])
        assert 200.0 * 2.0**-0.25 <= found.f0[0] <= 200.0 * 2.0**0.25
    assert min(lengths) < 35
    assert max(lengths) > 60


def test_rests_follow_vowels_and_are_silent() -> None:
    song = counted()
    rests = 0
    for seed in range(20):
        found = varied(song, np.random.default_rng(seed))
        for before, rest in pairwise(found.sounds[:-1]):
            if rest.base != PAUSE or not rest.start:
                continue
            rests += 1
            assert before.base in ("a", "o")
            start, stop = (int(np.ceil(100.0 * at - 1e-6)) for at in (rest.start, rest.stop))
            assert (found.controls[start:stop, -2] == LOWEST_DB / 10.0).all()
            assert not found.controls[start:stop, -1].any()
            assert not found.weights[start - MASKED_FRAMES : stop + MASKED_FRAMES, :2].any()
            settled = min(start + SETTLED_FRAMES, stop + MASKED_FRAMES)
            assert not found.weights[start - MASKED_FRAMES : settled, 2].any()
            assert (found.weights[start + SETTLED_FRAMES : stop - MASKED_FRAMES, 2] == 1.0).all()
    assert rests > 5


def test_the_song_itself_is_left_as_it_was() -> None:
    song = counted()
    varied(song, np.random.default_rng(0))
    assert np.array_equal(song.controls, counted().controls)
    assert np.array_equal(song.weights, counted().weights)
