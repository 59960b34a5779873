"""Training examples: the pairs of a database, in the size of spectrogram that a network reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.errors import TrainingError
from models.training.guide.pairs.database import Clip
from models.training.guide.seed.coding import Size, resized


class Examples(NamedTuple):
    """Pairs; spectrograms are normalised, 0..1."""

    accompaniment: Tensor
    """(n, bands, frames)."""
    vocal: Tensor
    """Of the same shape."""

    def batch(self, size: int, seed: Sequence[int]) -> Examples:
        """Draw some, none twice unless there are too few."""
        count = len(self.vocal)
        drawn = np.random.default_rng(seed).choice(count, size, replace=size > count)
        index = torch.from_numpy(drawn)
        return Examples(self.accompaniment[index], self.vocal[index])


def examples_of(clips: Sequence[Clip], size: Size) -> Examples:
    """Return clips as examples.

    Args:
        clips: of a database.
        size: bands and frames that a network reads.

    Raises:
        TrainingError: there are fewer than two.
    """
    if len(clips) < 2:
        raise TrainingError(f"{len(clips)} clips are too few to train on; make pairs of more songs")
    sides = ([clip.accompaniment for clip in clips], [clip.vocal for clip in clips])
    return Examples(*(resized(torch.from_numpy(np.stack(side)), size) for side in sides))
