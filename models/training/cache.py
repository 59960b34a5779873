"""Keep what is made of a file, under a name that its content and the way of making give."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.wholefile import whole

Arrays = dict[str, NDArray[Any]]


def digest(way: str, path: Path) -> str:
    """Return the name of what is made of a file; `way` tells how, its version included."""
    return hashlib.sha256(way.encode() + path.read_bytes()).hexdigest()[:24]


def cached(stored: Path, make: Callable[[], Arrays]) -> Arrays:
    """Return the arrays of a .npz file, which are made first where it is missing."""
    if not stored.exists():
        arrays = make()
        with whole(stored) as partial, partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
    with np.load(stored) as data:
        return {name: data[name] for name in data.files}
