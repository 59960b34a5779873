"""Harmonic sources under one wrapped float64 phase: a band-limited sawtooth and a bank of sinusoids."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.units import hop_size

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

HALF_WIDTH = 24
"""Samples of band-limited step on either side of a jump; the sawtooth lags its phase by as many."""
_OVERSAMPLING = 256
_KAISER_BETA = 8.0  # 80 dB; half transition band 0.052 of the rate
_CUTOFF = 0.468  # of the rate: stop band from 0.52, so images fold only into the top 2 %


class Phase:
    """A running phase in cycles, float64, wrapped to [0, 1): it never drifts and never resets at a switch.

    Args:
        sample_rate: hertz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = float(sample_rate)
        self._hop = hop_size(sample_rate)
        self._last = 0.0

    def process(self, f0: Float64) -> Float64:
        """Advance by f0 in hertz, shape (n,); return the phase at each sample, shape (n,)."""
        return self.advance(f0)[0]

    def advance(self, f0: Float64) -> tuple[Float64, NDArray[np.intp]]:
        """Advance as `process` does; return the phase and the samples in which a cycle begins."""
        cycles = f0 / self._rate
        for start in range(0, cycles.size, self._hop):  # so that the bits do not depend on how many hops come
            part = cycles[start : start + self._hop]
            part[0] += self._last
            np.add.accumulate(part, out=part)
            self._last = part.item(-1) % 1.0
        whole = np.floor(cycles)
        cycles -= whole
        before = np.empty_like(whole)
        before[1:] = whole[:-1]
        before[:: self._hop] = 0.0
        return cycles, (whole > before).nonzero()[0]

    def reset(self, phase: float = 0.0) -> None:
        """Start again from a phase in cycles, 0..1."""
        self._last = phase


def _jump_residual() -> tuple[Float32, Float32]:
    """Band-limited jump from 1 to -1 minus the ideal one, and its change to the next row.

    Both have the shape (oversampling + 1, 2 * half width). Row r, column c: the residual at
    c - HALF_WIDTH + r / oversampling samples after the jump.
    """
    count = 2 * HALF_WIDTH * _OVERSAMPLING
    t = (np.arange(count + 1) - count / 2) / _OVERSAMPLING
    impulse = 2.0 * _CUTOFF * np.sinc(2.0 * _CUTOFF * t) * np.kaiser(count + 1, _KAISER_BETA)
    step = np.concatenate([[0.0], np.cumsum(0.5 * (impulse[1:] + impulse[:-1]))])
    residual = step / step[-1] - (t >= 0.0)
    rows = np.arange(_OVERSAMPLING + 1)[:, None] + _OVERSAMPLING * np.arange(2 * HALF_WIDTH)[None, :]
    table = residual[rows]
    # At t = 0 exactly the row for fraction 0 is "after" and that for fraction 1 ends just "before" the jump.
    table[_OVERSAMPLING, HALF_WIDTH - 1] += 1.0
    table *= -2.0
    return table.astype(np.float32), np.diff(table, axis=0, append=table[-1:]).astype(np.float32)


_RESIDUAL, _RESIDUAL_STEP = _jump_residual()


class Sawtooth:
    """A falling-edge sawtooth in [-1, 1], band-limited by a windowed-sinc step at each jump.

    Harmonic k has amplitude 2 / (pi k). Images stay about 80 dB down up to 0.48 of the rate. (Brandt 2001,
    "Hard sync without aliasing".) The output lags the phase by `HALF_WIDTH` samples.

    Args:
        sample_rate: a native rate in hertz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._phase = Phase(sample_rate)
        self._rate = float(sample_rate)
        self.latency = 0
        self._corrections = np.zeros(2 * HALF_WIDTH, np.float32)
        self._naive = np.zeros(HALF_WIDTH, np.float32)

    def process(self, f0: Float64) -> Float32:
        """Render n samples at f0 in hertz, shape (n,), 0 < f0 < rate / 2; return shape (n,)."""
        n = f0.shape[0]
        phase, jumps = self._phase.advance(f0)
        corrections = np.zeros(n + 2 * HALF_WIDTH, np.float32)
        corrections[: 2 * HALF_WIDTH] = self._corrections
        if jumps.size:
            after = phase.take(jumps) / f0.take(jumps)
            after *= self._rate * _OVERSAMPLING
            row = after.astype(np.intp)
            after -= row
            residual = _RESIDUAL_STEP.take(row, 0)
            residual *= after.astype(np.float32)[:, None]
            residual += _RESIDUAL.take(row, 0)
            for jump, shape in zip(jumps.tolist(), residual, strict=True):
                corrections[jump : jump + 2 * HALF_WIDTH] += shape
        naive = np.empty(n + HALF_WIDTH, np.float32)
        naive[:HALF_WIDTH] = self._naive
        newest = np.subtract(phase, 0.5, out=naive[HALF_WIDTH:], casting="same_kind")
        newest *= 2.0
        self._corrections, self._naive = corrections[n:].copy(), naive[n:].copy()
        y = corrections[:n]
        y += naive[:n]
        return y

    def reset(self, phase: float = 0.0) -> None:
        """Start again from silence and a phase in cycles, 0..1."""
        self._phase.reset(phase)
        self._corrections[:] = 0.0
        self._naive[:] = 0.0


class HarmonicBank:
    """A sum of exact harmonics with complex amplitudes, faded out below Nyquist.

    Args:
        sample_rate: a native rate in hertz.
        harmonics: how many.
    """

    FADE = 0.05  # of Nyquist: the band in which a rising harmonic fades to nothing

    def __init__(self, sample_rate: int, harmonics: int) -> None:
        self._phase = Phase(sample_rate)
        self._nyquist = 0.5 * sample_rate
        self._harmonics = harmonics
        self.latency = 0
        self._waves = np.empty((harmonics, hop_size(sample_rate)), np.complex128)

    def process(self, f0: Float64) -> NDArray[np.complex128]:
        """Return exp(2 pi i k phase) for k = 1..harmonics, faded at Nyquist, shape (harmonics, n)."""
        n = f0.shape[0]
        waves = self._waves[:, :n]
        waves[0] = np.exp(2j * np.pi * self._phase.process(f0))
        done = 1
        while done < self._harmonics:
            more = min(done, self._harmonics - done)
            np.multiply(waves[:more], waves[done - 1], out=waves[done : done + more])
            done += more
        first = max(int((1.0 - self.FADE) * self._nyquist / float(f0.max())) - 1, 0)
        if first < self._harmonics:
            hz = np.arange(first + 1, self._harmonics + 1)[:, None] * f0
            waves[first:] *= np.clip((self._nyquist - hz) / (self.FADE * self._nyquist), 0.0, 1.0)
        return waves

    def reset(self) -> None:
        """Start again from phase 0."""
        self._phase.reset()
