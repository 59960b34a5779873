"""The melody network: from spectra to salience over pitch candidates, voicing, the voice's share, a feature.

The spectrum is read at the harmonics of every candidate, so that one small kernel judges all pitches
(harmonic stacking, Bittner et al. 2017). A recurrent part hears the whole and says where the voice may be.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.melody import grid
from models.melody.grid import (
    BACK,
    COARSE,
    COARSE_BINS,
    FALL_DB,
    LEVEL_RANGE_DB,
    MIN_POWER,
    MIN_SHARE_DB,
    POOL_STRIDE,
    SCALE_DB,
)

FIRST, KEPT, WIDE = 32, 16, 32
"""Channels of the first layer, of what is kept from frame to frame, and of the later layers."""
FAR = 2
"""Candidates between the taps of the wide layer: it sees 1.9 semitones to either side."""
POOLED = 12
PEAK_SCALE = 0.1
HEARD, RECURRENT, FEATURE, ASIDE = 160, 192, 256, 32


class Heard(NamedTuple):
    """The network's outputs, each (batch, frames, ...)."""

    salience: Tensor
    """(..., candidates) logits."""
    voicing: Tensor
    """(...) logits."""
    share: Tensor
    """(...) level of the voice and of noise re the whole sound, music included, dB, `MIN_SHARE_DB` to 0."""
    feature: Tensor
    """(..., 256) the melody feature."""


class MelodyNetwork(nn.Module):
    """The network; see the module."""

    below: Tensor
    share: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("below", torch.from_numpy(grid.below), persistent=False)
        self.register_buffer("share", torch.from_numpy(grid.share), persistent=False)
        self.harmonics = nn.Conv1d(grid.CHANNELS, FIRST, 3, padding=1)
        self.squeeze = nn.Conv1d(FIRST, KEPT, 1)
        self.motion = nn.Conv1d(KEPT * (1 + len(BACK)), WIDE, 5, padding=2)
        self.context = nn.Conv1d(WIDE, WIDE, 5, padding=2 * FAR, dilation=FAR)
        self.local = nn.Conv1d(WIDE, 1, 3, padding=1)
        self.pool = nn.Conv1d(WIDE, POOLED, 5, stride=POOL_STRIDE, padding=2)
        self.hear = nn.Linear(POOLED * grid.CANDIDATES // POOL_STRIDE + COARSE, HEARD)
        self.gru = nn.GRU(HEARD, RECURRENT, batch_first=True)
        self.feature = nn.Linear(HEARD + RECURRENT, FEATURE)
        self.prior = nn.Linear(FEATURE, grid.CANDIDATES)
        self.voicing = nn.Linear(FEATURE + 2, 1)
        self.aside = nn.Linear(FEATURE + 2, ASIDE)
        self.absence = nn.Linear(ASIDE, 1)

    def forward(self, power: Tensor, level: Tensor | None = None) -> Heard:
        """Run over excerpts from their start.

        Args:
            power: of `models.melody.features`, (batch, frames, 2, 401).
            level: the loudest heard before, dB, (batch,).
        """
        batch, frames = power.shape[:2]
        seen = normalised(power, level)
        flat = functional.pad(seen.flatten(0, 1).flatten(1), (0, 1))
        low, high = flat[:, self.below], flat[:, torch.clamp(self.below + 1, max=grid.NOTHING)]
        x = functional.relu(self.harmonics(low + (high - low) * self.share))
        kept = functional.relu(self.squeeze(x)).view(batch, frames, KEPT, grid.CANDIDATES)
        past = [functional.pad(kept, (0, 0, 0, 0, back, 0))[:, :frames] for back in BACK]
        x = functional.relu(self.motion(torch.cat([kept, *past], 2).flatten(0, 1)))
        x = x + functional.relu(self.context(x))
        local = self.local(x)[:, 0]
        pooled = functional.relu(self.pool(x)).flatten(1)
        coarse = functional.avg_pool1d(seen.flatten(0, 1), COARSE_BINS).flatten(1)
        heard = functional.relu(self.hear(torch.cat([pooled, coarse], 1))).view(batch, frames, HEARD)
        remembered, _ = self.gru(heard)
        feature = torch.tanh(self.feature(torch.cat([heard, remembered], 2)))
        salience = local.view(batch, frames, grid.CANDIDATES) + self.prior(feature)
        peaks = torch.stack([salience.amax(2), torch.logsumexp(salience, 2)], 2)
        known = torch.cat([feature, PEAK_SCALE * peaks], 2)
        voicing = self.voicing(known)[..., 0]
        absence = self.absence(functional.relu(self.aside(known)))[..., 0]
        return Heard(salience, voicing, MIN_SHARE_DB * torch.sigmoid(absence), feature)


def normalised(power: Tensor, level: Tensor | None = None) -> Tensor:
    """Return spectra relative to the loudest so far.

    Args:
        power: (batch, frames, 2, 401).
        level: the loudest heard before, dB, (batch,).

    Returns:
        (batch, frames, 2, 401) from 0, `LEVEL_RANGE_DB` below the loudest, to about 3.
    """
    decibels = 10.0 * torch.log10(power.clamp(min=MIN_POWER))
    now = 10.0 * torch.log10(power[:, :, 1].sum(-1) + MIN_POWER)
    falls = FALL_DB * torch.arange(1, now.shape[1] + 1, device=now.device)
    risen = now + falls
    if level is not None:
        risen[:, 0] = torch.maximum(risen[:, 0], level)
    loudest = torch.clamp(torch.cummax(risen, 1).values - falls, min=-LEVEL_RANGE_DB)
    return functional.relu((decibels - loudest[..., None, None] + LEVEL_RANGE_DB) / SCALE_DB)
