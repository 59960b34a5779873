"""The pitch-adaptive smooth envelope of `dsp.spectrum` in differentiable form, whole excerpts at once."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from dsp.spectrum import (
    BAND_MIDDLE,
    BAND_WIDTH_HZ,
    BIN_HZ,
    ENVELOPE_FLOOR_DB,
    SILENCE_DB,
    a_weighting,
    analysis_window,
)
from dsp.units import hop_size
from models.differentiable.fourier import rfft

_NOTHING = 1e-12
"""Of power relative to the frame's: 40 dB below the floor."""


def envelope_of(audio: Tensor, width: Tensor, sample_rate: int) -> Tensor:
    """Return band levels in dB relative to each frame's loudness, (batch, frames, bands), float32.

    Args:
        audio: (batch, frames * hop); frame k is centred at k * hop, and silence precedes the first.
        width: the smoothing width, hertz, (batch, frames): f0, or `UNVOICED_WIDTH_HZ`.
        sample_rate: a native rate in hertz.

    Returns:
        Clipped to [`ENVELOPE_FLOOR_DB`, 40].
    """
    power = _power(audio, sample_rate)
    weight = torch.tensor(
        a_weighting(np.arange(power.shape[2], dtype=np.float64) * BIN_HZ), dtype=power.dtype
    )
    silence = 10.0 ** (SILENCE_DB / 10.0)
    loudness = (power @ weight.to(power.device)).clamp(min=silence)
    half = torch.maximum(_like(BAND_WIDTH_HZ, power), width[..., None].to(power.dtype)) * (0.5 / BIN_HZ)
    middle = _like(BAND_MIDDLE, power)
    low = (middle - half).clamp(min=0.0)
    high = middle + half
    sums = functional.pad(power.cumsum(2), (1, 1))
    sums = torch.cat([sums[..., :-1], sums[..., -2:-1]], 2)
    mean = (_at(sums, high) - _at(sums, low)) / (high - low)
    level = 10.0 * torch.log10((mean / loudness[..., None]).clamp(min=_NOTHING))
    return level.clamp(min=ENVELOPE_FLOOR_DB, max=40.0).float()


def _power(audio: Tensor, sample_rate: int) -> Tensor:
    """Return power per bin, (batch, frames, bins), float64: differences of running sums need the digits."""
    hop = hop_size(sample_rate)
    window = analysis_window(sample_rate)
    scale = float(np.sqrt(2.0 / (4 * hop * np.sum(window**2))))
    pieces = functional.pad(audio, (2 * hop, 0)).unfold(1, 3 * hop, hop)
    spectrum = torch.view_as_real(rfft(pieces * _like(window * scale, audio), 4 * hop))
    power = (spectrum * spectrum).sum(3).double()
    edges = torch.ones(power.shape[2], dtype=power.dtype, device=power.device)
    edges[[0, -1]] = 0.5
    return power * edges


def _like(values: NDArray[np.float64], other: Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=other.dtype, device=other.device)


def _at(sums: Tensor, position: Tensor) -> Tensor:
    """Read running sums between the bins; above Nyquist nothing is added."""
    position = position.clamp(max=sums.shape[2] - 2)
    index = position.detach().long()
    left, right = sums.gather(2, index), sums.gather(2, index + 1)
    return left + (right - left) * (position - index)
