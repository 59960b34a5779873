"""Streaming decimation to 9.6 kHz, low-pass at 4 kHz and high-pass at 45 Hz, for pitch analysis."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dsp.sliding import SlidingWindows
from dsp.units import HOPS_PER_SECOND, MAX_HOPS, hop_size

LOWPASS_HZ = 4000.0
HIGHPASS_HZ = 45.0
FIR_DELAY_S = 0.001
KAISER_BETA = 5.0

RATE = 9600
"""Hertz, of what comes out."""
# Quality factors of the two sections of a fourth-order Butterworth filter.
_SECTION_Q = (0.54119610, 1.30656296)
STATES = 2 * len(_SECTION_Q)

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


class Decimator:
    """Turn hops at the session's rate into hops at `rate`.

    Args:
        sample_rate: one of `dsp.units.RATES`, in hertz.

    Raises:
        ValueError: the rate is not native.
    """

    def __init__(self, sample_rate: int) -> None:
        self._hop_in = hop_size(sample_rate)
        self.rate = RATE
        """Output rate in hertz."""
        self.hop = hop = RATE // HOPS_PER_SECOND
        """Output samples per hop."""
        self.delay = round(FIR_DELAY_S * self.rate)
        """Group delay of the low-pass in output samples."""
        # Several outputs share one longer window, so that the filter of a hop is one small matrix product. A
        # window moves by whole samples: 44.1 kHz take 32 outputs, between whose places lie 4.59 samples.
        groups = [size for size in range(1, hop + 1) if hop % size == 0 and self._hop_in * size % hop == 0]
        group = max((size for size in groups if size <= 10), default=groups[0])
        step = self._hop_in * group // hop
        half = self.delay * step / group
        margin = math.ceil(half)
        span = 2 * margin + step
        self._windows = SlidingWindows(span, step, MAX_HOPS * hop // group)
        away = np.arange(span)[:, None] - margin - np.arange(group) * step / group
        inside = np.sqrt(np.maximum(0.0, 1.0 - (away / half) ** 2))
        taps = (
            np.sinc(2.0 * LOWPASS_HZ / sample_rate * away)
            * np.i0(KAISER_BETA * inside)
            * (np.abs(away) <= half)
        )
        self._taps = (taps / taps.sum(axis=0)).astype(np.float32)
        self._highpass = _block_highpass(self.rate, hop).astype(np.float32)
        # Behind each other: the states of the high-pass and a low-passed hop, from which the matrix makes a
        # finished hop and the states that stand before the next one.
        pitch = -(-2 * (hop + STATES) // 16) * 16
        self._chain = np.zeros(MAX_HOPS * pitch + STATES, np.float32)
        starts = range(0, MAX_HOPS * pitch, pitch)
        low = self._chain[STATES:].reshape(MAX_HOPS, pitch)[:, :hop].reshape(MAX_HOPS, -1, group)
        self._high = self._chain[:-STATES].reshape(MAX_HOPS, pitch)[:, -hop:]
        self._spans = np.zeros((MAX_HOPS * hop // group, span), np.float32)
        self._steps = [
            (
                spans,
                filtered,
                self._chain[at : at + STATES + hop],
                self._chain[at + pitch - hop : at + pitch + STATES],
            )
            for spans, filtered, at in zip(np.split(self._spans, MAX_HOPS), low, starts, strict=True)
        ]

    def reset(self) -> None:
        """Forget all past samples."""
        self._windows.reset()
        self._chain[:] = 0.0

    def process(self, x: Float32) -> Float32:
        """Take hops, (n * hop,), float32, and return shape (n * `hop`,), float32, `delay` samples late."""
        most = MAX_HOPS * self._hop_in
        if x.size <= most:
            return self._filtered(x)
        return np.concatenate([self._filtered(x[start : start + most]) for start in range(0, x.size, most)])

    def _filtered(self, x: Float32) -> Float32:
        taps, highpass, count = self._taps, self._highpass, x.size // self._hop_in
        windows = self._windows.process(x)
        self._spans[: windows.shape[0]] = windows
        for spans, low, before, after in self._steps[:count]:
            spans.dot(taps, out=low)
            highpass.dot(before, out=after)
        self._chain[:STATES] = after[-STATES:]
        return self._high[:count].copy().reshape(-1)


def _block_highpass(rate: int, hop: int) -> Float64:
    """Return the matrix that maps (4 states, hop inputs) to (hop outputs, 4 new states) of the high-pass."""
    # Each section in transposed direct form II: y = b0 x + s0, s0' = b1 x - a1 y + s1, s1' = b2 x - a2 y.
    step, drive = np.zeros((4, 4)), np.zeros(4)
    observe, direct = np.zeros(4), 1.0
    tangent = np.tan(np.pi * HIGHPASS_HZ / rate)
    for section, q in enumerate(_SECTION_Q):
        b0 = 1.0 / (1.0 + tangent / q + tangent * tangent)
        a1, a2 = 2.0 * (tangent * tangent - 1.0) * b0, (1.0 - tangent / q + tangent * tangent) * b0
        at = slice(2 * section, 2 * section + 2)
        gain = np.array([-2.0 - a1, 1.0 - a2]) * b0
        # The section's input is `direct` times the block's input plus `observe` times the states before it.
        step[at] += np.outer(gain, observe)
        step[at, at] += np.array([[-a1, 1.0], [-a2, 0.0]])
        drive[at] = gain * direct
        observe, direct = b0 * observe, b0 * direct
        observe[2 * section] = 1.0
    powers = [np.eye(4)]
    for _ in range(hop):
        powers.append(step @ powers[-1])
    impulse = np.array([direct, *[observe @ powers[i] @ drive for i in range(hop - 1)]])
    lag = np.subtract.outer(np.arange(hop), np.arange(hop))
    convolve = np.where(lag >= 0, impulse[np.maximum(lag, 0)], 0.0)
    ring = np.array([observe @ powers[i] for i in range(hop)])
    inject = np.array([powers[hop - 1 - i] @ drive for i in range(hop)]).T
    # In this basis an error of a state is no larger in the output, so single precision will do.
    ring, basis = np.linalg.qr(ring)
    carry = basis @ powers[hop] @ np.linalg.inv(basis)
    return np.block([[ring, convolve], [carry, basis @ inject]])
