"""The three synthesizers as differentiable renderers of a training batch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from dsp.filters import HARMONIC_GRID, NOISE_GRID
from models.batches import Batch
from models.corpus import TRAINING_RATE
from models.network import NetworkSize
from models.synthesis import FilteredSources


class SawSingRenderer(nn.Module):
    """Sawtooth and noise, both filtered."""

    def __init__(self) -> None:
        super().__init__()
        self.filters = FilteredSources(TRAINING_RATE, (HARMONIC_GRID, NOISE_GRID))

    def forward(self, batch: Batch, harmonic: Tensor, noise: Tensor) -> Tensor:
        """Render (batch, frames * hop)."""
        return self.filters((batch.saw, white_noise(batch)), (harmonic, noise))  # type: ignore[no-any-return]


def white_noise(batch: Batch) -> Tensor:
    """Draw uniform noise of unit variance and give it the batch's gain."""
    uniform = batch.gain.new_empty(batch.gain.shape).uniform_(-(3.0**0.5), 3.0**0.5)
    return uniform * batch.gain


def renderer(kind: str) -> nn.Module:
    """Return the renderer of a synthesizer kind."""
    return {"sawsing": SawSingRenderer}[kind]()


def size_of(kind: str) -> NetworkSize:
    """Return the network size that drives a synthesizer kind."""
    return NetworkSize(harmonic=HARMONIC_GRID.size, noise=NOISE_GRID.size)


def tables_of(render: nn.Module) -> NDArray[np.complex64] | None:
    """Return the learned wavetables of a dwts renderer, (tables, harmonics), or None for the other kinds."""
    return None
