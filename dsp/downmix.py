"""Stereo to mono without cancellation: the mean of channels that agree, else the louder one of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from dsp.units import HOPS_PER_SECOND

Float32 = NDArray[np.float32]
Weights = tuple[float, float]
Energies = tuple[float, float, float]
"""Of the left and the right channel, and the sum of their product."""

SMOOTHING = 0.7
"""Share of the energies that stays from hop to hop: a time constant of 28 ms."""
MIN_KEPT, ENOUGH_KEPT = 0.6, 0.7
"""Share of the channels' power that their mean keeps: below the first one channel is taken, above the second
the mean again."""
MIN_ALIGNED, ENOUGH_ALIGNED = 0.7, 0.85
"""Their correlation over the largest at any lag, likewise."""
SURELY_ALIGNED = 0.9
"""Share of the power above which no lag needs to be looked at."""
LAGS = 10
"""The longest lag is this part of a hop, 1 ms; a longer one leaves the mean too little of the power."""
LOUDER = 2.0
"""Power ratio, 3 dB, by which the other channel must be louder to be taken instead."""
SILENCE = 1e-12
"""Mean square of a hop, -120 dB re full scale, up to which nothing is decided."""
NOTHING = np.float32(1e-30)
MEAN: Weights = (0.5, 0.5)
LEFT: Weights = (1.0, 0.0)
RIGHT: Weights = (0.0, 1.0)


class Downmix:
    """Mix mono or stereo down, hop by hop.

    The mean of two channels is the best mono of a voice in the middle. But it is silent where one channel is
    the inverse of the other, a comb where one is late, and soft where they differ; there the louder channel
    is taken. The result is as loud as the two channels on average, so one voice in both at the same level
    keeps it. Mono, and two equal channels, come out as they are, to the bit.

    Agreement is a matter of the samples and of their first differences, for a comb filter spares the strong
    low harmonics and takes the consonants; reverberation and music that differ in the channels are no comb,
    for they have no lag at which they agree better. Weights glide over one hop, and never through a sum that
    cancels.

    Args:
        hop: samples from decision to decision.
    """

    def __init__(self, hop: int) -> None:
        self._hop = hop
        self._lag = hop // LAGS
        self._rise = (np.arange(hop) / hop).astype(np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget all audio."""
        self._last = np.zeros((2, 1), np.float32)
        self._heard: list[Energies] = []  # of the samples and of their first difference
        self._lags = np.zeros(2 * self._lag + 1, np.float32)
        self._choice = self._weights = MEAN
        self._sign = 1.0

    def process(self, x: Float32) -> Float32:
        """Return the mono of the next hops, shape (n,), float32.

        Args:
            x: one or two channels, shape (channels, n), float32, finite, whole hops.
        """
        if x.shape[0] == 1:
            mono: Float32 = x[0]
            return mono
        steps = np.diff(x, axis=1, prepend=self._last)
        self._last = x[:, -1:].copy()
        mono = np.empty(x.shape[1], np.float32)
        for index, heard in enumerate(zip(self._energies(x), self._energies(steps), strict=True)):
            before = self._weights
            span = slice(index * self._hop, (index + 1) * self._hop)
            if min(left + right for left, right, _ in heard) > SILENCE * self._hop:
                before = self._decide(heard, steps[:, span])
            mono[span] = self._weighted(x[:, span], before)
        return mono

    def _energies(self, x: Float32) -> Iterable[Energies]:
        """Return the energies of the channels and their product, of each hop."""
        left, right = x.reshape(2, -1, self._hop)
        pairs = (left, left), (right, right), (left, right)
        return zip(*(np.vecdot(a, b).tolist() for a, b in pairs), strict=True)

    def _decide(self, heard: Sequence[Energies], steps: Float32) -> Weights:
        """Take a hop's energies, plain and differenced, and its differences; return its first weights."""
        first, before = not self._heard, self._weights
        self._heard = [_smoothed(*each) for each in zip(self._heard or heard, heard, strict=True)]
        left, right, product = self._heard[0]
        kept = [_mean_power(*each) / _level(*each[:2]) ** 2 for each in self._heard]
        choice = self._chosen(min(kept), self._aligned(kept[1], steps), left, right)
        if choice != self._choice and MEAN not in (choice, self._choice) and product < 0.0:
            self._sign = -self._sign  # on the way from one channel to the other their sum must not cancel
        self._choice = choice
        power = {MEAN: _mean_power(left, right, product), LEFT: left, RIGHT: right}[choice]
        gain = self._sign * _level(left, right) / sqrt(power)
        self._weights = gain * choice[0], gain * choice[1]
        return self._weights if first else before

    def _aligned(self, kept: float, steps: Float32) -> float:
        """Return the correlation of the channels over the largest at any lag, up to 1."""
        lags, lag = self._lags, self._lag
        if kept > SURELY_ALIGNED:
            lags[:] = 0.0
            return 1.0
        now = np.correlate(steps[0], steps[1, lag:-lag], "valid")
        lags += np.float32(1.0 - SMOOTHING) * (now - lags)
        return float(lags[lag] / (np.abs(lags).max() + NOTHING))

    def _chosen(self, kept: float, aligned: float, left: float, right: float) -> Weights:
        """Return what to take where the mean keeps this share of the channels' power."""
        now = self._choice
        mean = now == MEAN
        if kept > (MIN_KEPT if mean else ENOUGH_KEPT) and aligned > (MIN_ALIGNED if mean else ENOUGH_ALIGNED):
            return MEAN
        if now == LEFT or (mean and left >= right):
            return RIGHT if right > LOUDER * left else LEFT
        return LEFT if left > LOUDER * right else RIGHT

    def _weighted(self, x: Float32, before: Weights) -> Float32:
        """Return a hop whose weights glide from those before to the new ones."""
        after = self._weights
        if before == after == MEAN:
            return np.asarray(np.float32(0.5) * (x[0] + x[1]))
        left, right = (
            np.float32(a) + np.float32(b - a) * self._rise for a, b in zip(before, after, strict=True)
        )
        return np.asarray(left * x[0] + right * x[1])


def _smoothed(before: Energies, now: Energies) -> Energies:
    left, right, product = (new + SMOOTHING * (old - new) for old, new in zip(before, now, strict=True))
    return left, right, product


def _mean_power(left: float, right: float, product: float) -> float:
    return 0.25 * max(0.0, left + right + 2.0 * product)


def _level(left: float, right: float) -> float:
    return 0.5 * (sqrt(left) + sqrt(right))


def mono_of(audio: Float32, sample_rate: int) -> Float32:
    """Mix a whole recording of one or two channels, (channels, samples), down as `Downmix` does, (samples,).

    Args:
        audio: float32, finite.
        sample_rate: hertz, any from 100.
    """
    hop = sample_rate // HOPS_PER_SECOND
    whole = np.pad(audio, ((0, 0), (0, -audio.shape[1] % hop)))
    return Downmix(hop).process(whole)[: audio.shape[1]]
