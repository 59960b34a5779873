"""Resample streams of any rate to a native rate and back (soxr, very high quality)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import soxr
from numpy.typing import NDArray

from dsp.units import RATES


def native_rate(sample_rate: int) -> int:
    """Return the native rate for a file in hertz: its own, else the next higher, else the highest."""
    return next((rate for rate in RATES if rate >= sample_rate), RATES[-1])


def resampled(
    chunks: Iterable[NDArray[np.float32]], channels: int, source_rate: int, target_rate: int
) -> Iterator[NDArray[np.float32]]:
    """Resample a stream, which may be endless; equal rates pass it on untouched.

    The filter's delay is compensated by soxr, and how the input is cut does not change the output.

    Args:
        chunks: float32 arrays of shape (channels, n).
        channels: rows of each chunk.
        source_rate: hertz.
        target_rate: hertz.

    Yields:
        float32 arrays of shape (channels, n); n samples become n * target_rate / source_rate, rounded.
    """
    if source_rate == target_rate:
        yield from chunks
        return
    stream = soxr.ResampleStream(source_rate, target_rate, channels, dtype="float32", quality="VHQ")
    for x in chunks:
        yield np.ascontiguousarray(stream.resample_chunk(np.ascontiguousarray(x.T)).T)
    yield np.ascontiguousarray(stream.resample_chunk(np.zeros((0, channels), np.float32), last=True).T)
