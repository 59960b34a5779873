"""From recordings to networks; with `models.differentiable` the only rooms that need torch."""

from __future__ import annotations

import os

# torch's OpenMP reads this once, as torch is imported, and no training imports torch before this package.
# Otherwise its threads wait by spinning: beside a busy program a step takes three times as long or more.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
