"""Pitch candidates of frames: peaks of the windowed autocorrelation, scored with spectral cues."""

from __future__ import annotations

from itertools import accumulate, pairwise
from math import log2
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.periodicity import Periodicity
from dsp.sliding import SlidingWindows
from dsp.units import MAX_F0, MAX_HOPS, MIN_F0

MAX_CANDIDATES = 5
OVERSAMPLING = 2
LOOKAHEAD_S = 0.020
HOP_S = 0.010
SHORT_F0_LOW = 115.0
MIN_PERIODICITY = np.float32(0.25)
SILENCE_POWER = 1e-14
NOTHING = 1e-30
SKIRT_HZ = 20.0

# Costs: a period is as good as twice that period, so the shorter is preferred; amplitude half-way between the
# harmonics says "an octave too high"; no amplitude but on every second, third, ... harmonic says "too low".
LAG_COST_PER_OCTAVE = 0.02
# Of too many peaks those at short lags are kept: at multiples of a period there are peaks as high.
CHOICE_COST_PER_OCTAVE = 0.1
GAP_COST = 0.3
MISSING_COST = 0.3
MISSING_SHARE = 0.25
HARMONICS = 12
TOO_LOW = (2, 3, 5, 7, 11)
SPECTRUM_TOP_HZ = 3800.0
# Below 150 Hz the window resolves the gaps less and less, below 90 Hz not at all: assume a typical share.
GAP_BLUR_LOW_HZ, GAP_BLUR_HIGH_HZ, GAP_ASSUMED = 90.0, 150.0, 0.4
# Few sing beyond these, but creak has a subharmonic there, and hiss a resonance.
COMMON_HZ = (70.0, 1050.0)
RARE_COST_PER_OCTAVE = 0.2
# The weights of the long window, the short one, and the short one a hop later.
WEIGHT_LONG, WEIGHT_NOW, WEIGHT_FOLLOWING = 0.5, 0.3, 0.2
# A glide moves the period under the short windows by a few per cent.
NEAR = (-0.03, -0.015, 0.0, 0.015, 0.03)

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Places = NDArray[np.intp]


class Candidates(NamedTuple):
    """Candidates of one frame, lists of 0..`MAX_CANDIDATES` numbers."""

    log_f0: list[float]
    """Base-2 logarithm of the frequency in hertz."""
    now: list[float]
    """Normalised autocorrelation at the period, up to 1, through a window of 18 ms (38 ms below 115 Hz)."""
    following: list[float]
    """The same, one hop later."""
    cost: list[float]
    """Cost of choosing this candidate; 0 is perfect."""
    own: list[float]
    """Share of the amplitude on harmonics that no pitch two, three, ... times as high would have, 0..1."""


_NONE = Candidates([], [], [], [], [])


class Frame(NamedTuple):
    """The analysis of one frame."""

    power: float
    """Mean square."""
    candidates: Candidates
    sums: Float32
    """Running sums of its power spectrum."""
    bins_per_hz: float

    def share_below(self, hz: float) -> float:
        """Return the share of the energy below a frequency in hertz, up to half the rate: 0..1.

        What is `SKIRT_HZ` or less below it is left out: the window spreads what lies on the edge so far.
        """
        item = self.sums.item
        edge = max(0.0, (hz - SKIRT_HZ) * self.bins_per_hz - 0.5)
        place = int(edge)
        below = item(place) + (edge - place) * (item(place + 1) - item(place))
        share: float = below / (item(-1) + NOTHING)
        return share


