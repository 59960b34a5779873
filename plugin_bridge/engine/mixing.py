"""The output stage: the source's pan, dry and wet, gain and bypass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.fifo import Delay
from dsp.smoothing import Ramps, Segments
from dsp.units import NEPER_PER_DB
from plugin_bridge.engine.parameterstate import ParameterState

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_PAN_SMOOTHING = 0.8  # per hop: a time constant of 45 ms
_PAN_FLOOR = 1e-12  # mean square below which the pan is held


class Panner:
    """Measure the pan of a stereo source, and pan the mono voice alike.

    The voice is as loud as the channels are on average (`dsp.downmix`), so a channel's gain is its share of
    the amplitudes' mean; equal channels have gain 1 exactly.

    Args:
        hop: samples over which the gains move once.
    """

    def __init__(self, hop: int) -> None:
        self._hop = hop
        self._rise = np.arange(hop) / hop
        self.reset()

    def reset(self) -> None:
        """Return to the centre."""
        self._energy = np.zeros(2)
        self._gains = np.ones(2)

    def process(self, x: Float32, voice: Float32) -> Float32:
        """Pan the voice.

        Args:
            x: the source, shape (2, n), whole hops, which may run ahead of the voice.
            voice: shape (n,), float32.

        Returns:
            Shape (2, n), float32.
        """
        panned = np.empty(x.shape, np.float32)
        for start in range(0, voice.size, self._hop):
            span = slice(start, start + self._hop)
            panned[:, span] = self._panned(x[:, span], voice[span])
        return panned

    def _panned(self, x: Float32, voice: Float32) -> Float32:
        power = np.square(x, dtype=np.float64).mean(axis=1)
        self._energy = _PAN_SMOOTHING * self._energy + (1.0 - _PAN_SMOOTHING) * power
        before = self._gains
        if self._energy.sum() > _PAN_FLOOR:
            level = np.sqrt(self._energy)
            self._gains = 2.0 * level / level.sum()
        if np.array_equal(before, self._gains):
            return self._gains.astype(np.float32)[:, None] * voice
        gains = before[:, None] + (self._gains - before)[:, None] * self._rise
        return gains.astype(np.float32) * voice


class Mixer:
    """Mix the voice with the source and set the level.

    Args:
        parameters: the parameters `mix`, `gain` and `bypass`.
        channels: 1 or 2.
        delay: samples by which the voice lags its source.
    """

    def __init__(self, parameters: ParameterState, channels: int, delay: int) -> None:
        self._ramps = Ramps(parameters.ramp(name) for name in ("mix", "gain", "bypass"))
        self._delay = Delay(channels, delay)

    def reset(self) -> None:
        """Forget all audio."""
        self._delay.reset()

    def levels(self, position: int, n: int) -> Segments:
        """Return mix, gain and bypass in samples [position, position + n), as `Ramps.segments`."""
        return self._ramps.segments(position, n)

    def process(self, source: Float32, voice: Float32, levels: Sequence[Segments]) -> Float32:
        """Return the output.

        Args:
            source: the newest input, shape (channels, n).
            voice: shape (channels, n), `delay` samples behind it.
            levels: from `levels`, of equal parts of the voice's samples.
        """
        dry = self._delay.process(source)
        if all(level is levels[0] for level in levels):
            return _mixed(dry, voice, levels[0])
        mixed, n = np.empty_like(dry), dry.shape[1] // len(levels)
        for index, level in enumerate(levels):
            span = slice(index * n, (index + 1) * n)
            mixed[:, span] = _mixed(dry[:, span], voice[:, span], level)
        return mixed


def _mixed(dry: Float32, voice: Float32, levels: Segments) -> Float32:
    out = voice
    mix, gain, bypass = levels
    if not isinstance(mix, float) or mix != 1.0:
        out = dry + _float32(mix) * (out - dry) if not isinstance(mix, float) or mix != 0.0 else dry
    if not isinstance(gain, float) or gain != 0.0:
        out = out * _float32(np.exp(NEPER_PER_DB * gain))  # a power takes five times as long
    if not isinstance(bypass, float):
        return out + _float32(bypass) * (dry - out)
    return dry if bypass == 1.0 else out


def _float32(value: float | Float64) -> Float32:
    return np.asarray(value, np.float32)
