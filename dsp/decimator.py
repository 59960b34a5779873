"""Streaming decimation to 12-16 kHz with a low-pass at 4 kHz and a high-pass at 45 Hz, for pitch analysis."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.units import hop_size

LOWPASS_HZ = 4000.0
HIGHPASS_HZ = 45.0
FIR_DELAY_S = 0.001

_FACTOR = {16000: 1, 24000: 2, 32000: 2, 44100: 3, 48000: 3, 88200: 6, 96000: 6}
# Quality factors of the two sections of a fourth-order Butterworth filter.
_SECTION_Q = (0.54119610, 1.30656296)


class Decimator:
    """Turn hops at the session's rate into hops at `rate`.

    Args:
        sample_rate: one of `dsp.units.RATES`, in hertz.

    Raises:
        ValueError: the rate is not native.
    """

    def __init__(self, sample_rate: int) -> None:
        hop = hop_size(sample_rate)
        factor = _FACTOR[sample_rate]
        self.rate = sample_rate // factor
        """Output rate in hertz."""
        self.hop = hop // factor
        """Output samples per call."""
        half = round(FIR_DELAY_S * sample_rate / factor) * factor
        self.delay = half // factor
        """Group delay of the low-pass in output samples."""
        n = np.arange(-half, half + 1)
        taps = np.sinc(2.0 * LOWPASS_HZ / sample_rate * n) * np.kaiser(2 * half + 1, 5.0)
        self._taps = (taps / taps.sum()).astype(np.float32)
        self._memory = np.zeros(2 * half + hop, np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(self._memory, 2 * half + 1)
        # Output i sits under the centre of window i * factor.
        self._windows = windows[::factor]
        self._hop_in = hop
        self._sections = [_Biquad(self.rate, self.hop, q) for q in _SECTION_Q]

    def reset(self) -> None:
        """Forget all past samples."""
        self._memory[:] = 0.0
        for section in self._sections:
            section.reset()

    def process(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take one hop of shape (hop,), float32, and return shape (`hop`,) at `rate`, delayed by `delay` samples."""
        memory = self._memory
        memory[: -self._hop_in] = memory[self._hop_in :].copy()
        memory[-self._hop_in :] = x
        y = self._windows @ self._taps
        for section in self._sections:
            y = section.process(y)
        return y


class _Biquad:
    """A second-order high-pass run one hop at a time as a matrix product (block state-space form)."""

    def __init__(self, rate: int, hop: int, q: float) -> None:
        w = np.pi * HIGHPASS_HZ / rate
        k = np.tan(w)
        norm = 1.0 / (1.0 + k / q + k * k)
        b = np.array([norm, -2.0 * norm, norm])
        a1, a2 = 2.0 * (k * k - 1.0) * norm, (1.0 - k / q + k * k) * norm
        # Transposed direct form II: y = b0 x + s0; s0' = b1 x - a1 y + s1; s1' = b2 x - a2 y.
        step = np.array([[-a1, 1.0], [-a2, 0.0]])
        drive = np.array([b[1] - a1 * b[0], b[2] - a2 * b[0]])
        powers = [np.eye(2)]
        for _ in range(hop):
            powers.append(step @ powers[-1])
        impulse = np.array([b[0], *[(powers[i] @ drive)[0] for i in range(hop - 1)]])
        lag = np.subtract.outer(np.arange(hop), np.arange(hop))
        direct = np.where(lag >= 0, impulse[np.maximum(lag, 0)], 0.0)
        observe = np.array([powers[i][0] for i in range(hop)])
        inject = np.array([powers[hop - 1 - i] @ drive for i in range(hop)]).T
        top = np.hstack([direct, observe])
        bottom = np.hstack([inject, powers[hop]])
        self._matrix = np.vstack([top, bottom]).astype(np.float32)
        self._input = np.zeros(hop + 2, np.float32)
        self._hop = hop

    def reset(self) -> None:
        """Return to rest."""
        self._input[:] = 0.0

    def process(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Filter one hop."""
        self._input[: self._hop] = x
        result: NDArray[np.float32] = self._matrix @ self._input
        self._input[self._hop :] = result[self._hop :]
        return result[: self._hop]
