"""Crops for one step: two of each voice, from different recordings where possible, each made unlike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.embedding.frames import CROP, HIGHEST_HZ, LOWEST_HZ, MELS, normalized, power_of
from models.training.embedding.voices import FORMANTS, Voice

Float16 = NDArray[np.float16]
Float32 = NDArray[np.float32]
Random = np.random.Generator

SHARES = (0.5, 0.25, 0.25)
"""How often a singer is heard with each of `FORMANTS`."""
SHORTEST = 60
"""Frames of the shortest crop, which are repeated as in use."""


@dataclass(frozen=True)
class Unlike:
    """How unlike two recordings of a singer may be: rooms, microphones and what plays beside."""

    short: float = 0.3
    """Share of the crops that are shorter than the network reads."""
    equalizer_db: float = 6.0
    """At the knots of a smooth curve."""
    room: float = 0.4
    """Share of the crops in a room; likewise below."""
    decay_seconds: tuple[float, float] = (0.15, 1.5)
    """By 60 dB."""
    direct_db: tuple[float, float] = (-3.0, 15.0)
    """Of the voice over its room."""
    music: float = 0.3
    music_db: tuple[float, float] = (3.0, 30.0)
    """Of the voice over the accompaniment, where some is given."""
    noise: float = 0.5
    noise_db: tuple[float, float] = (10.0, 50.0)
    """Of the voice over the noise."""
    band: float = 0.25
    band_hz: tuple[float, float] = (3400.0, HIGHEST_HZ)
    """Where a recording ends."""


class Batch(NamedTuple):
    """Crops of one step."""

    frames: Tensor
    """(crops, 243, 80), float32 (`models.embedding.frames.normalized`)."""
    voices: Tensor
    """(crops,): equal numbers for crops of one voice."""


class CropMaker:
    """Draw the crops of a step.

    Args:
        voices: of each singer one for each of `FORMANTS`, side by side.
        music: levels of accompaniments, dB, each (n, 80), n at least 243; may be empty.
        singers: how many a step hears; all of them where there are fewer.
        how: how unlike the crops of a voice are.
    """

    def __init__(
        self, voices: Sequence[Voice], music: Sequence[Float16], singers: int, how: Unlike = Unlike()
    ) -> None:
        self._voices, self._music, self._how = voices, music, how
        self._count = len(voices) // len(FORMANTS)
        self._singers = min(singers, self._count)

    def __call__(self, seed: Sequence[int]) -> Batch:
        """Return the crops of a seed: two of one voice of every singer drawn.

        Singers are held against the voices made of others, not of themselves: so taught, the network took the
        registers of a singer for several people.
        """
        rng = np.random.default_rng(seed)
        cuts, labels = [], []
        for singer in rng.choice(self._count, self._singers, replace=False):
            at = int(singer) * len(FORMANTS) + int(rng.choice(len(FORMANTS), p=SHARES))
            cuts += self._pair(self._voices[at], rng)
            labels += [at, at]
        power = self._unlike(power_of(np.stack(cuts).astype(np.float32)), rng)
        return Batch(torch.from_numpy(normalized(power)), torch.tensor(labels))

    def _pair(self, voice: Voice, rng: Random) -> list[Float16]:
        """Return two crops that begin in different recordings, or in one where it is alone."""
        count = len(voice.takes)
        first = int(rng.integers(count))
        second = (first + int(rng.integers(1, count))) % count if count > 1 else first
        return [self._crop(voice, take, rng) for take in (first, second)]

    def _crop(self, voice: Voice, take: int, rng: Random) -> Float16:
        """Return a crop of a recording and, where that is short, of others of the voice."""
        size = int(rng.integers(SHORTEST, CROP)) if rng.random() < self._how.short else CROP
        frames = _any(voice.takes[take], rng)
        if len(frames) > size:
            start = int(rng.integers(len(frames) - size + 1))
            frames = frames[start : start + size]
        for other in rng.permutation(len(voice.takes)):
            if len(frames) >= size:
                break
            frames = np.concatenate([frames, _any(voice.takes[other], rng)])
        return frames[:size][np.arange(CROP) % min(size, len(frames))]

    def _unlike(self, power: Float32, rng: Random) -> Float32:
        """Change crops, power, (crops, 243, 80), each in its own way."""
        how, count = self._how, len(power)

        def some(share: float) -> NDArray[np.bool_]:
            return rng.random(count) < share

        def drawn(limits: tuple[float, float]) -> Float32:
            return rng.uniform(*limits, count).astype(np.float32)[:, None, None]

        mean = power.mean(axis=(1, 2), keepdims=True)
        chosen = some(how.room)
        power[chosen] = _in_room(power, drawn(how.decay_seconds), drawn(how.direct_db))[chosen]
        if self._music:
            music = np.stack([self._excerpt(rng) for _ in range(count)])
            music *= mean / music.mean(axis=(1, 2), keepdims=True) * 10.0 ** (-drawn(how.music_db) / 10.0)
            power += music * some(how.music)[:, None, None]
        colour = 10.0 ** (_curves(10.0, count, rng) / 10.0)
        noise = mean * colour * 10.0 ** (-drawn(how.noise_db) / 10.0) / 4.0
        chosen = some(how.noise)
        power[chosen] += noise[chosen] * rng.standard_gamma(4.0, power[chosen].shape, np.float32)
        power *= 10.0 ** (_curves(how.equalizer_db, count, rng) / 10.0)
        ends = np.where(some(how.band)[:, None, None], drawn(how.band_hz), np.inf)
        # The bands are spread evenly in mel; near enough for an edge that is drawn.
        bands = np.geomspace(LOWEST_HZ + 700.0, HIGHEST_HZ + 700.0, MELS) - 700.0
        return power * np.where(bands > ends, np.float32(1e-8), np.float32(1.0))

    def _excerpt(self, rng: Random) -> Float32:
        piece = self._music[int(rng.integers(len(self._music)))]
        start = int(rng.integers(len(piece) - CROP + 1))
        return power_of(piece[start : start + CROP].astype(np.float32))


def _any(take: Sequence[Float16], rng: Random) -> Float16:
    return take[int(rng.integers(len(take)))]


def _in_room(power: Float32, seconds: Float32, direct_db: Float32) -> Float32:
    """Return the power of crops with a room's decaying echo behind every frame."""
    keep = 10.0 ** (-0.06 / seconds[:, 0])  # 60 dB in so many seconds, of frames of 10 ms
    share = (1.0 - keep) * 10.0 ** (-direct_db[:, 0] / 10.0)
    echo, wet = np.zeros_like(power[:, 0]), power.copy()
    for frame in range(1, power.shape[1]):
        echo *= keep
        echo += share * power[:, frame - 1]
        wet[:, frame] += echo
    return wet


def _curves(depth_db: float, count: int, rng: Random) -> Float32:
    """Return smooth curves over the bands, dB, (count, 1, 80)."""
    knots = rng.uniform(-depth_db, depth_db, (count, 8))
    at = np.linspace(0.0, 7.0, MELS)
    curves = np.stack([np.interp(at, np.arange(8), one) for one in knots])
    return curves[:, None].astype(np.float32)
