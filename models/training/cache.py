"""Cache what is computed from a file, under a key of its content and the method."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.wholefile import whole

Arrays = dict[str, NDArray[Any]]

DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, LookupError, RuntimeError, ValueError)
"""What a file raises that was cut short, overwritten or is another one."""


def digest(way: str, path: Path) -> str:
    """Return the name of what is made of a file; `way` tells how, its version included."""
    return hashlib.sha256(way.encode() + path.read_bytes()).hexdigest()[:24]


def cached(stored: Path, make: Callable[[], Arrays]) -> Arrays:
    """Return the arrays of a .npz file, which are made first where it is missing or damaged.

    Processes may share a cache: each writes whole files under names of its own and then renames them.

    Raises:
        OutputError: the file cannot be written.
    """
    if stored.exists():
        try:
            return read_arrays(stored)
        except DAMAGE:  # made again
            pass
    arrays = make()
    with whole(stored) as partial, partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    return read_arrays(stored)


def read_arrays(stored: Path) -> Arrays:
    """Read all of every array of a .npz file, as only its end tells whether its checksum is right.

    Raises:
        OSError: the file cannot be read.
        Exception: one of `DAMAGE`; it is something else.
    """
    with zipfile.ZipFile(stored) as file:
        found = {name.removesuffix(".npy"): _array(file.read(name)) for name in file.namelist()}
    if not found:
        raise ValueError("it holds no arrays")
    return found


def _array(data: bytes) -> NDArray[Any]:
    found: NDArray[Any] = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    return found
