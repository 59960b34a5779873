"""How good a seed model's vocals are, and how far they rely on the accompaniment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsp.controls import VOICED
from models.embedding.file import embedding
from models.training.guide.pairs.database import Clip
from models.training.guide.pairs.spectrogram import FLOOR_DB, FRAMES, MELS, RATE, sound
from models.training.guide.seed.coding import resized
from models.training.guide.seed.examples import examples_of
from models.training.guide.seed.file import SeedModel, encoded
from models.transcription import voice_frames

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

TELLING = ("matched", "mismatched", "random")
"""The accompaniment that a network is told: the vocal's own, another song's, and a code drawn at random."""
TASKS = ("reconstruction", "sample")
"""The vocal is encoded, or its code is drawn at random."""
MOVEMENT = 4
"""Frames, 46 ms: what changes within them counts in the Frechet distance, too."""
DRAWS = 2000
"""Of the bootstrap."""
_TOGETHER = 16


class Interval(NamedTuple):
    """A mean, and between what it lies with 95 %."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.2f} ({self.low:.2f} to {self.high:.2f})"


Vocals = dict[tuple[str, str], Float32]
"""By task and telling: normalised spectrograms, (clips, bands, frames)."""


@torch.no_grad()
def vocals_of(made: SeedModel, clips: Sequence[Clip], seed: int) -> Vocals:
    """Return what a model makes of clips in every way.

    A code that is drawn is normal, with mean and covariance of the training's codes of its side: numbers that
    are drawn apart leave where codes lie, which may be hardly more than a line. The drawn codes of vocals are
    the same with every accompaniment.

    Args:
        made: the model.
        clips: held out, of two songs or more.
        seed: of what is drawn.
    """
    examples = examples_of(clips, made.size)
    codes = encoded(made.network, examples)
    generator = torch.Generator().manual_seed(seed)
    half = codes.shape[1] // 2
    noise = torch.randn(codes.shape, generator=generator).chunk(2, dim=1)
    drawn = made.code_mean + torch.cat(
        [part @ root for part, root in zip(noise, made.code_spread, strict=True)], 1
    )
    others = torch.tensor(other_songs([clip.song for clip in clips], seed))
    accompaniments = dict(zip(TELLING, (codes[:, :half], codes[others, :half], drawn[:, :half]), strict=True))
    vocals = dict(zip(TASKS, (codes[:, half:], drawn[:, half:]), strict=True))
    return {
        (task, telling): _decoded(made, torch.cat([accompaniment, vocal], dim=1))
        for task, vocal in vocals.items()
        for telling, accompaniment in accompaniments.items()
    }


def _decoded(made: SeedModel, codes: Tensor) -> Float32:
    found = [resized(made.network.vocals(part), (MELS, FRAMES)) for part in torch.split(codes, _TOGETHER)]
    return torch.cat(found).clamp(0.0, 1.0).numpy()


def pooled(made: SeedModel, clips: Sequence[Clip]) -> Float32:
    """Return the vocals of clips made as small as the network reads them, and large again."""
    small = examples_of(clips, made.size).vocal
    return resized(small, (MELS, FRAMES)).numpy()


def vocals_in(clips: Sequence[Clip]) -> Float32:
    """Return the real vocals, (clips, bands, frames)."""
    return np.stack([clip.vocal for clip in clips])


def other_songs(songs: Sequence[str], seed: int) -> list[int]:
    """Return for each clip the number of one of another song.

    Raises:
        ValueError: all are of one song.
    """
    if len(set(songs)) < 2:
        raise ValueError(
            f"all {len(songs)} clips are of one song, so that none can be mismatched; give more songs"
        )
    rng = np.random.default_rng(seed)
    return [int(rng.choice([at for at, other in enumerate(songs) if other != song])) for song in songs]


def level_error(wanted: Float32, found: Float32) -> Float64:
    """Return of each clip the mean absolute difference in dB."""
    return np.asarray(np.abs(wanted - found).mean(axis=(1, 2), dtype=np.float64) * -FLOOR_DB)


def spectral_distance(wanted: Float32, found: Float32) -> Float64:
    """Return of each clip the log-spectral distance in dB: root mean square over bands, mean over frames."""
    square = np.square(wanted - found, dtype=np.float64).mean(axis=1)
    return np.asarray(np.sqrt(square).mean(axis=1) * -FLOOR_DB)


