"""The pitch heard is the one asked for, however the filter moves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.filters import HARMONIC_GRID, NOISE_GRID, GridReader, TimeVaryingFilter
from dsp.oscillator import Sawtooth
from dsp.phasecompensation import HARMONICS, MAX_PHASE_CORRECTION, PhaseCompensator
from dsp.synth import Knot, SawSing
from dsp.units import hop_size

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Complex64 = NDArray[np.complex64]

RATE = 48000
HOP = hop_size(RATE)
OPEN = np.asarray(2.5 / (1.0 + ((HARMONIC_GRID - 650.0) / 200.0) ** 2) - HARMONIC_GRID / 3000.0, np.float32)
CLOSED = np.asarray(-np.minimum(HARMONIC_GRID, 1500.0) / 180.0, np.float32)
"""All but the fundamental fades, as while the lips close: 40 dB down at 1 kHz."""
HOPS, FIRST, LAST = 60, 25, 31


def closing() -> list[Float32]:
    """Filters, one a hop: open, closing within 60 ms, closed."""
    ways = np.clip((np.arange(HOPS + 1) - FIRST) / (LAST - FIRST), 0.0, 1.0)
    return [np.asarray(OPEN + way * (CLOSED - OPEN), np.float32) for way in ways]


def cents_off(y: Float32, f0: float) -> Float64:
    """Return how far the pitch of each sample is off: the harmonics' mean, by power and squared order."""
    period = round(RATE / f0)
    turned, weight = np.zeros(y.size - 1), np.full(y.size - 1, 1e-30)
    for order in range(1, HARMONICS + 1):
        beat: NDArray[Any] = y * np.exp(-2j * np.pi * order * f0 / RATE * np.arange(y.size))
        for _ in range(3):
            beat = np.convolve(beat, np.ones(period) / period, "same")
        turned = turned + order * np.abs(beat[1:] * beat[:-1]) * np.angle(beat[1:] * np.conj(beat[:-1]))
        weight = weight + order**2 * np.abs(beat[1:] * beat[:-1])
    return np.asarray(1200.0 * np.log2(1.0 + turned / weight * RATE / (2 * np.pi * f0)))


@pytest.mark.parametrize("f0", [110.0, 170.0, 320.0])
def test_a_closure_does_not_bend_the_pitch(f0: float) -> None:
    filters = closing()
    hiss = np.full(NOISE_GRID.size, -20.0, np.float32)
    knots = [Knot(at * HOP, level, hiss) for at, level in enumerate(filters)]
    f0s, one = np.full(HOPS * HOP, f0), np.ones(HOPS * HOP, np.float32)
    sung = SawSing(RATE).process(f0s, one, one, knots)
    plain = TimeVaryingFilter(RATE, 1)
    responses, _ = plain.responses(GridReader(RATE, (HARMONIC_GRID,)).read(np.stack(filters)))
    bent = plain.process(Sawtooth(RATE).process(f0s)[None], range(0, HOPS * HOP + 1, HOP), responses)
    near = slice((FIRST - 8) * HOP, (LAST + 8) * HOP)
    before, after = (np.abs(cents_off(y, f0)[near]).max() for y in (bent, sung))
    assert before > 25.0
    assert after < 0.25 * before


def keep(f0: Float64, logarithms: Complex64, compensator: PhaseCompensator | None = None) -> Float64:
    """Run a compensator over as many hops as there are filters but one."""
    compensator = compensator or PhaseCompensator(RATE)
    compensator.start(float(f0[0]), logarithms[0])
    return compensator.process(f0, range(0, f0.size + 1, HOP), [1.0] * (len(logarithms) - 1), logarithms[1:])


def wild(knots: int, seed: int = 1) -> Complex64:
    level, phase = np.random.default_rng(seed).normal(0.0, 2.0, (2, knots, HOP + 1))
    return np.asarray(level + 1j * phase, np.complex64)


