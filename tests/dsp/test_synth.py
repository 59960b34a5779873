"""The synthesizers: pitch, gate, gain, silence, and one sound at every rate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.filters import HARMONIC_GRID, NOISE_GRID
from dsp.synth import HARMONICS, TABLES, DdspAdd, Dwts, Knot, SawSing, Synthesizer
from dsp.units import RATES, hop_size

Float32 = NDArray[np.float32]
QUIET = np.full(NOISE_GRID.size, -14.0, np.float32)


def tables() -> NDArray[np.complex64]:
    rng = np.random.default_rng(4)
    phase = np.exp(2j * np.pi * rng.random((TABLES, HARMONICS)))
    return np.asarray(phase / np.arange(1, HARMONICS + 1), np.complex64)


MAKERS: dict[str, tuple[Callable[[int], Synthesizer], Float32]] = {
    "sawsing": (SawSing, (-HARMONIC_GRID / 4000.0).astype(np.float32)),
    "ddsp-add": (DdspAdd, (-np.log(np.arange(1.0, HARMONICS + 1))).astype(np.float32)),
    "dwts": (lambda rate: Dwts(rate, tables()), np.full(TABLES, -2.0, np.float32)),
}


def sing(
    kind: str,
    sample_rate: int,
    f0: float,
    hops: int,
    gate: float = 1.0,
    gain: float = 0.2,
    noise: Float32 = QUIET,
) -> Float32:
    maker, harmonic = MAKERS[kind]
    synth = maker(sample_rate)
    hop = hop_size(sample_rate)
    knots = [Knot(0, harmonic, noise), Knot(hop, harmonic, noise)]
    level = np.full(hop, gain, np.float32)
    return np.concatenate(
        [synth.process(np.full(hop, f0), np.full(hop, gate, np.float32), level, knots) for _ in range(hops)]
    )


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("sample_rate", RATES)
def test_pitch_is_the_one_asked_for(kind: str, sample_rate: int) -> None:
    y = sing(kind, sample_rate, 311.0, 40)[10 * hop_size(sample_rate) :].astype(np.float64)
    lag = sample_rate / 311.0
    near = np.arange(int(0.9 * lag), int(1.1 * lag) + 2)
    match = [np.dot(y[k:], y[:-k]) / np.sqrt(np.dot(y[k:], y[k:]) * np.dot(y[:-k], y[:-k])) for k in near]
    best = int(np.argmax(match))
    a, b, c = match[best - 1 : best + 2]
    found = near[best] + 0.5 * (a - c) / (a - 2 * b + c)
    assert abs(1200 * np.log2(found / lag)) < 6.0


@pytest.mark.parametrize("kind", MAKERS)
def test_closed_gate_leaves_only_noise(kind: str) -> None:
    voiced, unvoiced = (sing(kind, 48000, 200.0, 20, gate=gate) for gate in (1.0, 0.0))
    assert 20 * np.log10(np.std(unvoiced) / np.std(voiced)) < -60.0
    hiss = sing(kind, 48000, 200.0, 50, gate=0.0, noise=np.full(NOISE_GRID.size, -1.0, np.float32))
    spectrum = np.abs(np.fft.rfft(hiss[4800:].astype(np.float64))) ** 2
    bands = spectrum[: 8 * (spectrum.size // 8)].reshape(8, -1).mean(axis=1)
    assert 10 * np.log10(bands.max() / bands.min()) < 1.0


@pytest.mark.parametrize("kind", MAKERS)
def test_no_gain_is_exact_silence(kind: str) -> None:
    assert np.all(sing(kind, 48000, 200.0, 10, gain=0.0) == 0.0)


@pytest.mark.parametrize("kind", MAKERS)
def test_level_is_the_same_at_every_rate(kind: str) -> None:
    levels = [np.std(sing(kind, rate, 250.0, 30)[10 * hop_size(rate) :]) for rate in RATES if rate >= 32000]
    assert 20 * np.log10(max(levels) / min(levels)) < 0.5


@pytest.mark.parametrize("kind", MAKERS)
def test_a_knot_in_the_middle_that_says_nothing_new_changes_nothing_audible(kind: str) -> None:
    maker, harmonic = MAKERS[kind]
    plain, split = maker(48000), maker(48000)
    f0, gate, gain = np.full(480, 180.0), np.ones(480, np.float32), np.full(480, 0.2, np.float32)
    ends = [Knot(0, harmonic, QUIET), Knot(480, harmonic, QUIET)]
    middle = [ends[0], Knot(123, harmonic, QUIET), ends[1]]
    a = np.concatenate([plain.process(f0, gate, gain, ends) for _ in range(6)])
    b = np.concatenate([split.process(f0, gate, gain, middle) for _ in range(6)])
    assert np.max(np.abs(a - b)) < 1e-5 * np.max(np.abs(a))


@pytest.mark.parametrize("kind", MAKERS)
def test_change_of_filter_does_not_click(kind: str) -> None:
    maker, harmonic = MAKERS[kind]
    synth = maker(48000)
    loud = harmonic + np.float32(0.7)
    f0, gate, gain = np.full(480, 180.0), np.ones(480, np.float32), np.full(480, 0.2, np.float32)
    before, after = Knot(480, harmonic, QUIET), Knot(480, loud, QUIET)
    sides = [before] * 8 + [after] * 8
    left = before
    out = []
    for right in sides:
        out.append(synth.process(f0, gate, gain, [left._replace(position=0), right]))
        left = right
    step = np.abs(np.diff(np.concatenate(out)))
    assert step[3840 - 480 : 3840 + 960].max() <= 1.01 * step[-1440:].max()
