"""The critic of adversarial training: tells spectra of a singer's recordings from those of its synthesis.

Log-magnitude spectra at two resolutions, hinge loss and spectral normalisation as in Miyato et al. 2018.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from models.differentiable.losses import magnitudes
from models.training.corpus import HOP
from models.training.singer.network import pitch_features
from models.training.singer.wordguard import audible

FFT_SIZES = (512, 2048)
"""11 ms: envelopes and how they move. 43 ms: harmonics and what lies between them."""
FLOOR = 1e-5
CriticInputs = Sequence[tuple[Tensor, Tensor]]
"""Spectra and which of their frames count, for each of `FFT_SIZES`."""


class SpectrumCritic(nn.Module):
    """Scores spectra frame by frame, and over the whole excerpt.

    Args:
        mean: of the singer's spectra and pitch features, (channels,).
        spread: their standard deviation, (channels,).
        width: channels inside.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, mean: Tensor, spread: Tensor, width: int = 64) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("spread", spread)
        channels = mean.numel()
        self.layers = nn.ModuleList(
            [
                spectral_norm(nn.Conv1d(channels, width, 1)),
                spectral_norm(nn.Conv1d(width, width, 5, padding=2)),
                spectral_norm(nn.Conv1d(width, width, 5, padding=4, dilation=2)),
            ]
        )
        self.moment = spectral_norm(nn.Conv1d(width, 1, 1))
        self.whole = nn.Sequential(
            spectral_norm(nn.Linear(2 * width, width)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Linear(width, 1)),
        )

    def forward(self, spectra: Tensor, mask: Tensor) -> Tensor:
        """Score excerpts: above 0 for recordings, below for synthesis.

        Args:
            spectra: (batch, frames, channels), from `critic_inputs`.
            mask: (batch, frames), 1 where a frame counts, else 0.

        Returns:
            Scores of each frame and of the whole excerpt, (batch, 2, frames).
        """
        x = ((spectra - self.mean) / self.spread).transpose(1, 2)
        shallow = y = functional.leaky_relu(self.layers[0](x), 0.2)
        for layer in list(self.layers)[1:]:
            y = functional.leaky_relu(layer(y), 0.2)
        counted = mask[:, None]
        both = (torch.cat([shallow, y], 1) * counted).sum(2) / counted.sum(2).clamp(min=1.0)
        whole: Tensor = self.whole(both)[:, :, None]
        return torch.cat([self.moment(y), whole.expand(-1, -1, y.shape[2])], 1)


class Critic(nn.Module):
    """A `SpectrumCritic` for each of `FFT_SIZES`.

    Args:
        examples: `critic_inputs` of the singer's recordings, for the scale of each channel.
    """

    def __init__(self, examples: CriticInputs) -> None:
        super().__init__()
        flat = [spectra.flatten(0, 1) for spectra, _ in examples]
        self.parts = nn.ModuleList(SpectrumCritic(part.mean(0), part.std(0) + 0.05) for part in flat)

    def forward(self, inputs: CriticInputs) -> list[Tensor]:
        """Score `critic_inputs` at each resolution, each (batch, 2, frames)."""
        return [part(*given) for part, given in zip(self.parts, inputs, strict=True)]


def critic_inputs(audio: Tensor, pitch: Tensor, skipped: int) -> CriticInputs:
    """Make what the critic reads: at each resolution spectra with pitch features, and which frames count.

    Args:
        audio: (batch, frames * hop).
        pitch: f0 in hertz, voicing and loudness in dB, (batch, frames, 3).
        skipped: frames at the start that are passed over, while the network warms up.

    Returns:
        At each of `FFT_SIZES`: natural-log magnitudes less the excerpt's mean, followed by features of the
        pitch, (batch, n, channels), and 1 where a frame is loud enough to be scored, else 0, (batch, n).
    """
    kept = audio[:, skipped * HOP : -HOP]
    counted = audible(pitch)
    features = pitch_features(pitch)[..., :-1]  # not the loudness, which training offsets
    inputs = []
    for size in FFT_SIZES:
        spectra = torch.log(magnitudes(kept, size) + FLOOR).transpose(1, 2)
        centre = torch.arange(spectra.shape[1], device=audio.device) * (size // 4) + size // 2
        at = skipped + centre // HOP
        mask = counted[:, at]
        level = (spectra.mean(2) * mask).sum(1) / mask.sum(1).clamp(min=1.0)
        inputs.append((torch.cat([spectra - level[:, None, None], features[:, at]], 2), mask))
    return inputs


def hinge_loss(scores: Sequence[Tensor], inputs: CriticInputs, side: float) -> Tensor:
    """Return the hinge loss of scores that should be on one side: 1.0 recordings', -1.0 synthesis's."""
    return _mean([functional.relu(1.0 - side * part) for part in scores], inputs)


def mean_score(scores: Sequence[Tensor], inputs: CriticInputs) -> Tensor:
    """Return the mean score over resolutions and the frames that count."""
    return _mean(scores, inputs)


def _mean(values: Sequence[Tensor], inputs: CriticInputs) -> Tensor:
    parts = [masked_mean(part, mask) for part, (_, mask) in zip(values, inputs, strict=True)]
    return torch.stack(parts).mean()


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Average (batch, kinds, frames) over the frames that count, (batch, frames)."""
    counted = mask[:, None].expand_as(values)
    return (values * counted).sum() / counted.sum().clamp(min=1.0)
