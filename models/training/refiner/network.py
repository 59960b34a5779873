"""The refiner's denoiser: causal residual blocks over control frames, any of which can be left out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.training.refiner.diffusion import MAX_LOG_SNR, levels

TAPS = 7
"""Frames that a block's convolution sees: the newest and those before it."""
LEVEL_FEATURES = 32
"""Sines and cosines that tell the noise level."""
UNIT = 0.5
"""Standard deviation of clean data beside noise of 1, as Karras et al. 2022 have it."""
_MIN_SPREAD = 0.02


@dataclass(frozen=True)
class RefinerSize:
    """Widths of the network."""

    bands: int
    """Numbers of a control frame that are refined."""
    condition: int
    """Numbers that say what is sung: coarse controls, pitch, loudness, content."""
    channels: int = 96
    blocks: int = 4


class Block(nn.Module):
    """One residual block: what it adds may be left out, so that others learn to do without it.

    Args:
        channels: width of what passes.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner = 2 * channels
        self.norm = nn.LayerNorm(channels)
        self.spread = nn.Linear(channels, 2 * self.inner)
        self.level = nn.Linear(LEVEL_FEATURES, 2 * self.inner)
        self.past = nn.Conv1d(self.inner, self.inner, TAPS, groups=self.inner)
        self.join = nn.Linear(self.inner, channels)

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        """Return what is added to x.

        Args:
            x: (batch, frames, channels).
            level: features of the noise level, (batch, 1, LEVEL_FEATURES).
        """
        y = functional.glu(self.spread(self.norm(x)) + self.level(level), dim=-1)
        y = self.past(functional.pad(y.mT, (TAPS - 1, 0))).mT
        added: Tensor = self.join(functional.silu(y))
        return added


class Denoiser(nn.Module):
    """Estimates clean control frames from noisy ones, by way of the velocity (Salimans and Ho 2022, "v").

    Unlike an estimate of the noise, it can begin with noise alone, so that one step suffices.
    """

    def __init__(self, size: RefinerSize) -> None:
        super().__init__()
        self.size = size
        self.usual: Tensor
        self.spread: Tensor
        self.middle: Tensor
        self.reach: Tensor
        for name, width in (("usual", size.condition), ("middle", size.bands)):
            self.register_buffer(name, torch.zeros(width))
        for name, width in (("spread", size.condition), ("reach", size.bands)):
            self.register_buffer(name, torch.ones(width))
        self.read = nn.Linear(size.bands + size.condition, size.channels)
        self.blocks = nn.ModuleList([Block(size.channels) for _ in range(size.blocks)])
        self.velocity = nn.Linear(size.channels, size.bands)

    @torch.no_grad()
    def fit(self, condition: Tensor, clean: Tensor) -> None:
        """Take usual values and spreads from data, (frames, condition) and (frames, bands)."""
        self.usual.copy_(condition.mean(0))
        self.spread.copy_(condition.std(0).clamp(min=_MIN_SPREAD))
        self.middle.copy_(clean.mean(0))
        self.reach.copy_(clean.std(0).clamp(min=_MIN_SPREAD) / UNIT)

    def to_unit(self, clean: Tensor) -> Tensor:
        """Return clean frames, (..., bands), as the diffusion has them: of mean 0 and deviation `UNIT`."""
        return (clean - self.middle) / self.reach

    def from_unit(self, clean: Tensor) -> Tensor:
        """Return what `to_unit` was given."""
        return clean * self.reach + self.middle

    @property
    def parts(self) -> list[Block]:
        """The blocks."""
        return [block for block in self.blocks if isinstance(block, Block)]

    def forward(self, noisy: Tensor, snr: Tensor, condition: Tensor, kept: Tensor | None = None) -> Tensor:
        """Estimate the clean frames of whole sequences.

        Args:
            noisy: (batch, frames, bands), in units.
            snr: log-SNR, (batch,).
            condition: (batch, frames, condition), as it comes.
            kept: 1 for each block of each example that is not left out, (batch, blocks); None keeps all.

        Returns:
            (batch, frames, bands), in units.
        """
        level = level_features(snr)[:, None]
        told = (condition - self.usual) / self.spread
        x = self.read(torch.cat([noisy, told], dim=-1))
        for index, block in enumerate(self.parts):
            added = block(x, level)
            x = x + (added if kept is None else added * kept[:, index, None, None])
        signal, spread = levels(snr, noisy)
        clean: Tensor = signal * noisy - spread * self.velocity(x)
        return clean


def level_features(snr: Tensor) -> Tensor:
    """Return what tells a network the noise level: log-SNR, (batch,), as (batch, LEVEL_FEATURES)."""
    half = LEVEL_FEATURES // 2
    turns = snr[:, None] / MAX_LOG_SNR * math.pi * 2.0 ** torch.linspace(-1.0, 3.0, half, device=snr.device)
    return torch.cat([torch.sin(turns), torch.cos(turns)], dim=-1)


def chosen(batch: int, blocks: int, skipped: float, generator: torch.Generator) -> Tensor:
    """Draw which blocks of each example are kept in training, (batch, blocks) of 0 and 1.

    Args:
        batch: examples.
        blocks: of the network.
        skipped: share that is left out, 0..1 ("robust training", Li et al. 2023, SnapFusion).
        generator: of the draw.
    """
    return (torch.rand((batch, blocks), generator=generator) >= skipped).float()
