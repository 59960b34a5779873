"""Loudness and true peak of a stream: ITU-R BS.1770-5 and EBU R 128, in a pass of constant memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from dsp.fourier import RealTransform
from dsp.units import gain_to_db

Float64 = NDArray[np.float64]

_OFFSET = -0.691
"""LUFS of full-scale mean square after the weighting, so that a tone of 997 Hz has its level in dB."""
_FLOOR = -70.0
"""LUFS of the absolute gate."""
_STEPS_PER_SECOND = 10
_MOMENTARY, _SHORT_TERM = 4, 30
"""Steps of 100 ms in a window of 400 ms and of 3 s."""
_OVERSAMPLED = 192000
"""Hertz, at least, at which a true peak is sought; no file is oversampled by more than 4."""


class Loudness(NamedTuple):
    """What a meter shows; None where the sound is silent, or too short for the window."""

    integrated: float | None
    """LUFS of the whole, gated at -70 LUFS and 10 LU below its mean."""
    range: float | None
    """LU between the 10th and the 95th percentile of the short-term loudness (EBU Tech 3342)."""
    momentary: float | None
    """LUFS, the most within 400 ms."""
    short_term: float | None
    """LUFS, the most within 3 s."""
    true_peak: float | None
    """dBTP."""


class LoudnessMeter:
    """Measures the loudness of one file, given in chunks.

    A library was sought: pyloudnorm needs scipy (100 MB) and the whole file at once, the bindings of
    libebur128 have no wheels for recent versions of Python.

    Args:
        sample_rate: hertz, 8000 or more.
        channels: 1 or 2; both count alike.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._step = round(sample_rate / _STEPS_PER_SECOND)
        self._size = (
            4 * self._step
        )  # a step that was heard before, whose tail still sounds, and three new ones
        self._transform = RealTransform(self._size, channels)
        self._filled = self._step
        self._weights = _weights(sample_rate, self._size)
        self._powers = array("d")
        self._peak = 0.0
        factor = min(4, -(-_OVERSAMPLED // sample_rate))
        self._finer: soxr.ResampleStream | None = None
        if factor > 1:
            rates = (sample_rate, factor * sample_rate)
            self._finer = soxr.ResampleStream(*rates, channels, dtype="float32", quality="HQ")

    def process(self, x: NDArray[np.float32]) -> None:
        """Hear the next samples, shape (channels, n), full scale -1..1; the cuts do not matter."""
        self._seek_peak(x, last=False)
        at = 0
        while at < x.shape[1]:
            part = x[:, at : at + self._size - self._filled]
            self._transform.signal[:, self._filled : self._filled + part.shape[1]] = part
            self._filled += part.shape[1]
            at += part.shape[1]
            if self._filled == self._size:
                self._weigh(3)

    def finish(self) -> None:
        """Hear what the filters still hold, once, at the end; a step that is not whole is left out."""
        self._seek_peak(self._transform.signal[:, :0], last=True)
        self._transform.signal[:, self._filled :] = 0.0
        self._weigh(self._filled // self._step - 1)

    def shown(self, gain: float = 1.0) -> Loudness:
        """Return what the whole steps so far have, as if amplified by a factor >= 0."""
        powers = np.frombuffer(self._powers) * gain**2
        momentary, short_term = _averaged(powers, _MOMENTARY), _averaged(powers, _SHORT_TERM)
        return Loudness(
            integrated=_level(_mean(_gated(momentary, 10.0))),
            range=_range(_gated(short_term, 20.0)),
            momentary=_level(momentary.max(initial=0.0)),
            short_term=_level(short_term.max(initial=0.0)),
            true_peak=gain_to_db(self._peak * gain) if self._peak * gain else None,
        )

    def _weigh(self, steps: int) -> None:
        y = self._transform.signal
        heard = y[:, -self._step :].copy()
        self._transform.forward()
        self._transform.spectrum *= self._weights
        self._transform.inverse()
        for start in range(self._step, self._step * (steps + 1), self._step):
            part = y[:, start : start + self._step]
            self._powers.append(float(np.square(part).mean(axis=1, dtype=np.float64).sum()))
        y[:, : self._step] = heard
        self._filled = self._step

    def _seek_peak(self, x: NDArray[np.float32], *, last: bool) -> None:
        self._peak = max(self._peak, float(np.abs(x).max(initial=0.0)))
        if self._finer is not None:
            y = self._finer.resample_chunk(np.ascontiguousarray(x.T), last=last)
            self._peak = max(self._peak, float(np.abs(y).max(initial=0.0)))


def metered(chunks: Iterable[NDArray[np.float32]], meter: LoudnessMeter) -> Iterator[NDArray[np.float32]]:
    """Let a meter hear a stream of (channels, n) arrays that passes by, and finish at its end."""
    for x in chunks:
        meter.process(x)
        yield x
    meter.finish()


@lru_cache(maxsize=4)
def _weights(sample_rate: int, size: int) -> NDArray[np.complex64]:
    """Return what a spectrum of so many samples is multiplied by, for a transform that does not divide."""
    return _k_weights(np.linspace(0.0, sample_rate / 2, size // 2 + 1)) / np.float32(size)


def _k_weights(frequencies: NDArray[np.floating]) -> NDArray[np.complex64]:
    """Return the response of the K-weighting at frequencies in hertz.

    BS.1770 gives coefficients for 48 kHz and asks for their response at other rates. These prototypes and the
    bilinear transform yield them, with the 0.04 dB by which the high-pass is too loud. Source: B. De Man,
    "Evaluation of implementations of the EBU R128 loudness measurement", AES 145, 2018.
    """

    def warped(hz: NDArray[np.floating] | float) -> Float64:
        return np.asarray(np.tan(np.pi * np.minimum(hz, 23990.0) / 48000.0))  # infinite at 24 kHz

    k, q = warped(38.13547087602444), 0.5003270373238773
    low = 1j * warped(frequencies) / k
    weights = low**2 / (low**2 + low / q + 1.0) * (1.0 + k / q + k**2)
    high, q = 1j * warped(frequencies) / warped(1681.974450955533), 0.7071752369554196
    gain = 10.0 ** (3.999843853973347 / 20.0)
    weights *= (gain * high**2 + gain**0.4996667741545416 / q * high + 1.0) / (high**2 + high / q + 1.0)
    return weights.astype(np.complex64)


def _averaged(powers: Float64, steps: int) -> Float64:
    """Means over so many steps, one for each step at which a whole window ends."""
    if len(powers) < steps:
        return np.zeros(0)
    sums = np.convolve(powers, np.ones(steps), "valid")
    means: Float64 = sums / steps
    return means


def _gated(powers: Float64, below: float) -> Float64:
    """Those over the absolute gate, and over one so many LU below the mean of these."""
    heard = powers[powers > 10.0 ** ((_FLOOR - _OFFSET) / 10.0)]
    kept: Float64 = heard[heard > _mean(heard) * 10.0 ** (-below / 10.0)]
    return kept


def _level(power: float) -> float | None:
    return _OFFSET + 10.0 * float(np.log10(power)) if power > 0.0 else None


def _mean(powers: Float64) -> float:
    return float(powers.mean()) if powers.size else 0.0


def _range(powers: Float64) -> float | None:
    if not powers.size:
        return None
    low, high = np.quantile(powers, (0.1, 0.95), method="nearest")
    return 10.0 * float(np.log10(high / low))
