"""The three synthesizers as differentiable renderers of a training batch."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from dsp.filters import HARMONIC_GRID, NOISE_GRID
from dsp.oscillator import HarmonicBank
from dsp.synth import HARMONICS, TABLES
from models.differentiable.filters import FilteredSources
from models.training.batches import Batch
from models.training.corpus import HOP, TRAINING_RATE
from models.training.singer.network import NetworkSize


class Renderer(nn.Module):
    """A differentiable synthesizer: `forward(batch, harmonic, noise)` gives audio (batch, frames * hop)."""

    kind: str
    controls: int
    """Harmonic controls per frame."""

    def initial_bias(self) -> Tensor:
        """Return harmonic controls, (controls,), that sound roughly as loud as the recording."""
        raise TypeError(f"{type(self).__name__} is no synthesizer; use one of {', '.join(KINDS)}")


class SawSingRenderer(Renderer):
    """Sawtooth and noise, both filtered."""

    kind = "sawsing"
    controls = HARMONIC_GRID.size

    def __init__(self) -> None:
        super().__init__()
        self.filters = FilteredSources(TRAINING_RATE, (HARMONIC_GRID, NOISE_GRID))

    def forward(self, batch: Batch, harmonic: Tensor, noise: Tensor) -> Tensor:
        """Render (batch, frames * hop)."""
        return cast(Tensor, self.filters((batch.saw, white_noise(batch)), (harmonic, noise)))

    def initial_bias(self) -> Tensor:
        """Return a flat filter of a little gain."""
        return torch.ones(self.controls)


class BankRenderer(Renderer):
    """Exact harmonics and filtered noise: what DDSP-Add and DWTS share."""

    controls = HARMONICS

    def __init__(self) -> None:
        super().__init__()
        self.filters = FilteredSources(TRAINING_RATE, (NOISE_GRID,))

    def amplitudes(self, harmonic: Tensor) -> tuple[Tensor, Tensor | None]:
        """Map controls to sine and, where there are any, cosine amplitudes, (batch, frames, HARMONICS)."""
        return torch.exp(harmonic), None

    def forward(self, batch: Batch, harmonic: Tensor, noise: Tensor) -> Tensor:
        """Render (batch, frames * hop)."""
        hiss = self.filters((white_noise(batch),), (noise,))
        sines, cosines = self.amplitudes(harmonic)
        waves = harmonic_waves(batch.f0, cosines is not None)
        voice = _glide(sines if cosines is None else torch.cat([sines, cosines], dim=2), *waves)
        return cast(Tensor, hiss + voice * batch.gate)


class DdspAddRenderer(BankRenderer):
    """One amplitude per harmonic."""

    kind = "ddsp-add"

    def initial_bias(self) -> Tensor:
        """Return the harmonics of a sawtooth."""
        return 1.0 - torch.log(torch.arange(1.0, HARMONICS + 1))


class DwtsRenderer(BankRenderer):
    """Learned wavetables, mixed."""

    kind = "dwts"
    controls = TABLES

    def __init__(self) -> None:
        super().__init__()
        number = torch.arange(1.0, HARMONICS + 1)
        angle = 0.5 * torch.randn(TABLES, HARMONICS)
        size = torch.exp(0.5 * torch.randn(TABLES, HARMONICS)) / number
        self.sines = nn.Parameter(size * torch.cos(angle))
        self.cosines = nn.Parameter(size * torch.sin(angle))

    def amplitudes(self, harmonic: Tensor) -> tuple[Tensor, Tensor | None]:
        """Mix the tables."""
        levels = torch.exp(harmonic)
        return levels @ self.sines, levels @ self.cosines

    def initial_bias(self) -> Tensor:
        """Return an even mix."""
        return torch.full((TABLES,), 1.0 - float(np.log(TABLES)))


KINDS: dict[str, type[Renderer]] = {
    renderer.kind: renderer for renderer in (SawSingRenderer, DdspAddRenderer, DwtsRenderer)
}


def white_noise(batch: Batch) -> Tensor:
    """Draw uniform noise of unit variance and give it the batch's gain."""
    uniform = batch.gain.new_empty(batch.gain.shape).uniform_(-(3.0**0.5), 3.0**0.5)
    return uniform * batch.gain


@torch.no_grad()
def harmonic_waves(f0: Tensor, cosines: bool) -> tuple[Tensor, Tensor]:
    """Return the sines of the harmonics per hop, and where asked their cosines after them.

    Args:
        f0: hertz per sample, (batch, frames * hop).
        cosines: whether those are wanted, too.

    Returns:
        Waves, (batch, frames, HARMONICS or twice that, hop), and each one's fade at Nyquist, 0 to 1, without
        the hop.
    """
    hops = f0.reshape(f0.shape[0], -1, 1, HOP)
    phase = torch.cumsum(f0.double() / TRAINING_RATE, dim=1).reshape(hops.shape)
    # Harmonic a * step + b as a product of two directly computed ones: rounding never piles up.
    step = int(HARMONICS**0.5) + 1
    low_cosine, low_sine = _turns(phase, torch.arange(1, step + 1), 2)
    high_cosine, high_sine = _turns(phase, torch.arange(0, HARMONICS, step), 3)
    waves = [torch.addcmul(high_sine * low_cosine, high_cosine, low_sine)]
    if cosines:
        waves.append(torch.addcmul(high_cosine * low_cosine, high_sine, low_sine, value=-1.0))
    parts = [wave.flatten(2, 3)[:, :, :HARMONICS] for wave in waves]
    nyquist = TRAINING_RATE / 2
    hertz = hops.mean(-1) * torch.arange(1, HARMONICS + 1, device=f0.device)
    fade = torch.clamp((nyquist - hertz) / (HarmonicBank.FADE * nyquist), 0.0, 1.0)
    if not cosines:
        return parts[0], fade
    return torch.cat(parts, dim=2), torch.cat([fade, fade], dim=2)


def _turns(phase: Tensor, numbers: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Return cosine and sine of harmonics with a further axis of length 1."""
    cycles = phase * numbers.to(phase.device).reshape(1, 1, -1, 1)
    angle = (2.0 * torch.pi * (cycles - cycles.floor())).float().unsqueeze(axis)
    return torch.cos(angle), torch.sin(angle)


def _glide(amplitudes: Tensor, waves: Tensor, fade: Tensor) -> Tensor:
    """Sum waves with amplitudes that run linearly from each frame to the next, (batch, frames * hop)."""
    after = functional.pad(amplitudes[:, 1:], (0, 0, 0, 1))
    ends = torch.stack([amplitudes, after], dim=2) * fade[:, :, None]
    left, right = (ends @ waves).unbind(dim=2)
    rise = torch.arange(HOP, device=waves.device) / HOP
    return (left + (right - left) * rise).reshape(waves.shape[0], -1)


def size_of(kind: str, content: int) -> NetworkSize:
    """Return the network size that drives a synthesizer kind by frames of so many numbers."""
    return NetworkSize(content, harmonic=KINDS[kind].controls, noise=NOISE_GRID.size)


def tables_of(render: nn.Module) -> NDArray[np.complex64] | None:
    """Return the learned wavetables of a dwts renderer, (tables, harmonics), or None for the other kinds.

    The synthesizer takes the imaginary part of amplitude times exp(i k phase).
    """
    if not isinstance(render, DwtsRenderer):
        return None
    return np.asarray(torch.complex(render.sines, render.cosines).detach().cpu().numpy(), np.complex64)
