"""Minimum-phase filters and their time-varying convolution against slow references."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.filters import (
    HARMONIC_GRID,
    NOISE_GRID,
    GridReader,
    MinimumPhase,
    TimeVaryingFilter,
    filter_bins,
    fold_and_fade,
    hertz_grid,
)
from dsp.units import RATES, hop_size

Float32 = NDArray[np.float32]


def formants(bins: NDArray[np.float64], centres: tuple[float, ...], width: float = 120.0) -> Float32:
    peaks = [3.0 / (1.0 + ((bins - centre) / width) ** 2) for centre in centres]
    return np.asarray(np.sum(peaks, axis=0) - bins / 6000.0, np.float32)


def minimum_phase(levels: Float32) -> Float32:
    return responded(levels)[0]


def responded(levels: Float32) -> tuple[Float32, NDArray[np.complex64]]:
    """Return responses and the logarithms of their spectra."""
    rows = np.atleast_2d(levels)
    out = np.empty((1, rows.shape[0], 2 * rows.shape[1] - 2), np.float32)
    logarithm = np.empty((1, *rows.shape), np.complex64)
    MinimumPhase(rows.shape[1] - 1, rows.shape[0]).respond(rows[None], out, logarithm)
    return out.reshape(*levels.shape[:-1], -1), logarithm.reshape(levels.shape)


@pytest.mark.parametrize("grid", [HARMONIC_GRID, NOISE_GRID, hertz_grid(25.0)])
def test_grids_rise_from_zero_to_the_top(grid: NDArray[np.float64]) -> None:
    assert grid[0] == 0.0
    assert abs(grid[-1] - 24000.0) < 1e-6
    assert np.all(np.diff(grid) > 0.0)


@pytest.mark.parametrize("sample_rate", RATES)
def test_response_has_the_magnitudes_asked_for(sample_rate: int) -> None:
    bins = filter_bins(sample_rate)
    wanted = formants(bins, (500.0, 1500.0, 2500.0), width=250.0)
    response = minimum_phase(wanted)
    got = np.log(np.abs(np.fft.rfft(response)))
    assert np.max(np.abs(got - wanted)) * 20 / np.log(10) < 0.5


@pytest.mark.parametrize("sample_rate", RATES)
def test_a_response_fades_over_its_last_5_ms(sample_rate: int) -> None:
    size = 2 * hop_size(sample_rate)
    begin = size - sample_rate // 200
    fold, fade = fold_and_fade(size)
    assert np.all(fade[:begin] == 1.0)
    assert np.all(np.diff(fade[begin - 1 :]) < 0.0)
    assert fade[begin:] + fade[: begin - 1 : -1] == pytest.approx(1.0, abs=1e-6)
    assert fold.sum() == size
    ringing = np.abs(minimum_phase(formants(filter_bins(sample_rate), (500.0,), width=5.0)))
    last = size // 32  # of the fade an eighth
    assert ringing[begin - last : begin].max() > 25.0 * ringing[-last:].max()


def test_response_is_minimum_phase() -> None:
    response = minimum_phase(formants(filter_bins(48000), (600.0, 1200.0)))
    mirrored = np.fft.fftshift(np.fft.irfft(np.abs(np.fft.rfft(response))))
    energy, worst = np.cumsum(response**2), np.cumsum(mirrored**2)
    assert np.all(energy[1:] >= worst[1:] - 1e-3)
    assert energy[96] > 10.0 * worst[96]


@pytest.mark.parametrize("sample_rate", RATES)
def test_phases_are_those_of_the_response(sample_rate: int) -> None:
    levels = formants(filter_bins(sample_rate), (500.0, 1500.0, 2500.0), width=250.0)
    response, logarithm = responded(levels)
    off = np.angle(np.fft.rfft(response) * np.exp(-1j * logarithm.imag))
    assert np.max(np.abs(off)) < 0.05
    assert np.max(np.abs(np.diff(logarithm.imag))) < 1.0
    assert np.max(np.abs(logarithm.real - levels)) < 1e-4


@pytest.mark.parametrize("sample_rate", RATES)
def test_reader_interpolates_every_grid(sample_rate: int) -> None:
    rng = np.random.default_rng(2)
    grids = (HARMONIC_GRID, NOISE_GRID)
    controls = [rng.standard_normal(grid.size).astype(np.float32) for grid in grids]
    levels = GridReader(sample_rate, grids).read(np.concatenate(controls)[None])[0]
    bins = filter_bins(sample_rate)
    for row, grid, control in zip(levels, grids, controls, strict=True):
        assert np.max(np.abs(row - np.interp(bins, grid, control))) < 1e-5


@pytest.mark.parametrize("sample_rate", [16000, 44100, 48000])
@pytest.mark.parametrize("cuts", [(), (1,), (77, 78, 150)])
def test_gliding_filter_equals_a_cross_fade_of_convolutions(sample_rate: int, cuts: tuple[int, ...]) -> None:
    hop = hop_size(sample_rate)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2, 4 * hop)).astype(np.float32)
    positions = [0, hop, *(hop + cut for cut in cuts), 2 * hop, 3 * hop, 4 * hop]
    bins = filter_bins(sample_rate)
    levels = [
        np.stack([formants(bins, (rng.uniform(300, 3000),)), formants(bins, (rng.uniform(300, 3000),))])
        for _ in positions
    ]
    expected = np.zeros(7 * hop)
    for k, (position, level) in enumerate(zip(positions, levels, strict=True)):
        before, after = positions[max(k - 1, 0)], positions[min(k + 1, len(positions) - 1)]
        n = np.arange(4 * hop)
        rising = np.clip((n - before) / max(position - before, 1), 0.0, 1.0) * (n < position) * (n >= before)
        falling = np.clip((after - n) / max(after - position, 1), 0.0, 1.0) * (n >= position) * (n < after)
        for source in range(2):
            wet = np.convolve(x[source] * (rising + falling), minimum_phase(level[source]))
            expected[: wet.size] += wet
    filters = TimeVaryingFilter(sample_rate, 2)
    responses, _ = filters.responses(np.stack(levels))
    out = []
    for start in range(0, 4 * hop, hop):
        inside = [k for k, p in enumerate(positions) if start <= p <= start + hop]
        knots = [positions[k] - start for k in inside]
        out.append(filters.process(x[:, start : start + hop], knots, responses[inside]))
    got = np.concatenate(out)
    assert np.max(np.abs(got - expected[: got.size])) < 1e-5 * np.max(np.abs(expected))
    silence = np.zeros((2, hop), np.float32)
    tail = np.concatenate([filters.process(silence, [0, hop], responses[[-1, -1]]) for _ in range(3)])
    assert np.max(np.abs(tail[:hop] - expected[4 * hop : 5 * hop])) < 1e-5 * np.max(np.abs(expected))
    assert np.max(np.abs(tail[filters.tail :])) == 0.0
