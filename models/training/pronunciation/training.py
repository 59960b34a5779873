"""Train the pronunciation: resumable, with the same result wherever it is interrupted."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsp.filters import HARMONIC_GRID, NOISE_GRID
from dsp.units import NEPER_PER_DB
from models.pronunciation.features import features
from models.pronunciation.file import CONTROLS
from models.pronunciation.phones import VOWELS, first_frame
from models.training.averaged import AveragedTraining
from models.training.pronunciation.network import NetworkSize, PronunciationNetwork
from models.training.pronunciation.targets import Song
from models.training.pronunciation.variation import varied
from models.training.schedule import fall, rise

Float32 = NDArray[np.float32]

CHECKPOINT_FORMAT = 1
_NEPER_PER_UNIT = (1.0, 1.0, 10.0 * NEPER_PER_DB, 2.0)
"""What a unit of each part weighs: filters, levels in 10 dB, and voicing."""
PART_WEIGHTS = (1.0, 1.0, 0.7, 0.7)
DELTA_WEIGHT, SPREAD_WEIGHT = 1.0, 1.0
"""Of how the controls move from frame to frame, and of how much they vary over an example: the mean error
alone makes them too even."""
MAX_RARITY = 4.0
MARGIN = 16
"""Frames at the ends of an example that do not count: the network hears too little around them."""
_PARTS = (HARMONIC_GRID.size, NOISE_GRID.size, 1, 1)


@dataclass(frozen=True)
class Plan:
    """How to train."""

    steps: int = 4000
    """Number of steps in all, including those of earlier runs."""
    frames: int = 200
    """Frames of an example."""
    batch: int = 12
    channels: int = 192
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    spread_steps: int = 1000
    """The weight of what varies rises over these: at first it would make the controls vary anyhow."""
    average: float = 0.995
    """Decay of the running average of weights, which is what is exported."""
    variations: int = 2
    """Of every song, beside itself."""
    seed: int = 0


class Batch(NamedTuple):
    """Examples of equal length."""

    features: Tensor
    """(batch, frames, width)."""
    controls: Tensor
    """(batch, frames, CONTROLS)."""
    weights: Tensor
    """(batch, frames, 3); see `targets.Song`."""


class Examples:
    """Draw examples, from every voice by the root of its length.

    Args:
        songs: what there is.
        voices: the voices, in order.
        plan: how to train.
    """

    def __init__(self, songs: Sequence[Song], voices: Sequence[str], plan: Plan) -> None:
        rng = np.random.default_rng(plan.seed)
        songs = [*songs, *(varied(song, rng) for song in songs for _ in range(plan.variations))]
        rare = rarity(songs)
        self._songs = [
            (features(song.sounds, song.f0, one_hot(song.voice, voices)), song.controls, weighed(song, rare))
            for song in songs
        ]
        lengths = np.array([len(song.controls) for song in songs], float)
        which = np.array([voices.index(song.voice) for song in songs])
        mass = lengths / np.sqrt(np.bincount(which, lengths, len(voices)))[which]
        self._chance = mass / mass.sum()
        self._plan = plan

    def __call__(self, step: int) -> Batch:
        """Return the batch of a step."""
        rng = np.random.default_rng([self._plan.seed, step])
        drawn = rng.choice(len(self._songs), self._plan.batch, p=self._chance)
        parts = [self._example(int(index), rng) for index in drawn]
        return Batch(*(torch.from_numpy(np.stack(part)) for part in zip(*parts, strict=True)))

    def _example(self, index: int, rng: np.random.Generator) -> tuple[Float32, Float32, Float32]:
        told, controls, weights = self._songs[index]
        length, frames = len(controls), self._plan.frames
        start = int(rng.integers(-MARGIN, max(1 - MARGIN, length + MARGIN - frames + 1)))
        places = np.arange(start, start + frames)
        inside = (places >= 0) & (places < length)
        inside[:MARGIN] = inside[-MARGIN:] = False
        places = np.clip(places, 0, length - 1)
        return told[places], controls[places], weights[places] * inside[:, None]


def one_hot(voice: str, voices: Sequence[str]) -> Float32:
    """Return the weight of each voice where one sings."""
    return np.array([one == voice for one in voices], np.float32)


def rarity(songs: Iterable[Song]) -> dict[str, float]:
    """Return how much each sound counts: as the root of how rare it is, 1 for a usual vowel."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for song in songs:
        for sound in song.sounds:
            seconds[sound.base] += sound.stop - sound.start
    usual = sum(seconds.get(vowel, 0.0) for vowel in VOWELS) / len(VOWELS)
    return {base: min(MAX_RARITY, math.sqrt(usual / found)) for base, found in seconds.items()}


