"""Where singers lie on the pad by what they sound like: the two widest directions of their vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RADIUS = 0.36
"""Of the pad's width, from its middle: as far as the ring reaches in which singers lie otherwise."""
APART = 0.16
"""The least between two, so that a finger finds the way from one to the other."""
_ROUNDS = 200

Float64 = NDArray[np.float64]


def places(vectors: Float64) -> Float64:
    """Return the places of singers.

    Args:
        vectors: of what they sound like, shape (singers, D), float64, at least one.

    Returns:
        x and y, 0 to 1, shape (singers, 2): the principal components, on one scale, the first singer in the
        left half. Singers of one sound lie side by side; one alone lies in the middle.
    """
    centred = vectors - vectors.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    flat = np.zeros((len(vectors), 2))
    flat[:, : min(2, sizes.size)] = (left * sizes)[:, :2]
    flat *= np.where(flat[0] > 0.0, -1.0, 1.0)  # the signs of components mean nothing
    widest = float(np.hypot(*flat.T).max())
    if widest > 1e-6:
        flat *= RADIUS / widest
    return np.asarray(0.5 + _apart(flat))


def _apart(flat: Float64) -> Float64:
    """Move those that lie on each other apart, within the ring."""
    count = len(flat)
    angles = np.pi + 2.0 * np.pi * np.arange(count) / count
    flat = flat + 1e-3 * np.stack([np.cos(angles), np.sin(angles)], axis=1) * (count > 1)
    for _ in range(_ROUNDS):
        away = flat[:, None] - flat[None]
        distance = np.hypot(away[..., 0], away[..., 1])
        np.fill_diagonal(distance, np.inf)
        lack = np.maximum(APART - distance, 0.0) / 2.0
        if not lack.any():
            break
        flat += (away / distance[..., None] * lack[..., None]).sum(axis=1)
        flat /= np.maximum(np.hypot(*flat.T) / RADIUS, 1.0)[:, None]
    return flat