def test_a_filter_that_stands_leaves_the_pitch_alone() -> None:
    f0 = np.full(5 * HOP, 234.5)
    assert np.array_equal(keep(f0, np.repeat(wild(1), 6, axis=0)), f0)


def test_a_filter_that_jumps_bends_it_by_no_more_than_a_semitone() -> None:
    f0 = np.full(20 * HOP, 333.0)
    jumping = wild(21)
    jumping.imag *= 9.0
    off = keep(f0, jumping) - f0
    assert np.abs(off).max() == pytest.approx(MAX_PHASE_CORRECTION * 333.0)


def test_harmonics_beyond_nyquist_do_not_count() -> None:
    loud = wild(6)
    quiet = loud.copy()
    loud.real[:, -2:] = 50.0
    quiet.real[:, -2:] = -50.0
    f0 = np.full(5 * HOP, 5900.0)
    assert np.array_equal(keep(f0, loud), keep(f0, quiet))


def test_what_comes_later_in_a_hop_is_not_heard_before() -> None:
    logarithms = wild(4)
    steady = np.full(3 * HOP, 200.0)
    leaping = steady.copy()
    leaping[HOP + 100 :] = 400.0
    assert np.array_equal(keep(steady, logarithms)[: HOP + 100], keep(leaping, logarithms)[: HOP + 100])


def test_a_knot_amid_a_straight_way_changes_nothing() -> None:
    logarithms = wild(3)
    f0, positions, shares = np.full(2 * HOP, 200.0), [0, 120, HOP, 2 * HOP], [0.25, 1.0, 1.0]
    whole = keep(f0, logarithms)
    compensator = PhaseCompensator(RATE)
    compensator.start(200.0, logarithms[0])
    cut = compensator.process(f0, positions, shares, logarithms[[1, 1, 2]])
    assert np.abs(whole - f0).max() > 0.1
    assert np.abs(cut - whole).max() < 1e-9


def test_a_filter_that_turns_all_harmonics_alike_is_made_up_for_to_the_sample() -> None:
    """As a delay that grows does: harmonic k is turned by k times as much as the first."""
    f0, delays = np.full(6 * HOP, 250.0), np.array([0.0, 2.0, 5.0, 4.0, 4.0, 0.0, 1.0]) / RATE
    hertz = 50.0 * np.arange(HOP + 1)
    level = np.random.default_rng(3).normal(0.0, 2.0, (delays.size, hertz.size))
    played = keep(f0, np.asarray(level - 2j * np.pi * hertz * delays[:, None], np.complex64))
    heard = played.reshape(6, HOP)[:, 0] - 250.0 * np.diff(delays) * 100.0
    assert np.abs(1200.0 * np.log2(heard / 250.0)).max() < 0.31  # what the phase goes back by


def test_where_a_filter_stands_the_phase_ends_as_if_it_had_never_moved() -> None:
    hops, phases = 2000, []
    f0 = np.full(hops * HOP, 200.0)
    for seed in (1, 2):
        logarithms = np.concatenate([wild(5, seed), np.repeat(wild(1), hops - 4, axis=0)])
        compensator = PhaseCompensator(RATE)
        begin = compensator.start(200.0, logarithms[0])
        played = compensator.process(f0, range(0, f0.size + 1, HOP), [1.0] * hops, logarithms[1:])
        assert np.abs(1200.0 * np.log2(played[6 * HOP :] / 200.0)).max() < 0.31
        phases.append(begin + np.sum(played - f0) / RATE)
    assert (phases[0] - phases[1] + 0.5) % 1.0 == pytest.approx(0.5, abs=1e-9)


def test_reset_equals_fresh() -> None:
    logarithms, f0 = wild(4), np.full(3 * HOP, 200.0)
    used = PhaseCompensator(RATE)
    first = keep(f0, logarithms, used)
    used.reset()
    assert np.array_equal(keep(f0, logarithms, used), first)
