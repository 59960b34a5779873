"""Clips of music or singing, and pairs of views that are drawn from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.errors import TrainingError
from models.training.corpus import TRAINING_RATE, read_voice, recordings_in
from models.training.tune.architecture import RATE, SAMPLES
from models.training.tune.augmentation import augmented

Float32 = NDArray[np.float32]

CLIP = 30 * RATE
"""Samples of the longest clip: as published, both views are from within about half a minute."""
SILENT = 1e-5
"""RMS of a clip below which there is nothing to hear."""
QUIET = 0.1
"""RMS of a view, relative to that of its clip, below which another is drawn."""


class Pairs(NamedTuple):
    """Two views of each of some clips."""

    views: Tensor
    """(2 * clips, 1, SAMPLES): all first views, then all second ones."""
    labels: Tensor
    """(2 * clips,): which clip it is of."""


def read_audio(path: Path) -> Float32:
    """Read a recording as mono at `RATE`, (samples,), float32.

    Raises:
        TrainingError: as of `models.training.corpus.read_voice`.
    """
    return np.asarray(soxr.resample(read_voice(path), TRAINING_RATE, RATE), np.float32)


def read_clips(folder: Path, progress: Callable[[Sequence[Path]], Iterable[Path]] = iter) -> list[Float32]:
    """Read a folder and its subfolders as clips of at most 30 s; an hour takes 320 MB.

    Recordings of one folder that are shorter than a view, such as single notes, are put one after the other.

    Raises:
        TrainingError: there are no two clips as long as a view.
    """
    clips: list[Float32] = []
    short: dict[Path, list[Float32]] = {}
    for path in progress(recordings_in(folder)):
        audio = read_audio(path)
        if audio.size < SAMPLES:
            short.setdefault(path.parent, []).append(audio)
        else:
            clips += cut(audio)
    for parts in short.values():
        clips += cut(np.concatenate(parts))
    if len(clips) < 2:
        raise TrainingError(
            f"{folder} holds too little: contrast needs 2 clips of {SAMPLES / RATE:.1f} s or more that are "
            f"not silent, and there are {len(clips)}; add recordings"
        )
    return clips


def cut(audio: Float32) -> list[Float32]:
    """Cut audio into equal clips, none longer than `CLIP`; silent and too short ones are left out."""
    parts = np.array_split(audio, -(-audio.size // CLIP) or 1)
    return [part for part in parts if part.size >= SAMPLES and _rms(part) > SILENT]


class PairMaker:
    """Draw two views of each of some clips, no clip twice.

    Args:
        clips: each (samples,), at least `SAMPLES` and not silent.
        batch: clips at once, fewer where there are not as many.
    """

    def __init__(self, clips: Sequence[Float32], batch: int) -> None:
        self._clips = clips
        self._batch = min(batch, len(clips))

    def __call__(self, seed: Sequence[int]) -> Pairs:
        """Return the pairs of a seed."""
        rng = np.random.default_rng(seed)
        chosen = [self._clips[index] for index in rng.choice(len(self._clips), self._batch, replace=False)]
        views = [augmented(_crop(clip, rng), rng) for _ in range(2) for clip in chosen]
        return Pairs(torch.from_numpy(np.stack(views)[:, None]), torch.arange(self._batch).repeat(2))


def _crop(clip: Float32, rng: np.random.Generator) -> Float32:
    least = QUIET * _rms(clip)
    while True:
        start = int(rng.integers(clip.size - SAMPLES + 1))
        view = clip[start : start + SAMPLES]
        if _rms(view) >= least:
            return view


def _rms(audio: Float32) -> float:
    return float(np.sqrt(np.square(audio, dtype=np.float64).mean()))