def frechet_distance(wanted: Float32, found: Float32) -> float:
    """Return how far the frames of two sets of spectrograms lie apart, as normal distributions, dB squared.

    Of each frame the levels of all bands count, and by how much they change within 46 ms; so two sets are
    near when each band is as loud, varies and moves with the others alike, in whatever order.

    Args:
        wanted: (clips, bands, frames).
        found: likewise; as many bands.
    """
    (mean, spread), (other_mean, other_spread) = map(_frames, (wanted, found))
    root = _root(spread)
    cross = np.trace(_root(root @ other_spread @ root))
    square = float(np.sum(np.square(mean - other_mean)))
    return square + float(np.trace(spread) + np.trace(other_spread) - 2.0 * cross)


def _frames(spectrograms: Float32) -> tuple[Float64, Float64]:
    level = spectrograms.astype(np.float64) * -FLOOR_DB
    both = np.concatenate([level[..., MOVEMENT:], level[..., MOVEMENT:] - level[..., :-MOVEMENT]], axis=1)
    rows = both.transpose(0, 2, 1).reshape(-1, both.shape[1])
    return rows.mean(axis=0), np.cov(rows, rowvar=False)


def _root(matrix: Float64) -> Float64:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)


class Hearing(NamedTuple):
    """What is heard of vocals once they are sound."""

    voiced: float
    """Share of the frames with a pitch, 0..1."""
    restless: float
    """Median change of the pitch within 10 ms where it goes on, cents."""
    likeness: float
    """Mean cosine of the singer embedding with the mean of the real vocals'; 1 for the same voice."""


def heard(vocals: Float32, centre: Float32) -> Hearing:
    """Make sound of vocals and listen.

    Args:
        vocals: (clips, bands, frames), normalised.
        centre: mean embedding of real ones.

    Raises:
        MissingExtraError: librosa is not installed.
    """
    voiced, steps, likeness = [], [], []
    for spectrogram in vocals:
        audio = sound(spectrogram)
        f0, voicing, _ = voice_frames(audio, RATE)
        on = voicing > VOICED
        voiced.append(on.mean())
        cents = np.abs(np.diff(1200.0 * np.log2(f0)))
        steps.append(cents[on[1:] & on[:-1]])
        likeness.append(_likeness(audio, centre))
    every = np.concatenate(steps)
    restless = float(np.median(every)) if every.size else float("nan")
    return Hearing(float(np.mean(voiced)), restless, float(np.nanmean(likeness)))


def _likeness(audio: Float32, centre: Float32) -> float:
    try:
        return float(embedding(audio, RATE) @ centre)
    except ValueError:  # silence has no singer
        return 0.0


def centre_of(vocals: Float32) -> Float32:
    """Return the direction of the mean embedding of vocals, made sound as all others are."""
    mean = np.mean([embedding(sound(spectrogram), RATE) for spectrogram in vocals], axis=0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


def interval(values: Float64, songs: Sequence[str], seed: int = 0) -> Interval:
    """Return the mean over clips, and its 95 % interval by a bootstrap that draws whole songs.

    Args:
        values: of each clip.
        songs: of which each is: clips of one song are alike, and no two measurements.
        seed: of the draws.
    """
    groups = [values[[at for at, one in enumerate(songs) if one == song]] for song in sorted(set(songs))]
    rng = np.random.default_rng(seed)
    means = []
    for _ in range(DRAWS):
        drawn = [groups[at] for at in rng.integers(len(groups), size=len(groups))]
        means.append(np.concatenate(drawn).mean())
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(values.mean()), float(low), float(high))


def reliance(
    vocals: Mapping[tuple[str, str], Float32], wanted: Float32, songs: Sequence[str]
) -> dict[str, Interval]:
    """Return by how many dB a wrong accompaniment makes a vocal worse, and by how many it changes it.

    Args:
        vocals: from `vocals_of`.
        wanted: the real ones.
        songs: of which the clips are.
    """
    found = {}
    for task in TASKS:
        own = vocals[task, "matched"]
        for telling in TELLING[1:]:
            wrong = vocals[task, telling]
            worse = level_error(wanted, wrong) - level_error(wanted, own)
            found[f"{task}, {telling}: worse"] = interval(worse, songs)
            found[f"{task}, {telling}: changed"] = interval(level_error(own, wrong), songs)
    return found