class CandidateFinder:
    """Find the candidates of the frames centred 20 ms before the newest sample of each hop.

    Args:
        rate: of the decimated signal, in hertz.
        delay: of the decimated signal, in samples.
    """

    def __init__(self, rate: int, delay: int) -> None:
        length = 2 * (round(LOOKAHEAD_S * rate) - delay)
        self._hop = round(HOP_S * rate)
        self._windows = SlidingWindows(length, self._hop, MAX_HOPS)
        self._grid = rate * OVERSAMPLING
        first = int(self._grid / (MAX_F0 * 1.02)) - 1
        last = int(self._grid / (MIN_F0 / 1.02)) + 2
        # The whole frame, and its newest part, whose centre is one hop later.
        late = 2 * self._hop
        windows = ((0, length), (late, length - late))
        self._periodicity = Periodicity(length, windows, (first, last), OVERSAMPLING, MAX_HOPS)
        size = self._periodicity.size
        # Parseval: from the one-sided sum of the power spectrum to the mean square under the window.
        self._to_power = 2.0 / (size * float(self._periodicity.energy[0]))
        self._bins_per_hz = size / rate
        # Through the long and the short window; the first are those of the hop before.
        self._functions = np.zeros((MAX_HOPS + 1, 2, last - first), np.float32)
        self._every = self._functions.reshape(-1)
        # Places are counted from the start on, frame after frame.
        self._pitch = 2 * (last - first)
        self._starts = np.arange(1, MAX_HOPS + 2) * self._pitch
        self._is_peak = np.zeros(self._functions.shape, np.bool_)
        self._make_tables(np.arange(first, last, dtype=np.float64))

    def _make_tables(self, lags: Float64) -> None:
        """Prepare what depends only on the lag, and where the harmonics and gaps lie."""
        self._first_lag = float(lags[0])
        near = np.rint(lags * (1.0 + np.array(NEAR)[:, None])) - lags[0]
        near = np.clip(near, 0, lags.size - 1).astype(np.intp)
        # Steps in `_functions` from a peak: to its neighbours, and to where the short windows of the hop
        # before and of this one have its lag; where lags are long, the long window speaks for them.
        short = near < int(self._grid / SHORT_F0_LOW) - lags[0]
        near -= np.arange(lags.size)
        aside = [np.where(short, near + side * lags.size, near) for side in (-1, 1)]
        neighbours = np.array([[-1], [0], [1]]) + np.zeros_like(near[:1])
        # By place, which `take` wraps to that of the first frame.
        self._steps = np.tile(np.concatenate([neighbours, *aside]), 2)
        octaves = np.log2(lags * (1024.0 / self._grid))
        self._choice_cost = np.tile(CHOICE_COST_PER_OCTAVE * octaves, 2).astype(np.float32)
        hertz = self._grid / lags
        blur = (GAP_BLUR_HIGH_HZ - hertz) / (GAP_BLUR_HIGH_HZ - GAP_BLUR_LOW_HZ)
        blur = np.clip(blur, 0.0, 1.0)
        self._gap_cost = (GAP_COST * (1.0 - blur)).tolist()
        fixed_cost = 1.0 + MISSING_COST + LAG_COST_PER_OCTAVE * octaves + GAP_COST * GAP_ASSUMED * blur
        rare = np.maximum(0.0, np.maximum(np.log2(COMMON_HZ[0] / hertz), np.log2(hertz / COMMON_HZ[1])))
        self._fixed_cost = (fixed_cost + RARE_COST_PER_OCTAVE * rare).tolist()
        # A candidate has its harmonics at even multiples of f / 2 and the gaps at odd ones.
        k = np.arange(1, 2 * HARMONICS + 1)
        self._multiples = k * (0.5 * self._bins_per_hz)
        harmonic = k % 2 == 0
        roles = (~harmonic, harmonic, *(harmonic & (k % (2 * times) != 0) for times in TOO_LOW))
        self._roles = np.stack(roles, axis=1).astype(np.float32)
        # Multiples above the top read zeros. The first lag that can be a peak is the second, less half a lag.
        width = int(self._grid / (self._first_lag + 0.5) * self._multiples[-1]) + 1
        self._amplitude = np.zeros((MAX_HOPS, width), np.float32)
        self._heard = self._amplitude[:, : int(SPECTRUM_TOP_HZ * self._bins_per_hz)]
        self._amplitudes = self._amplitude.reshape(-1)
        self._rows = np.arange(MAX_HOPS) * width

    def reset(self) -> None:
        """Forget all past samples."""
        self._windows.reset()
        self._functions[:] = 0.0

    def process(self, x: Float32) -> list[Frame]:
        """Take decimated hops and return the frame that each of them completes.

        Args:
            x: shape (n * hop,), float32, n from 1 to `dsp.units.MAX_HOPS`.
        """
        windows = self._windows.process(x)
        count = windows.shape[0]
        functions = self._functions[1 : count + 1]
        density = self._periodicity.process(windows, functions)[:, 0]
        sums = np.add.accumulate(density, 1)
        powers = [total * self._to_power for total in sums[:, -1].tolist()]
        places, counts = self._peaks(powers)
        found = [_NONE] * count
        if places.size:
            np.sqrt(density[:, : self._heard.shape[1]], out=self._heard[:count])
            found = self._scored(places, counts)
        self._functions[0, 1] = functions[-1, 1]
        return [Frame(*each, self._bins_per_hz) for each in zip(powers, found, sums, strict=True)]

    def _peaks(self, powers: list[float]) -> tuple[Places, list[int]]:
        """Return where the long windows have their peaks, frame after frame, and how many in each frame."""
        count = len(powers)
        # Flat below the least periodicity, so that no peak is found there.
        high = np.maximum(self._functions[1 : count + 1, 0], MIN_PERIODICITY)
        rising = high[:, 1:] > high[:, :-1]
        np.greater(rising[:, :-1], rising[:, 1:], out=self._is_peak[1 : count + 1, 0, 1:-1])
        places = self._is_peak[: count + 1].ravel().nonzero()[0]
        bounds = places.searchsorted(self._starts[: count + 1]).tolist()
        counts = [stop - start for start, stop in pairwise(bounds)]
        if max(counts) <= MAX_CANDIDATES and min(powers) >= SILENCE_POWER:
            return places, counts
        merit = (self._every.take(places) - self._choice_cost.take(places, mode="wrap")).tolist()
        kept: list[int] = []
        for frame, power in enumerate(powers):
            peaks = range(*bounds[frame : frame + 2]) if power >= SILENCE_POWER else range(0)
            kept += sorted(sorted(peaks, key=merit.__getitem__)[-MAX_CANDIDATES:])
            counts[frame] = min(len(peaks), MAX_CANDIDATES)
        return places.take(kept), counts

    def _scored(self, places: Places, counts: list[int]) -> list[Candidates]:
        """Return the candidates of each frame."""
        lags = [place % self._pitch for place in places.tolist()]
        around = self._every.take(self._steps.take(places, axis=1, mode="wrap") + places)
        f0, heights = self._refined(lags, *around[:3].tolist())
        now, following = np.maximum.reduce(around[3:].reshape(2, len(NEAR), -1), axis=1).tolist()
        bins = np.multiply.outer(f0, self._multiples).astype(np.intp)
        if len(counts) > 1:
            bins += np.repeat(self._rows[: len(counts)], counts)[:, None]
        amplitudes = np.vecmat(self._amplitudes.take(bins), self._roles).tolist()
        costs, own = [], []
        for i, lag in enumerate(lags):
            gap, on, *others = amplitudes[i]
            # The shares of amplitude between the harmonics, and on those no higher pitch would have.
            between = gap / (on + gap + NOTHING)
            kept = min(others) / (on + NOTHING)
            cost = self._fixed_cost[lag] + self._gap_cost[lag] * between
            cost -= MISSING_COST if kept > MISSING_SHARE else (MISSING_COST / MISSING_SHARE) * kept
            cost -= WEIGHT_LONG * heights[i] + WEIGHT_NOW * now[i] + WEIGHT_FOLLOWING * following[i]
            costs.append(cost)
            own.append(kept)
        log_f0 = [log2(f) for f in f0]
        bounds = accumulate(counts, initial=0)
        return [
            Candidates(log_f0[a:b], now[a:b], following[a:b], costs[a:b], own[a:b]) if b > a else _NONE
            for a, b in pairwise(bounds)
        ]

    def _refined(
        self, lags: list[int], before: list[float], top: list[float], after: list[float]
    ) -> tuple[list[float], list[float]]:
        """Return the frequency and height of each peak, by a parabola through three lags."""
        f0, heights = [], []  # For so few numbers plain floats are quicker than arrays.
        for lag, left, here, right in zip(lags, before, top, after, strict=True):
            rise = right - left
            shift = rise / (4.0 * here - 2.0 * (left + right))
            f0.append(self._grid / (self._first_lag + lag + shift))
            heights.append(here + 0.25 * rise * shift)
        return f0, heights
