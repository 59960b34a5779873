"""What the seed's models have in common: two codes, a bottleneck that is drawn from, and a decoder."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

Size = tuple[int, int]
"""Bands and frames."""

START_LOG_SCALE = -2.0
"""11 dB, about the spread of a band: from 80 dB the divergence would empty the codes before they are used."""


class Draw(NamedTuple):
    """What is known of a drawn latent vector."""

    mean: Tensor
    """(batch, 2 * code)."""
    log_variance: Tensor
    """Of the same shape."""
    latent: Tensor
    """Of the same shape."""


class PairNetwork(nn.Module):
    """A variational autoencoder of vocals that is told the accompaniment.

    Both sides are encoded to codes; the codes side by side give mean and variance of the latent vector, as in
    the paper's last model ("a 1-dimensional vector of length 256 and ... VAE-based training loss"); the
    decoder makes the vocal of it. The paper's first two models see one spectrogram and know no accompaniment;
    here they get the same two encoders, so that one question can be put to all three.

    The posterior sees the vocal, and its prior is normal whatever the accompaniment: nothing forces a sampled
    vocal to fit. That is the paper's design, and what its test of reliance measures.

    Args:
        accompaniment: encodes spectrograms, (batch, bands, frames) to (batch, code).
        vocal: likewise.
        decoder: makes spectrograms of a latent vector, (batch, 2 * code) to one or more of (batch, bands,
            frames), of which the last is the best.
        code: numbers in one code.
    """

    def __init__(self, accompaniment: nn.Module, vocal: nn.Module, decoder: nn.Module, code: int) -> None:
        super().__init__()
        self.accompaniment, self.vocal, self.decoder = accompaniment, vocal, decoder
        self.mean, self.log_variance = nn.Linear(2 * code, 2 * code), nn.Linear(2 * code, 2 * code)
        self.log_scale = nn.Parameter(torch.full((1,), START_LOG_SCALE))
        """Logarithm of the standard deviation with which a spectrogram lies about the decoder's."""

    def codes(self, accompaniment: Tensor, vocal: Tensor) -> Tensor:
        """Return the codes of both sides, (batch, 2 * code), the accompaniment's first."""
        return torch.cat([self.accompaniment(accompaniment), self.vocal(vocal)], dim=1)

    def draw(self, codes: Tensor, noise: Tensor) -> Draw:
        """Return a latent vector; `noise` is normal, of its shape."""
        mean, log_variance = self.mean(codes), self.log_variance(codes)
        return Draw(mean, log_variance, mean + noise * torch.exp(0.5 * log_variance))

    def decoded(self, latent: Tensor) -> list[Tensor]:
        """Return the spectrograms of a latent vector, the best last."""
        found: list[Tensor] = self.decoder(latent)
        return found

    def vocals(self, codes: Tensor) -> Tensor:
        """Return the vocals of codes without drawing, (batch, bands, frames)."""
        return self.decoded(self.mean(codes))[-1]


def resized(spectrograms: Tensor, size: Size) -> Tensor:
    """Return spectrograms in another size: means where it is smaller, straight lines where it is larger.

    Args:
        spectrograms: (batch, bands, frames).
        size: bands and frames.
    """
    now = tuple(spectrograms.shape[1:])
    if now == size:
        return spectrograms
    x = spectrograms[:, None]
    if size[0] <= now[0] and size[1] <= now[1]:
        return functional.adaptive_avg_pool2d(x, size)[:, 0]
    return functional.interpolate(x, size, mode="bilinear", align_corners=False)[:, 0]


def parameters_of(*modules: nn.Module) -> int:
    """Return how many numbers are learnt."""
    return sum(parameter.numel() for module in modules for parameter in module.parameters())
