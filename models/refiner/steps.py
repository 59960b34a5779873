"""How many denoising steps a refiner takes of those that were asked for."""

from __future__ import annotations

from collections.abc import Collection


def steps_for(asked: int, available: Collection[int]) -> int:
    """Return how many steps a refiner takes.

    Args:
        asked: 0 for none.
        available: those that it can take; empty for a singer without a refiner.

    Returns:
        The most that are available and not more than asked, else the fewest; 0 stays 0.
    """
    if asked <= 0 or not available:
        return 0
    return max((steps for steps in available if steps <= asked), default=min(available))
