"""The three interchangeable synthesizers of the SawSing paper (Wu et al. 2022): SawSing, DDSP-Add, DWTS."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from dsp.filters import HARMONIC_GRID, NOISE_GRID, Complex64, GridReader, TimeVaryingFilter
from dsp.noise import UniformNoise
from dsp.oscillator import HarmonicBank, Sawtooth
from dsp.phasecompensation import PhaseCompensator

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

Spectrum = TypeVar("Spectrum", Complex64, NDArray[np.complex128])

HARMONICS = 150
"""Harmonics of DDSP-Add and of a wavetable."""
TABLES = 20
"""Wavetables of DWTS."""
AUDIBLE_HARMONICS = 96
_NUMBERS = np.arange(1.0, AUDIBLE_HARMONICS + 1)
_SAW = (2.0 / np.square(np.pi * _NUMBERS)).astype(np.float32)
_LEAK = np.float32(0.06)  # -12 dB of each neighbour
_PLACES = np.arange(float(HARMONIC_GRID.size))


class Knot(NamedTuple):
    """The controls at one sample; between knots the sound glides."""

    position: int
    """Samples from the start of the call, 0 to n."""
    harmonic: Float32
    """Natural-log magnitudes of the harmonic part, shape (controls,)."""
    noise: Float32
    """Natural-log magnitudes of the noise on `NOISE_GRID`, shape (72,)."""
    share: float = 1.0
    """How far the sound has come from the previous knot towards these controls, 0 to 1.

    A knot in the middle of a glide that has the glide's final controls and the share covered so far does not
    alter the sound; from there the glide can take a new direction.
    """


class Synthesizer(Protocol):
    """What the engine needs of a synthesizer.

    `process` takes f0 in hertz, float64; gate (0 to 1, the harmonic part only) and gain (linear, all), each
    of shape (n,), whole hops; knots whose first is at 0 and last at n, with one after every hop; and hiss
    (0 to 1, the noise only), a number or of shape (n,). The first knot repeats the last one of the call
    before. It returns (n,) float32.
    """

    kind: str
    latency: int
    tail: int

    def process(
        self, f0: Float64, gate: Float32, gain: Float32, knots: Sequence[Knot], hiss: Float32 | float = 1.0
    ) -> Float32:
        """Render the next n samples."""

    def powers(self, harmonic: Float32, f0: Float64) -> Float32:
        """Return the mean squares of harmonics 1 to K at f0 hertz, (n, K), from controls (n, controls)."""

    def skip(self, n: int) -> None:
        """Leave out n samples, once all is silent: the noise moves on, phases and filters wait."""

    def reset(self, position: int = 0) -> None:
        """Silence everything and go to an absolute sample position, which names the noise."""


class SawSing:
    """The subtractive synthesizer: a sawtooth and noise, each through its own time-varying filter.

    Differs from the published one where that is audible: band-limited sawtooth, linear f0, voiced gate,
    overlapping windows, minimum-phase filters that add no delay and leave the pitch alone, noise keyed by
    position.

    Args:
        sample_rate: a native rate in hertz.
        seed: names the noise.
    """

    kind = "sawsing"
    latency = 0

    def __init__(self, sample_rate: int, seed: int = 0) -> None:
        self._reader = GridReader(sample_rate, (HARMONIC_GRID, NOISE_GRID))
        self._compensator = PhaseCompensator(sample_rate)
        self._saw = Sawtooth(sample_rate)
        self._noise = UniformNoise(seed)
        self._filter = TimeVaryingFilter(sample_rate, 2)
        self.tail = self._filter.tail
        self._last: Complex64 | None = None

    def process(
        self, f0: Float64, gate: Float32, gain: Float32, knots: Sequence[Knot], hiss: Float32 | float = 1.0
    ) -> Float32:
        """Render the next n samples; see `Synthesizer`."""
        n, positions = f0.shape[0], [knot.position for knot in knots]
        fresh = knots if self._last is None else knots[1:]
        controls = np.concatenate([part for knot in fresh for part in (knot.harmonic, knot.noise)])
        levels = self._reader.read(controls.reshape(len(fresh), -1))
        responses, logarithms = self._filter.responses(levels)
        moving = logarithms[0]
        if self._last is None:
            self._saw.reset(self._compensator.start(f0.item(0), moving[0]))
            moving = moving[1:]
        f0 = self._compensator.process(f0, positions, [knot.share for knot in knots[1:]], moving)
        sources = np.empty((2, n), np.float32)
        np.multiply(self._saw.process(f0), gate, out=sources[0])
        np.multiply(self._noise.process(n), hiss, out=sources[1])
        sources *= gain
        if self._last is not None:
            responses = np.concatenate([self._last, responses])
        for index, knot in enumerate(knots[1:], start=1):
            if knot.share != 1.0:
                responses[index] = _towards(responses[index - 1], responses[index], knot.share)
        self._last = responses[-1:]
        return self._filter.process(sources, positions, responses)

    def powers(self, harmonic: Float32, f0: Float64) -> Float32:
        """See `Synthesizer`; of the first `AUDIBLE_HARMONICS`, which hold nearly all that is heard."""
        level = _leaked(harmonic + harmonic)
        places = np.interp(np.multiply.outer(f0, _NUMBERS).ravel(), HARMONIC_GRID, _PLACES)
        below = np.minimum(places.astype(np.intp), HARMONIC_GRID.size - 2)
        share = (places - below).astype(np.float32).reshape(f0.size, -1)
        below = below.reshape(f0.size, -1) + np.arange(0, level.size, HARMONIC_GRID.size)[:, None]
        flat = level.reshape(-1)
        left, right = flat.take(below), flat[1:].take(below)
        return np.asarray(np.exp(left + share * (right - left)) * _SAW)

    def skip(self, n: int) -> None:
        """See `Synthesizer`."""
        self._noise.skip(n)

    def reset(self, position: int = 0) -> None:
        """Silence everything and go to an absolute sample position."""
        self._compensator.reset()
        self._saw.reset()
        self._noise.reset(position)
        self._filter.reset()
        self._last = None


def _leaked(level: Float32) -> Float32:
    """Fill notches of filters, ln of power, as far as their neighbours leak into them: a filter is short."""
    power = np.exp(level)
    level[:, 1:-1] = np.maximum(level[:, 1:-1], np.log(_LEAK * (power[:, :-2] + power[:, 2:])))
    return level


def _towards(before: Spectrum, after: Spectrum, share: float) -> Spectrum:
    return after if share == 1.0 else before + (after - before) * np.float32(share)


class _BankSynthesizer:
    """Exact harmonics with gliding amplitudes, plus filtered noise: what DDSP-Add and DWTS share."""

    latency = 0

    def __init__(self, sample_rate: int, seed: int) -> None:
        self._reader = GridReader(sample_rate, (NOISE_GRID,))
        self._bank = HarmonicBank(sample_rate, HARMONICS)
        self._noise = UniformNoise(seed)
        self._filter = TimeVaryingFilter(sample_rate, 1)
        self.tail = self._filter.tail
        self._last: tuple[NDArray[np.complex128], Complex64] | None = None

    def process(
        self, f0: Float64, gate: Float32, gain: Float32, knots: Sequence[Knot], hiss: Float32 | float = 1.0
    ) -> Float32:
        """Render the next n samples; see `Synthesizer`."""
        prepared = [self._prepare(knots[0]) if self._last is None else self._last]
        for knot in knots[1:]:
            amplitudes, response = self._prepare(knot)
            before = prepared[-1]
            prepared.append(
                (_towards(before[0], amplitudes, knot.share), _towards(before[1], response, knot.share))
            )
        self._last = prepared[-1]
        positions = [knot.position for knot in knots]
        voice = np.empty(f0.shape[0], np.float32)
        for (start, stop), ends in zip(pairwise(positions), pairwise(prepared), strict=True):
            waves = self._bank.process(f0[start:stop])
            rise = np.arange(stop - start) / (stop - start)
            left, right = (amplitudes @ waves for amplitudes, _ in ends)
            voice[start:stop] = (left + (right - left) * rise).imag
        noise = (self._noise.process(f0.shape[0]) * hiss * gain)[None, :]
        responses = np.stack([response for _, response in prepared])
        hiss = self._filter.process(noise, positions, responses)
        return np.asarray(hiss + voice * (gate * gain), np.float32)

    def powers(self, harmonic: Float32, f0: Float64) -> Float32:
        """See `Synthesizer`."""
        del f0
        amplitudes = np.abs(np.stack([self._amplitudes(row) for row in harmonic]))
        return np.asarray(0.5 * np.square(amplitudes), np.float32)

    def _prepare(self, knot: Knot) -> tuple[NDArray[np.complex128], Complex64]:
        responses, _ = self._filter.responses(self._reader.read(knot.noise[None]))
        return self._amplitudes(knot.harmonic), responses[0]

    def _amplitudes(self, harmonic: Float32) -> NDArray[np.complex128]:
        return np.exp(harmonic.astype(np.complex128))

    def skip(self, n: int) -> None:
        """See `Synthesizer`."""
        self._noise.skip(n)

    def reset(self, position: int = 0) -> None:
        """Silence everything and go to an absolute sample position."""
        self._bank.reset()
        self._noise.reset(position)
        self._filter.reset()
        self._last = None


class DdspAdd(_BankSynthesizer):
    """Harmonics plus noise (DDSP, Engel et al. 2020); control k is the log-amplitude of harmonic k + 1.

    Args:
        sample_rate: a native rate in hertz.
        seed: names the noise.
    """

    kind = "ddsp-add"

    def __init__(self, sample_rate: int, seed: int = 0) -> None:
        super().__init__(sample_rate, seed)


class Dwts(_BankSynthesizer):
    """Differentiable wavetables plus noise (Shan et al. 2022); control t is the log-level of table t.

    A table is stored as the spectrum of one period and so plays without aliasing at any pitch.

    Args:
        sample_rate: a native rate in hertz.
        tables: complex amplitudes of each table's harmonics, shape (tables, HARMONICS).
        seed: names the noise.

    Raises:
        ValueError: the rate is not native, or the tables have another shape.
    """

    kind = "dwts"

    def __init__(self, sample_rate: int, tables: NDArray[np.complex64], seed: int = 0) -> None:
        super().__init__(sample_rate, seed)
        if tables.ndim != 2 or tables.shape[1] != HARMONICS:
            raise ValueError(f"wavetables have shape {tables.shape}; give (tables, {HARMONICS}) harmonics")
        self._tables = tables.astype(np.complex128)

    def _amplitudes(self, harmonic: Float32) -> NDArray[np.complex128]:
        return np.asarray(np.exp(harmonic.astype(np.float64)) @ self._tables)
