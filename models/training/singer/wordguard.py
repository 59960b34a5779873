"""The guard of the words in adversarial training: the synthesis must say what the source said.

The content encoder reads the synthesis as an engine would, and has to describe it as it described the source:
a cycle (Zhu et al. 2017) that is closed in content instead of audio.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from dsp.controls import VOICED
from dsp.ltas import AUDIBLE_DB, REFERENCE_LTAS
from dsp.spectrum import ENVELOPE_FLOOR_DB, UNVOICED_WIDTH_HZ
from models.differentiable.content import ContentNetwork
from models.differentiable.envelope import envelope_of
from models.training.corpus import TRAINING_RATE

WARM_UP_FRAMES = 20
"""Frames at the start of an excerpt that do not count, while the encoder warms up."""


class WordGuard(nn.Module):
    """Compares the content of the synthesis with that of the source.

    Args:
        encoder: frozen, from `models.differentiable.content.read_encoder`.
        mean: mean envelope of the singer's audible frames in dB, (bands,): the LTAS that an engine takes out.
    """

    away: Tensor

    def __init__(self, encoder: ContentNetwork, mean: Tensor) -> None:
        super().__init__()
        self.encoder = encoder
        away = torch.tensor(REFERENCE_LTAS, dtype=torch.float32, device=mean.device) - mean
        self.register_buffer("away", away)

    def forward(self, audio: Tensor, pitch: Tensor, content: Tensor) -> Tensor:
        """Return the mean L1 distance over the audible frames.

        Args:
            audio: the synthesis, (batch, frames * hop).
            pitch: f0 in hertz, voicing and loudness in dB, (batch, frames, 3).
            content: of the source, (batch, frames, C).
        """
        bands = (envelopes(audio, pitch) + self.away).clamp(min=ENVELOPE_FLOOR_DB)
        heard = self.encoder(bands[:, 1:])  # content is of the frame after
        distance = (heard - content[:, :-1]).abs().mean(2)[:, WARM_UP_FRAMES:-1]
        weight = audible(pitch)[:, WARM_UP_FRAMES:-2]
        mean: Tensor = (distance * weight).sum() / weight.sum().clamp(min=1.0)
        return mean


def envelopes(audio: Tensor, pitch: Tensor) -> Tensor:
    """Return the envelopes of excerpts whose pitch is known, dB, (batch, frames, bands)."""
    width = torch.where(pitch[..., 1] > VOICED, pitch[..., 0], UNVOICED_WIDTH_HZ)
    # A frame is smoothed by the f0 of the frame before, as that of its own is not known yet.
    width = functional.pad(width[:, :-1], (1, 0), value=UNVOICED_WIDTH_HZ)
    return envelope_of(audio, width, TRAINING_RATE)


def audible(pitch: Tensor) -> Tensor:
    """Return 1 where a frame of an excerpt is loud enough to count, else 0, (batch, frames)."""
    loudness = pitch[..., 2]
    return (loudness > loudness.amax(1, keepdim=True) - AUDIBLE_DB).float()
