"""The audio that scripts pass in, in pedalboard's shapes: checked once and brought to (channels, samples)."""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from models.samples import sample_fault
from plugin_bridge.control.parameters import as_float, is_number, is_whole

Float32 = NDArray[np.float32]
Audio = NDArray[np.float32] | NDArray[np.float64]


class Layout(Enum):
    """What the axes of an array of audio are."""

    SAMPLES = "(samples,)"
    CHANNELS_FIRST = "(channels, samples)"
    SAMPLES_FIRST = "(samples, channels)"

    def rows(self, audio: Audio) -> Float32:
        """Return audio of this layout as float32, shape (channels, samples)."""
        if self is Layout.SAMPLES:
            audio = audio[None, :]
        elif self is Layout.SAMPLES_FIRST:
            audio = audio.T
        with np.errstate(over="ignore"):  # what is beyond float32 is refused with the rest that is not audio
            return np.ascontiguousarray(audio, np.float32)

    def restored(self, rows: Float32) -> Float32:
        """Return audio of shape (channels, samples) in this layout."""
        if self is Layout.SAMPLES:
            return np.asarray(rows[0])
        return np.ascontiguousarray(rows.T) if self is Layout.SAMPLES_FIRST else rows


def layout_of(audio: object, running: Layout | None = None, *, streamed: bool = False) -> Layout:
    """Return the layout of audio, as pedalboard tells it: the channels are the short axis.

    Args:
        audio: float32 or float64, shape (samples,), (channels, samples) or (samples, channels), 1 or 2
            channels.
        running: that of the blocks before in a stream, which all others must have.
        streamed: whether this is a block of a stream: one of two samples or fewer then has the layout of the
            blocks before, and (channels, samples) where it is the first.

    Raises:
        TypeError: not a numpy array of floats.
        ValueError: another shape, another layout than the blocks before, or a shape that can be read both
            ways.
    """
    if not isinstance(audio, np.ndarray) or audio.dtype not in (np.float32, np.float64):
        kind = audio.dtype if isinstance(audio, np.ndarray) else type(audio).__name__
        raise TypeError(
            f"audio of {kind} cannot be processed; give a numpy array of float32, with samples in -1..1"
        )
    if audio.ndim == 1:
        return Layout.SAMPLES
    found = _possible(audio.shape)
    if not found:
        raise ValueError(
            f"audio of shape {audio.shape} does not fit; give (samples,), (1 or 2, samples) or "
            "(samples, 1 or 2)"
        )
    if running in found:
        return running
    if running in (Layout.CHANNELS_FIRST, Layout.SAMPLES_FIRST):
        raise ValueError(
            f"audio of shape {audio.shape} is {found[0].value} and the blocks before were {running.value}; "
            "call reset() before it changes"
        )
    if len(found) > 1 and audio.shape != (1, 1) and not streamed:
        raise ValueError(
            f"audio of shape {audio.shape} can be read as {found[0].value} and as {found[1].value}; "
            "give more samples"
        )
    return found[0]


def _possible(shape: tuple[int, ...]) -> list[Layout]:
    if len(shape) != 2:
        return []
    axes = {Layout.CHANNELS_FIRST: shape[0], Layout.SAMPLES_FIRST: shape[1]}
    return [layout for layout, channels in axes.items() if channels in (1, 2)]


def check_samples(rows: Float32, sample_rate: int, position: int = 0, *, streamed: bool = False) -> None:
    """Refuse audio that is not finite, or scaled as whole numbers.

    Args:
        rows: shape (channels, samples).
        sample_rate: hertz.
        position: of the first sample in its stream.
        streamed: let NaN and infinity pass, for a stream goes on.

    Raises:
        ValueError: a sample is not usable; the sentence says where.
    """
    fault = sample_fault(rows, position, sample_rate)
    if fault and streamed:
        finite = np.where(np.isfinite(rows), rows, np.float32(0.0))
        fault = sample_fault(finite, position, sample_rate)
    if fault:
        raise ValueError(f"audio {fault}")


def check_rate(sample_rate: object) -> int:
    """Return a sample rate as a whole number.

    Raises:
        TypeError: not a number.
        ValueError: not whole, or below 1000 Hz.
    """
    if not is_number(sample_rate):
        raise TypeError(f"sample rate {sample_rate!r} is not a number; give hertz, such as 48000")
    hertz = as_float(sample_rate)
    if not hertz.is_integer() or hertz < 1000.0:
        raise ValueError(f"sample rate {sample_rate!r} is not usable; give whole hertz from 1000")
    return int(hertz)


def check_buffer(buffer_size: object) -> None:
    """Refuse a block size that is none.

    Raises:
        ValueError: not a whole number from 1.
    """
    if not is_whole(buffer_size) or int(buffer_size) < 1:
        raise ValueError(f"buffer size {buffer_size!r} is not a block; give a whole number of samples from 1")
