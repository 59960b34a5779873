"""The outputs of the extractor, and how audio of any length is processed window by window."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

RATE = 16000
"""Sample rate of HuBERT and WavLM, hertz."""
FRAME = 160
"""Samples of one of our frames, 10 ms."""
STEP = 320
"""Samples of one frame of the encoder, 20 ms."""
FEATURE = 256
WINDOW_FRAMES, CONTEXT_FRAMES = 1000, 100
"""10 s at a time with 1 s of context on either side: attention costs the square of the length."""


class Melody(NamedTuple):
    """The melody of a voice; frame j is centred at j * 10 ms."""

    features: Float32
    """The melody feature, (frames, 256)."""
    f0: Float32
    """Hertz, (frames,), finite and positive in unvoiced frames as well."""
    voicing: Float32
    """0 (unvoiced) to 1 (voiced), (frames,)."""
    energy: Float32
    """Loudness of the voice alone, A-weighted dB re full scale, (frames,)."""


def over_windows(run: Callable[[Float32], Melody], audio: Float32) -> Melody:
    """Extract the melody of audio of any length.

    Args:
        run: takes (samples,), a multiple of `STEP`, and returns samples / `FRAME` frames.
        audio: mono at `RATE`, (samples,), float32.

    Returns:
        One frame for every 10 ms that begins within the audio.
    """
    frames = -(-audio.size // FRAME)
    parts = [
        _window(run, audio, first, min(first + WINDOW_FRAMES, frames))
        for first in range(0, frames, WINDOW_FRAMES)
    ]
    if not parts:
        return Melody(np.zeros((0, FEATURE), np.float32), *(np.zeros(0, np.float32) for _ in range(3)))
    return Melody(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _window(run: Callable[[Float32], Melody], audio: Float32, first: int, stop: int) -> Melody:
    start = max(0, first - CONTEXT_FRAMES)
    heard = audio[start * FRAME : (stop + CONTEXT_FRAMES) * FRAME]
    kept = slice(first - start, stop - start)
    return Melody(*(part[kept] for part in run(np.pad(heard, (0, -heard.size % STEP)))))
