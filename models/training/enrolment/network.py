"""The estimator that all voices share: a vector says whose voice it is, and folds into plain weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.training.singer.network import Estimator, NetworkSize, pitch_features

VECTOR = 64
"""Numbers that tell voices apart."""


class SharedEstimator(Estimator):
    """A singer's network whose layers are scaled and shifted by a vector (FiLM, Perez et al. 2018).

    A vector of zeros is the voice in the middle. Where the vector stands still, as it does for one singer,
    all that it changes folds into the weights of an ordinary network.

    Args:
        size: of the network.
        voices: how many it learns.
    """

    def __init__(self, size: NetworkSize, voices: int) -> None:
        super().__init__(size)
        self.vectors = nn.Embedding(voices, VECTOR)
        self._widths = [size.joined] * 5 + [size.harmonic, size.noise]
        self.film = nn.Linear(VECTOR, sum(self._widths), bias=False)
        nn.init.normal_(self.vectors.weight, std=0.3)
        nn.init.zeros_(self.film.weight)

    def modulation(self, vector: Tensor) -> tuple[Tensor, ...]:
        """Return what vectors, (..., VECTOR), make of the layers.

        Returns:
            Scale and shift of `join`, scale and shift of `head`, scale of what the last layers read, and what
            is added to the harmonic and to the noise controls: their bands' offsets.
        """
        parts = self.film(vector).split(self._widths, dim=-1)
        return tuple(1.0 + part if index in (0, 2, 4) else part for index, part in enumerate(parts))

    def forward(self, content: Tensor, pitch: Tensor, vector: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Estimate the controls of whole sequences from zero state.

        Args:
            content: (batch, frames, content).
            pitch: f0 in hertz, voicing and loudness in dB, (batch, frames, 3).
            vector: whose voices, (batch, VECTOR) or (VECTOR,); the one in the middle by default.

        Returns:
            Log-magnitudes: harmonic (batch, frames, H) and noise (batch, frames, N).
        """
        vector = content.new_zeros(VECTOR) if vector is None else vector
        rows = self.modulation(vector.unsqueeze(-2))
        join_scale, join_shift, head_scale, head_shift, scale, harmonic, noise = rows
        both = torch.cat([content, pitch_features(pitch)], dim=-1)
        joined = functional.gelu(join_scale * self.join(both) + join_shift, approximate="tanh")
        x, _ = self.gru(joined)
        y = functional.gelu(head_scale * self.head(x) + head_shift, approximate="tanh") + joined
        y = scale * y
        return self.harmonic(y) + harmonic, self.noise(y) + noise

    @torch.no_grad()
    def folded(self, vector: Tensor) -> Estimator:
        """Return the ordinary network of one voice, which estimates what this one does with its vector."""
        join_scale, join_shift, head_scale, head_shift, scale, harmonic, noise = self.modulation(vector)
        plain = Estimator(self.size).to(self.device)
        plain.gru.load_state_dict(self.gru.state_dict())
        for layer, own, factor, shift in (
            (plain.join, self.join, join_scale, join_shift),
            (plain.head, self.head, head_scale, head_shift),
        ):
            layer.weight.copy_(factor[:, None] * own.weight)
            layer.bias.copy_(factor * own.bias + shift)
        for layer, own, offset in (
            (plain.harmonic, self.harmonic, harmonic),
            (plain.noise, self.noise, noise),
        ):
            layer.weight.copy_(own.weight * scale)
            layer.bias.copy_(own.bias + offset)
        return plain
