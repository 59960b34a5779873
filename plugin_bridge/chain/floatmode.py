"""Keep the processor's floating-point mode: some plug-ins switch it in the thread that loads them."""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

# Larger than any fenv_t; glibc's has 32 bytes on x86-64, Apple's 16.
_ROOM = 256


@contextmanager
def kept_float_mode() -> Iterator[None]:
    """Restore the mode of this thread when the `with` block ends.

    A library linked with -ffast-math makes tiny numbers zero in the thread that loads it (x86: FTZ and DAZ),
    which would make the samples of a session depend on the plug-ins loaded in it.
    """
    maths = _maths()
    if maths is None:
        yield
        return
    mode = ctypes.create_string_buffer(_ROOM)
    maths.fegetenv(mode)
    try:
        yield
    finally:
        maths.fesetenv(mode)


@cache
def _maths() -> ctypes.CDLL | None:
    """Return the C library's floating-point environment, None where there is none of POSIX."""
    name = ctypes.util.find_library("m")
    if name is None:
        return None
    try:
        found = ctypes.CDLL(name)
    except OSError:
        return None
    return found if hasattr(found, "fegetenv") and hasattr(found, "fesetenv") else None
