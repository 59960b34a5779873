"""Pull a stream through a processor: events in their blocks, latency taken off, and the ringing tail."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from plugin_bridge.control.events import AnyEvent

Float32 = NDArray[np.float32]

CHUNK = 16384
"""Samples in the pieces that are silent, or handed on whatever the processor's blocks."""
QUIET = 1e-5
"""An automatic tail ends where the sound stays below -100 dBFS ..."""
QUIET_SECONDS = 2.0
"""... for so long, ..."""
MAX_TAIL_SECONDS = 60.0
"""... or here."""


class Processor(Protocol):
    """What can be rendered: an `Engine`, alone or among effects."""

    @property
    def latency(self) -> int:
        """Samples from input to output."""

    @property
    def faults(self) -> int:
        """See `plugin_bridge.engine.engine.Engine.faults`."""

    @property
    def beyond(self) -> int:
        """See `plugin_bridge.engine.engine.Engine.beyond`."""

    @property
    def voiced(self) -> int:
        """See `plugin_bridge.engine.engine.Engine.voiced`."""

    def process(self, block: Float32, events: Iterable[AnyEvent] = ()) -> Float32:
        """Take a block of shape (channels, n) and return one of the same shape."""


def reblocked(chunks: Iterable[Float32], size: int) -> Iterator[Float32]:
    """Cut a stream of (channels, n) arrays into pieces of `size` samples; the last may be shorter."""
    parts: list[Float32] = []
    have = 0
    for chunk in chunks:
        start = 0
        while have + chunk.shape[1] - start >= size:
            stop = start + size - have
            parts.append(chunk[:, start:stop])
            yield parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
            parts, have, start = [], 0, stop
        if start < chunk.shape[1]:
            parts.append(chunk[:, start:])
            have += chunk.shape[1] - start
    if parts:
        yield np.concatenate(parts, axis=1)


def rendered(
    chunks: Iterable[Float32], channels: int, processor: Processor, events: Sequence[AnyEvent], block: int
) -> Iterator[Float32]:
    """Process a stream and go on with silence for ever; the caller stops.

    Args:
        chunks: the source, float32 (channels, n).
        channels: its rows.
        processor: a fresh or reset one.
        events: in order of position.
        block: samples the processor is given at a time, >= 1; the output does not depend on it.

    Yields:
        float32 (channels, n), beginning with the output sample that belongs to the first input sample.
    """
    latency = processor.latency
    pushed_out = itertools.chain(chunks, [np.zeros((channels, latency), np.float32)])
    blocks = itertools.chain(
        reblocked(pushed_out, block), _silence(channels, min(block, latency or block), block)
    )
    return dropped(_processed(blocks, processor, events), latency)


def _silence(channels: int, size: int, block: int) -> Iterator[Float32]:
    """Yield zeros for ever, at first few, as little more may be wanted."""
    while True:
        yield np.zeros((channels, size), np.float32)
        size = min(block, 2 * size)


def followed_by_silence(chunks: Iterable[Float32], channels: int) -> Iterator[Float32]:
    """Go on with zeros for ever."""
    return itertools.chain(chunks, itertools.repeat(np.zeros((channels, CHUNK), np.float32)))


def _processed(
    blocks: Iterable[Float32], processor: Processor, events: Sequence[AnyEvent]
) -> Iterator[Float32]:
    position = given = 0
    for x in blocks:
        position += x.shape[1]
        first = given
        while given < len(events) and events[given].position < position:
            given += 1
        yield processor.process(np.ascontiguousarray(x), events[first:given])


def dropped(chunks: Iterable[Float32], frames: int) -> Iterator[Float32]:
    """Leave out the first `frames` samples of a stream."""
    left = frames
    for x in chunks:
        if left < x.shape[1]:
            yield x[:, left:]
        left = max(0, left - x.shape[1])


def taken(chunks: Iterable[Float32], frames: int) -> Iterator[Float32]:
    """Yield the first `frames` samples of a stream that is longer."""
    left = frames
    for x in chunks:
        if left <= x.shape[1]:
            yield x[:, :left]
            return
        left -= x.shape[1]
        yield x


def until_quiet(chunks: Iterable[Float32], frames: int, sample_rate: int) -> Iterator[Float32]:
    """Yield `frames` samples of an endless stream, and after them what still sounds.

    Args:
        chunks: float32 (channels, n); the end found does not depend on how the stream is cut.
        frames: samples that are wanted in any case.
        sample_rate: hertz.
    """
    patience = round(QUIET_SECONDS * sample_rate)
    last = frames + round(MAX_TAIL_SECONDS * sample_rate)
    held: list[Float32] = []
    position, end = 0, frames  # `end`: one past the newest sample that has to be kept
    for x in chunks:
        loud = position + np.flatnonzero(np.abs(x).max(axis=0) >= QUIET)
        end, over = _kept(loud[(loud >= frames) & (loud < last)], end, patience)
        position += x.shape[1]
        held.append(x)
        if end >= position:
            yield from held
            held = []
        elif over or position - end > patience or position >= last:
            yield from taken(held, end - (position - sum(part.shape[1] for part in held)))
            return


def _kept(loud: NDArray[np.intp], end: int, patience: int) -> tuple[int, bool]:
    """Return the new end, and whether a long silence was found within these loud samples."""
    if not loud.size:
        return end, False
    gaps = np.flatnonzero(np.diff(loud, prepend=end - 1) > patience + 1)
    if gaps.size:
        return (int(loud[gaps[0] - 1]) + 1 if gaps[0] else end), True
    return int(loud[-1]) + 1, False
