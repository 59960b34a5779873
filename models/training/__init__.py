"""From recordings to networks; with `models.differentiable` the only rooms that need torch."""
