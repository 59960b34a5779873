"""The bands that are refined: read from the finer grids of the controls, and written to them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.filters import hertz_grid

Float64 = NDArray[np.float64]

BANDS_HZ = hertz_grid(200.0)
"""Centres of the bands, shape (bands,): every second point of the noise filter's grid, or nearly."""
BANDS = int(BANDS_HZ.size)


def written(grid: Float64) -> Float64:
    """Return what writes bands to a grid by linear interpolation, shape (points, bands)."""
    return np.stack([np.interp(grid, BANDS_HZ, row) for row in np.eye(BANDS)], axis=1)


def read(grid: Float64) -> Float64:
    """Return what reads bands from a grid, each the mean of the points around it, shape (bands, points)."""
    near = written(grid)
    return np.asarray((near / near.sum(axis=0)).T)
