"""Bring audio of any rate to a native one and back, in streams of exact length (soxr, very high quality)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import soxr
from numpy.typing import NDArray

from dsp.units import RATES


def native_rate(sample_rate: int) -> int:
    """Return the native rate for a file: its own, else the next higher one, else the highest (hertz)."""
    return next((rate for rate in RATES if rate >= sample_rate), RATES[-1])


def resampled_length(frames: int, source_rate: int, target_rate: int) -> int:
    """Return how many samples cover `frames` samples of `source_rate` at `target_rate`, rounded up."""
    return -(-frames * target_rate // source_rate)


def resampled(
    chunks: Iterable[NDArray[np.float32]], channels: int, source_rate: int, target_rate: int, frames: int
) -> Iterator[NDArray[np.float32]]:
    """Resample a stream; equal rates pass it on untouched.

    The filter's delay is compensated by soxr, and how the input is cut does not change the output.

    Args:
        chunks: float32 arrays of shape (channels, n).
        channels: rows of each chunk.
        source_rate: hertz.
        target_rate: hertz.
        frames: samples to give out, exactly: the end is cut or filled with zeros.

    Yields:
        float32 arrays of shape (channels, n), `frames` samples in all.
    """
    left = frames
    for x in chunks if source_rate == target_rate else _converted(chunks, channels, source_rate, target_rate):
        y = x[:, :left]
        left -= y.shape[1]
        if y.shape[1]:
            yield y
        if not left:
            return
    yield np.zeros((channels, left), np.float32)


def _converted(
    chunks: Iterable[NDArray[np.float32]], channels: int, source_rate: int, target_rate: int
) -> Iterator[NDArray[np.float32]]:
    stream = soxr.ResampleStream(source_rate, target_rate, channels, dtype="float32", quality="VHQ")
    for x in chunks:
        yield np.ascontiguousarray(stream.resample_chunk(np.ascontiguousarray(x.T)).T)
    yield np.ascontiguousarray(stream.resample_chunk(np.zeros((0, channels), np.float32), last=True).T)
