"""The melody network in torch: a conditional variational autoencoder over windows of four bars.

An encoder (GRU both ways) reads the backing track. What the window is about, z, has a prior that is learnt
from the backing track, and in training a posterior from the melody, too. A decoder (GRU) then says step after
step what is sung, from the step before and those one and two bars before, z and the encoder.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.guide.inputs import CLASSES, FIRST, HIGHEST, INPUTS, LOWEST, PITCHED, REST, RHYTHM, SILENT, TOKENS
from models.guide.lyrics import VOWELS
from models.guide.steps import PER_BAR, PER_BEAT

ENCODED = 96
"""Units of the encoder in each direction."""
DECODED = 160
LATENT = 16
EMBEDDED = 24
DROPOUT = 0.25
"""Share of what the encoder says that is not seen in training: the tunes are few."""
BACK = (PER_BAR, 2 * PER_BAR)
"""Steps back of the tokens that the decoder sees besides the last one."""


class Normal(NamedTuple):
    """Independent normal distributions."""

    mean: Tensor
    log_variance: Tensor

    def drawn(self) -> Tensor:
        """Return a draw that can be differentiated."""
        return self.mean + torch.exp(0.5 * self.log_variance) * torch.randn_like(self.mean)

    def divergence(self, other: Normal) -> Tensor:
        """Return the Kullback-Leibler divergence from another, of each number, nats."""
        ratio = torch.exp(self.log_variance - other.log_variance)
        square = (self.mean - other.mean).square() * torch.exp(-other.log_variance)
        return 0.5 * (ratio + square - 1.0 + other.log_variance - self.log_variance)


class GuideNetwork(nn.Module):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(INPUTS, ENCODED)
        self.forward_gru = nn.GRU(ENCODED, ENCODED, batch_first=True)
        self.backward_gru = nn.GRU(ENCODED, ENCODED, batch_first=True)
        self.prior = nn.Linear(2 * ENCODED, 2 * LATENT)
        self.token = nn.Embedding(TOKENS, EMBEDDED)
        self.melody = nn.GRU(EMBEDDED, ENCODED, batch_first=True, bidirectional=True)
        self.posterior = nn.Linear(4 * ENCODED, 2 * LATENT)
        self.decoder = nn.GRU(EMBEDDED * (1 + len(BACK)) + 2 * ENCODED + LATENT, DECODED, batch_first=True)
        self.hidden = nn.Linear(LATENT, DECODED)
        self.dropout = nn.Dropout(DROPOUT)
        self.out = nn.Linear(DECODED + 2 * ENCODED, TOKENS)
        self.vowel = nn.Linear(DECODED, len(VOWELS))
        self.level = nn.Linear(DECODED, 1)
        self.fit = nn.Parameter(torch.zeros(len(CLASSES), 2))
        """How much more likely a pitch is by each of `CLASSES` that it is in: at any step, and on beats."""

    def encoded(self, inputs: Tensor) -> Tensor:
        """Return the backing track as the decoder sees it, (batch, steps, 2 * ENCODED)."""
        x = torch.tanh(self.enter(inputs))
        ahead, _ = self.forward_gru(x)
        behind, _ = self.backward_gru(x.flip(1))
        found: Tensor = self.dropout(torch.cat([ahead, behind.flip(1)], dim=2))
        return found

    def prior_of(self, encoded: Tensor) -> Normal:
        """Return the prior of z, (batch, LATENT) each."""
        return _normal(self.prior(encoded.mean(dim=1)))

    def posterior_of(self, encoded: Tensor, tokens: Tensor) -> Normal:
        """Return the posterior of z, given the melody, (batch, steps) of tokens."""
        sung, _ = self.melody(self.token(tokens))
        return _normal(self.posterior(torch.cat([encoded.mean(dim=1), sung.mean(dim=1)], dim=1)))

    def fits(self, inputs: Tensor) -> Tensor:
        """Return what is added to the logits of the pitches, (batch, steps, TOKENS - FIRST)."""
        classes = inputs[..., :PITCHED].reshape(*inputs.shape[:-1], len(CLASSES), 12)
        beat = inputs[..., PITCHED + RHYTHM : PITCHED + RHYTHM + PER_BAR : PER_BEAT].sum(dim=-1, keepdim=True)
        weight = self.fit[:, 0] + beat * self.fit[:, 1]
        of_class = (classes * weight.unsqueeze(-1)).sum(dim=-2)
        pitches = torch.arange(LOWEST, HIGHEST + 1, device=inputs.device) % 12
        found: Tensor = of_class[..., pitches]
        return found

    def forward(self, inputs: Tensor, encoded: Tensor, z: Tensor, tokens: Tensor, past: Tensor) -> Decoded:
        """Return what is likely at each step, given all steps before it.

        Args:
            inputs: (batch, steps, INPUTS).
            encoded: of them.
            z: (batch, LATENT).
            tokens: the melody, (batch, steps).
            past: tokens of the two bars before, (batch, 2 * PER_BAR).
        """
        steps = tokens.shape[1]
        line = torch.cat([past, tokens], dim=1)
        start = past.shape[1]
        seen = [self.token(line[:, start - back : start - back + steps]) for back in (1, *BACK)]
        wide = z.unsqueeze(1).expand(-1, steps, -1)
        hidden = torch.tanh(self.hidden(z)).unsqueeze(0)
        decoded, _ = self.decoder(torch.cat([*seen, encoded, wide], dim=2), hidden)
        logits = self.out(torch.cat([decoded, encoded], dim=2))
        pitched = logits[..., FIRST:] + self.fits(inputs)
        return Decoded(
            torch.cat([logits[..., :FIRST], pitched], dim=2),
            self.vowel(decoded),
            torch.sigmoid(self.level(decoded)).squeeze(2),
        )


class Decoded(NamedTuple):
    """What is sung at each step."""

    logits: Tensor
    """Of the tokens."""
    vowels: Tensor
    """Logits of the classes of vowels."""
    levels: Tensor
    """0 to 1: MIDI velocity over 127."""


def _normal(rows: Tensor) -> Normal:
    mean, spread = rows.chunk(2, dim=1)
    return Normal(mean, spread.clamp(-6.0, 3.0))


def with_other_backing(inputs: Tensor) -> Tensor:
    """Return windows with the backing of the window before, and with their own rests and density."""
    rows = torch.roll(inputs, 1, dims=0)
    rows[..., REST:] = inputs[..., REST:]
    return rows


def silence(batch: int) -> Tensor:
    """Return the past of a melody that begins, (batch, 2 * PER_BAR)."""
    return torch.full((batch, 2 * PER_BAR), SILENT)
