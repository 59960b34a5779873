"""Times of blocks out of the counts that an audio process keeps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from plugin_bridge.live.link import BIN_SECONDS


def quantiles(counts: NDArray[np.float64]) -> dict[str, float]:
    """Return times of blocks in milliseconds, from counts in bins; each is the upper edge of its bin."""
    below = np.cumsum(counts) / max(1.0, counts.sum())
    edges = 1000.0 * BIN_SECONDS * np.arange(1, counts.size + 1)
    named = {"median_ms": 0.5, "p99_ms": 0.99, "p999_ms": 0.999, "p9999_ms": 0.9999, "worst_ms": 1.0}
    found = {name: float(edges[int(np.argmax(below >= part - 1e-12))]) for name, part in named.items()}
    return {"count": float(counts.sum()), **found}