def weighed(song: Song, rare: Mapping[str, float]) -> Float32:
    """Return the weights of a song's frames where sounds count as `rarity` says, (frames, 3)."""
    found = song.weights.copy()
    for sound in song.sounds:
        found[first_frame(sound.start) : first_frame(sound.stop)] *= np.float32(rare[sound.base])
    return found


def moments(songs: Sequence[Song]) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of the controls where they count, (CONTROLS,)."""
    controls = np.concatenate([song.controls for song in songs])
    weights = np.concatenate([song.weights for song in songs])[:, [0, 1, 2, 2]]
    spread = np.repeat(weights, _PARTS, axis=1)
    total = np.maximum(spread.sum(axis=0), 1.0)
    mean = (controls * spread).sum(axis=0) / total
    deviation = np.sqrt((np.square(controls - mean) * spread).sum(axis=0) / total) + 1e-3
    return torch.from_numpy(mean), torch.from_numpy(deviation)


def losses(found: Tensor, batch: Batch, spread_weight: float = SPREAD_WEIGHT) -> Tensor:
    """Return what each part of the controls misses, nepers, (4,): filters, level and voicing.

    Args:
        found: (batch, frames, CONTROLS).
        batch: what was told, and is wanted.
        spread_weight: of how unlike the controls vary.
    """
    weights = batch.weights[..., [0, 1, 2, 2]]
    sizes, total = list(_PARTS), []
    for index, (made, real) in enumerate(
        zip(torch.split(found, sizes, dim=2), torch.split(batch.controls, sizes, dim=2), strict=True)
    ):
        weight = weights[..., index, None]
        both = torch.minimum(weight[:, 1:], weight[:, :-1])
        missed = _mean((made - real).abs(), weight)
        moved = _mean((made - real).diff(dim=1).abs(), both)
        uneven = (_deviation(made, weight) - _deviation(real, weight)).abs().mean()
        unsteady = (_deviation(made.diff(dim=1), both) - _deviation(real.diff(dim=1), both)).abs().mean()
        parts = missed + DELTA_WEIGHT * moved + spread_weight * (uneven + unsteady)
        total.append(_NEPER_PER_UNIT[index] * parts)
    return torch.stack(total)


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values.mean(2, keepdim=True) * weight).sum() / weight.sum().clamp(min=1.0)


def _deviation(values: Tensor, weight: Tensor) -> Tensor:
    """Return the standard deviation of each control over each example, (batch, controls)."""
    total = weight.sum(1, keepdim=True).clamp(min=1.0)
    mean = (values * weight).sum(1, keepdim=True) / total
    variance = (torch.square(values - mean) * weight).sum(1) / total[:, 0]
    return torch.sqrt(variance + 1e-4)


class Trainer(AveragedTraining[PronunciationNetwork]):
    """The state of a training run.

    Args:
        songs: what batches are drawn from.
        voices: the voices, in order.
        plan: how to train.
    """

    def __init__(self, songs: Sequence[Song], voices: Sequence[str], plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        network = PronunciationNetwork(NetworkSize(len(voices), plan.channels))
        network.mean, network.spread = (part.float() for part in moments(songs))
        optimizer = torch.optim.AdamW(network.parameters(), lr=plan.learning_rate, weight_decay=0.02)
        super().__init__(network, optimizer, plan.average, "pronunciation", CHECKPOINT_FORMAT)
        self.plan = plan
        self._examples = Examples(songs, voices, plan)
        self._part_weights = torch.tensor(PART_WEIGHTS)

    def advance(self) -> float:
        """Do one step and return its loss."""
        batch = self._examples(self.step)
        spread = SPREAD_WEIGHT * rise(self.step, self.plan.spread_steps)
        loss = (losses(self.network(batch.features), batch, spread) * self._part_weights).sum()
        rate = rise(self.step, self.plan.warmup_steps) * fall(self.step, self.plan.steps, 0.7)
        self.descend(loss, self.plan.learning_rate * rate)
        return float(loss.detach())


assert sum(_PARTS) == CONTROLS
