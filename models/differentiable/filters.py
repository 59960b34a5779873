"""The time-varying filters of `dsp.filters` in differentiable form: the same kernel, all frames at once."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dsp.filters import filter_bins, fold_and_fade
from models.differentiable.fourier import rfft


def grid_matrix(grid: NDArray[np.float64], bins: NDArray[np.float64]) -> Tensor:
    """Return the linear interpolation from a grid to bins as a matrix, (points, bins), float32."""
    columns = [np.interp(bins, grid, row) for row in np.eye(grid.size)]
    return torch.tensor(np.array(columns), dtype=torch.float32)


class FilteredSources(nn.Module):
    """Filter excitations with log-magnitudes per frame and add them up (the time-varying part of SawSing).

    Args:
        sample_rate: a native rate in hertz.
        grids: the frequencies of each source's log-magnitudes, hertz.
    """

    window: Tensor

    def __init__(self, sample_rate: int, grids: tuple[NDArray[np.float64], ...]) -> None:
        super().__init__()
        bins = filter_bins(sample_rate)
        self.hop = bins.size - 1
        for number, grid in enumerate(grids):
            self.register_buffer(f"matrix{number}", grid_matrix(grid, bins), persistent=False)
        rise = torch.arange(self.hop) / self.hop
        self.register_buffer("window", torch.cat([rise, 1.0 - rise]), persistent=False)

    def forward(self, sources: tuple[Tensor, ...], controls: tuple[Tensor, ...]) -> Tensor:
        """Render audio.

        Args:
            sources: each (batch, frames * hop).
            controls: natural-log magnitudes, each (batch, frames, points); frame k is centred at k * hop.

        Returns:
            (batch, frames * hop); the last hop fades out for want of the frame after it.
        """
        hop, size = self.hop, 4 * self.hop
        batch, samples = sources[0].shape
        frames = samples // hop
        total: Tensor | None = None
        for number, (source, control) in enumerate(zip(sources, controls, strict=True)):
            padded = torch.nn.functional.pad(source, (hop, 0))
            pieces = padded.unfold(1, 2 * hop, hop)[:, :frames] * self.window
            response = minimum_phase(control @ getattr(self, f"matrix{number}"))
            wet = rfft(pieces, size) * rfft(response, size)
            total = wet if total is None else total + wet
        assert total is not None
        segments = torch.fft.irfft(total, size).reshape(batch, frames, 4, hop)
        out = segments.new_zeros(batch, frames + 3, hop)
        for part in range(4):
            out = out + torch.nn.functional.pad(segments[:, :, part], (0, 0, part, 3 - part))
        joined: Tensor = out.reshape(batch, -1)[:, hop : hop + samples]
        return joined


def minimum_phase(log_magnitude: Tensor) -> Tensor:
    """Turn log-magnitudes into minimum-phase impulse responses, as `dsp.filters.MinimumPhase` does.

    Args:
        log_magnitude: natural log at multiples of 50 Hz up to Nyquist, float32, shape (..., hop + 1).

    Returns:
        Impulse responses of 20 ms, the last 5 ms faded out, shape (..., 2 * hop).
    """
    size = 2 * (log_magnitude.shape[-1] - 1)
    fold, fade = (torch.from_numpy(part).to(log_magnitude.device) for part in fold_and_fade(size))
    spectrum = rfft(torch.fft.irfft(log_magnitude, size) * fold, size)
    # exp of the real and imaginary part apart: three times as fast as the complex exp.
    angle = spectrum.imag
    spectrum = torch.exp(spectrum.real) * (torch.cos(angle) + 1j * torch.sin(angle))
    response: Tensor = torch.fft.irfft(spectrum, size) * fade
    return response
