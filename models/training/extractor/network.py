"""From audio to melody: an encoder's layers, FFT blocks, a melody feature and heads (arXiv 2502.04722)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.extractor.manifest import Layers
from models.extractor.windows import FEATURE
from models.training.extractor.encoder import Encoder

BLOCKS, ATTENTIONS, FILTER, KERNEL = 2, 2, 512, 3
"""Two blocks with two attention heads and kernels of three frames, as FastSpeech has them, but half as wide:
they come after an encoder of many layers."""
DROPOUT = 0.1
CENTRE, SPREAD = math.log(220.0), 0.5
"""Of ln f0 in singing: what the pitch head need not learn."""
ENERGY_DB = 20.0
_MIN_POWER = 1e-10


class Estimates(NamedTuple):
    """What the network estimates, each (batch, frames, ...) of 10 ms."""

    feature: Tensor
    """(..., 256) the melody feature."""
    pitch: Tensor
    """(...) ln of f0 in hertz."""
    energy: Tensor
    """(...) loudness of the voice, dB."""
    voicing: Tensor
    """(...) logits."""


class FftBlock(nn.Module):
    """A feed-forward transformer block (FastSpeech, Ren et al. 2019): self-attention, then two convolutions.

    It has no encoding of absolute positions: the encoder's features carry theirs, and what is trained on two
    seconds is to hold for ten.
    """

    def __init__(self) -> None:
        super().__init__()
        self.attend = nn.Linear(FEATURE, 3 * FEATURE)
        self.join = nn.Linear(FEATURE, FEATURE)
        self.widen = nn.Conv1d(FEATURE, FILTER, KERNEL, padding=KERNEL // 2)
        self.narrow = nn.Conv1d(FILTER, FEATURE, KERNEL, padding=KERNEL // 2)
        self.norms = nn.ModuleList(nn.LayerNorm(FEATURE) for _ in range(2))
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, frames, 256) to the same shape."""
        query, key, value = self.attend(x).unflatten(2, (3, ATTENTIONS, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        heard = functional.scaled_dot_product_attention(query, key, value)
        x = self.norms[0](x + self.dropout(self.join(heard.transpose(1, 2).flatten(2))))
        y = self.narrow(functional.relu(self.widen(x.transpose(1, 2)))).transpose(1, 2)
        return torch.as_tensor(self.norms[1](x + self.dropout(y)))


class Extractor(nn.Module):
    """The whole path.

    Args:
        encoder: its layers are heard.
        layers: "weighted", a sum with weights to learn (softmax), or "last", the last layer alone.
        fft: whether FFT blocks follow.
    """

    def __init__(self, encoder: Encoder, layers: Layers = "weighted", *, fft: bool = True) -> None:
        super().__init__()
        self.encoder = encoder
        self.mixing = nn.Parameter(torch.zeros(encoder.layers), requires_grad=layers == "weighted")
        if layers == "last":
            with torch.no_grad():
                self.mixing[:-1] = -math.inf
        self.enter = nn.Linear(encoder.width, FEATURE)
        self.blocks = nn.Sequential(*(FftBlock() for _ in range(BLOCKS if fft else 0)))
        self.pitch, self.energy, self.voicing = (nn.Linear(FEATURE, 1) for _ in range(3))

    @property
    def layer_weights(self) -> tuple[float, ...]:
        """Share of each layer of the encoder; they sum to 1."""
        return tuple(round(float(share), 5) for share in torch.softmax(self.mixing.detach(), 0))

    def forward(self, audio: Tensor, *, tune: bool = True) -> Estimates:
        """Extract the melody.

        Args:
            audio: (batch, samples) at 16 kHz, a multiple of 320.
            tune: whether gradients reach the encoder.

        Returns:
            samples / 160 frames; frame j is centred at sample j * 160.
        """
        with torch.set_grad_enabled(tune and torch.is_grad_enabled()):
            layers = self.encoder(audio)
        # Layers differ in scale, most where blocks are pre-normalised: made alike, their weights compare.
        alike = functional.layer_norm(layers, (self.encoder.width,))
        mixed = (torch.softmax(self.mixing, 0)[:, None, None, None] * alike).sum(0)
        feature = self.blocks(doubled(self.enter(mixed)))
        # The encoder does not hear the level, so the head tells the energy relative to that of the input.
        level = level_of(audio)
        return Estimates(
            feature,
            CENTRE + SPREAD * self.pitch(feature)[..., 0],
            level + ENERGY_DB * self.energy(feature)[..., 0],
            self.voicing(feature)[..., 0],
        )


def level_of(audio: Tensor) -> Tensor:
    """Return the level of each input, dB re full scale, (batch, 1)."""
    # A sum with so small a number would be taken for a sum with 0, and left out, in the exporter.
    return 10.0 * torch.log10(audio.square().mean(1, keepdim=True).clamp(min=_MIN_POWER))


def doubled(x: Tensor) -> Tensor:
    """Bring n + 1 frames of 20 ms to 2 n of 10 ms by straight lines, (batch, frames, width)."""
    between = 0.5 * (x[:, :-1] + x[:, 1:])
    return torch.stack([x[:, :-1], between], 2).flatten(1, 2)
