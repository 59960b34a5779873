"""The source's consonants: its own sound where it has no pitch, to the sample, two hops late."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.sliding import SlidingWindows
from dsp.units import MAX_HOPS, MIN_F0, hop_size

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

EDGE_HZ = 500.0
"""Half of the amplitude is let through there; below lie rumble and what is left of the voice."""
MAX_PERIODICITY, MIN_PERIODICITY = 0.45, 0.25
"""Likeness to the sound a period before, -1 to 1: from the first on nothing is let through, up to the second
all."""
SPREAD = 0.06
"""The period is looked for so far around the pitch, which is only held where it is not heard."""
LAGS = 24
"""Steps in that range, each half a percent of a period."""
RANGE_DB = 50.0
"""What is so far below the loudest has no pitch that could be heard beside it, ..."""
PEAK_FALL = 10.0 ** (-0.02 / 10.0)
"""... which is forgotten by 2 dB a second."""

_NOTHING = 1e-12
_HALF_AMPLITUDE = 0.443  # where a triangle of one second on each side of its middle lets half through, hertz


class Passed(NamedTuple):
    """What of the source may be heard."""

    sound: Float32
    """The source above `EDGE_HZ`, two hops late, shape (n * hop,), float32."""
    opened: list[float]
    """How much of it may be heard in each frame, 0 to 1."""


class Consonants:
    """Tell what of the source may be heard as it is: bursts, hiss and breath, but nothing sung.

    Controls 10 ms apart cannot make a burst, which rises within 1 ms. But a source that sings its own pitch
    beside a singer at another would be a second voice. So what the tracker takes for unvoiced is let through
    only where it is unlike itself a period before: tails of notes, reverberation and the beginnings of vowels
    stay out. Whispers are for the singer.

    Args:
        sample_rate: a native rate in hertz.
    """

    def __init__(self, sample_rate: int) -> None:
        self.hop = hop = hop_size(sample_rate)
        self.latency = 2 * hop
        self._rate = sample_rate
        self._width = round(_HALF_AMPLITUDE * sample_rate / EDGE_HZ)
        self._margin = self._width - 1
        self._source = SlidingWindows(2 * hop + self._margin, hop, MAX_HOPS)
        self._longest = int((1.0 + SPREAD) * sample_rate / MIN_F0) + 1
        self._high = SlidingWindows(2 * hop + self._longest, hop, MAX_HOPS)
        # The sums start after two zeros, since they are differenced twice.
        self._sums = np.zeros((MAX_HOPS, hop + 2 * self._width))
        self.reset()

    def reset(self) -> None:
        """Forget the source."""
        self._source.reset()
        self._high.reset()
        self._peak = 0.0

    def process(
        self, x: Float32, f0: Iterable[float], voicing: Iterable[float], whispers: Iterable[float]
    ) -> Passed:
        """Take the next hops.

        Args:
            x: mono audio, shape (n * hop,), float32, n from 1 to `MAX_HOPS`.
            f0: hertz, of the n frames on which the hops two before them end, as in `dsp.features.Features`.
            voicing: 0 to 1, of the same frames.
            whispers: how surely these are whispered, 0 to 1.
        """
        windows = self._high.process(self._highpassed(self._source.process(x)))
        around = windows[:, self._longest :]
        energies = np.vecdot(around, around).tolist()
        opened = []
        for window, energy, hertz, gate, sure in zip(windows, energies, f0, voicing, whispers, strict=True):
            self._peak = max(energy, self._peak * PEAK_FALL)
            share = (1.0 - gate) * (1.0 - sure)
            if share > 0.0:
                floor = self._peak * 10.0 ** (-RANGE_DB / 10.0) + _NOTHING
                excess = MAX_PERIODICITY - self._periodicity(window, energy + floor, hertz)
                share *= min(1.0, max(0.0, excess / (MAX_PERIODICITY - MIN_PERIODICITY)))
            opened.append(share)
        return Passed(around[:, : self.hop].reshape(-1), opened)

    def _highpassed(self, windows: Float32) -> Float32:
        """Return the middle hops of windows less their mean under a triangle, shape (n * hop,)."""
        hop, width, margin = self.hop, self._width, self._margin
        sums = self._sums[: windows.shape[0]]
        np.add.accumulate(windows[:, : hop + 2 * margin], axis=1, out=sums[:, 2:])
        np.add.accumulate(sums[:, 2:], axis=1, out=sums[:, 2:])
        low = sums[:, width:-width] * -2.0
        low += sums[:, : -2 * width]
        low += sums[:, 2 * width :]
        low *= -1.0 / width**2
        low += windows[:, margin : margin + hop]
        return low.astype(np.float32).reshape(-1)

    def _periodicity(self, window: Float32, energy: float, f0: float) -> float:
        """Return how like the last two hops are to what lay a period before, near 1 if they are sung."""
        period = self._rate / max(f0, MIN_F0)
        shortest, longest = int((1.0 - SPREAD) * period), int((1.0 + SPREAD) * period)
        step = max(1, (longest - shortest) // LAGS)
        count = (longest - shortest) // step + 1
        (stride,) = window.strides
        here = window[self._longest :]
        before = np.lib.stride_tricks.as_strided(
            window[self._longest - shortest :], (count, here.size), (-step * stride, stride), writeable=False
        )
        likeness = 2.0 * np.vecdot(before, here) / (np.vecdot(before, before) + np.float32(energy))
        return float(likeness.max())
