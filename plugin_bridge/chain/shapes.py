"""The audio that scripts hand in, as pedalboard takes it: checked once and brought to (channels, samples)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from plugin_bridge.control.parameters import as_float, is_number, is_whole

Float32 = NDArray[np.float32]
Audio = NDArray[np.float32] | NDArray[np.float64]


def as_channels(audio: object) -> Float32:
    """Return audio as float32, shape (channels, samples).

    Args:
        audio: float32 or float64, shape (samples,) or (channels, samples), 1 or 2 channels.

    Raises:
        TypeError: not a numpy array of floats.
        ValueError: another shape.
    """
    if not isinstance(audio, np.ndarray) or audio.dtype not in (np.float32, np.float64):
        kind = audio.dtype if isinstance(audio, np.ndarray) else type(audio).__name__
        raise TypeError(f"audio of {kind} cannot be processed; give a numpy array of float32")
    rows = audio[None, :] if audio.ndim == 1 else audio
    if rows.ndim != 2 or rows.shape[0] not in (1, 2):
        raise ValueError(f"audio of shape {audio.shape} does not fit; give (samples,) or (1 or 2, samples)")
    return np.ascontiguousarray(rows, np.float32)


def check_finite(audio: Float32) -> None:
    """Refuse audio with NaN or infinity.

    Raises:
        ValueError: there is one; the sentence says where.
    """
    finite = np.isfinite(audio)
    if not finite.all():
        channel, sample = np.argwhere(~finite)[0]
        raise ValueError(
            f"audio holds {audio[channel, sample]} at sample {sample} of channel {channel}; repair it first"
        )


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
