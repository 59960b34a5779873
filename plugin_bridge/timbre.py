"""From the singers' filters to the filters heard: weights, formants, brightness, breath, on their samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.filters import HARMONIC_GRID, NOISE_GRID
from dsp.smoothing import Ramp
from dsp.synth import HARMONICS, Knot
from dsp.units import semitones_to_ratio
from plugin_bridge.desk import Desk
from plugin_bridge.parameters import PARAMETERS
from plugin_bridge.voices import Singer

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Controls = tuple[Float32, Float32]
"""Natural-log magnitudes of the harmonic part and the noise."""

MOST_KNOTS = 32
_NEPER_PER_DB = float(np.log(10.0) / 20.0)
_BRIGHTNESS_FROM_HZ = 1000.0
_ORDINALS = np.arange(1.0, HARMONICS + 1)


class Weights:
    """The share of each singer in what is heard; they sum to 1 and move together.

    Args:
        sample_rate: hertz.
        desk: the parameters `singer`, `morph_singer` and `morph`.
        ids: the singers, in order.
    """

    def __init__(self, sample_rate: int, desk: Desk, ids: Sequence[str]) -> None:
        self._desk = desk
        self._ids = tuple(ids)
        length = PARAMETERS["singer"].smoothing(sample_rate)
        self.ramps = [Ramp(0.0, length) for _ in self._ids]

    def aim(self, position: int) -> None:
        """Start towards what the parameters ask for, heard from the sample `position` on."""
        for ramp, target in zip(self.ramps, self._targets(), strict=True):
            if ramp.target != target:
                ramp.move(target, position)

    def heaviest(self) -> int:
        """Return the index of the singer that will be heard most."""
        return int(np.argmax(self._targets()))

    def _targets(self) -> list[float]:
        first, second = self._desk.word("singer"), self._desk.word("morph_singer")
        share = self._desk.number("morph") if second else 0.0
        return [(1.0 - share) * (name == first) + share * (name == second) for name in self._ids]


class Timbre:
    """The filters heard from one group of singers that share a synthesizer.

    Args:
        desk: the parameters.
        kind: the synthesizer's kind.
        weights: the ramp of each singer's share.
    """

    def __init__(self, desk: Desk, kind: str, weights: Sequence[Ramp]) -> None:
        self._weights = list(weights)
        self._formant, self._breath = desk.ramp("formant"), desk.ramp("breath")
        self._brightness = desk.ramp("brightness")
        self._moving = [*self._weights, self._formant, self._breath, self._brightness]
        self._axis = {"sawsing": HARMONIC_GRID, "ddsp-add": _ORDINALS}.get(kind)
        self._in_hertz = kind == "sawsing"
        self.reset()

    def reset(self) -> None:
        """Forget the filters of the frame before."""
        self._before: list[Controls] | None = None
        self._voicing = 0.0
        self._last: Controls | None = None

    def share(self, position: int, n: int) -> float | Float64:
        """Return the group's share of the sound in samples [position, position + n), 0..1."""
        parts = [ramp.segment(position, n) for ramp in self._weights]
        return sum(parts[1:], start=parts[0])

    def knots(self, position: int, now: list[Controls], voicing: float, f0: Float64) -> list[Knot]:
        """Return the filters over the segment that ends on the frame `now`.

        Args:
            position: first sample of the segment.
            now: controls of each singer at the segment's end.
            voicing: of the same frame.
            f0: pitch heard, hertz, shape (n,).
        """
        n, stop = f0.size, position + f0.size
        before, voicing_before = self._before or now, self._voicing
        self._before, self._voicing = now, voicing
        first = self._last or self._shape(_at(position), before, voicing_before, float(f0[0]))
        found = [Knot(0, *first)]
        corners = self._corners(position, n)
        for corner in corners:
            part = (corner - position) / n
            starting = self._starting(corner) if len(corners) == 1 else ()
            if starting:
                planned = self._shape(_at(stop, corner, starting), now, voicing, float(f0[-1]))
                found.append(Knot(corner - position, *planned, part))
                continue
            between = [_between(a, b, part) for a, b in zip(before, now, strict=True)]
            gate = voicing_before + (voicing - voicing_before) * part
            shaped = self._shape(_at(corner), between, gate, float(f0[corner - position]))
            found.append(Knot(corner - position, *shaped))
        self._last = self._shape(_at(stop), now, voicing, float(f0[-1]))
        found.append(Knot(n, *self._last))
        return found

    def _starting(self, corner: int) -> tuple[Ramp, ...]:
        """Return the ramps that leave their rest at a corner."""
        return tuple(
            ramp
            for ramp in self._moving
            if ramp.corners(corner, corner + 1) and ramp.value(corner) == ramp.value(corner - 1)
        )

    def _corners(self, position: int, n: int) -> list[int]:
        found: set[int] = set()
        for ramp in self._moving:
            if not ramp.resting:
                ramp.forget(position)
                found.update(ramp.corners(position + 1, position + n))
        corners = sorted(found)
        if len(corners) > MOST_KNOTS:
            corners = [corners[i * len(corners) // MOST_KNOTS] for i in range(MOST_KNOTS)]
        return corners

    def _shape(
        self, value: Callable[[Ramp], float], singers: list[Controls], voicing: float, f0: float
    ) -> Controls:
        harmonic, noise = self._mixed(value, singers)
        formant = value(self._formant)
        if formant != 0.0:
            ratio = semitones_to_ratio(formant)
            noise = _read(noise, NOISE_GRID, ratio)
            harmonic = harmonic if self._axis is None else _read(harmonic, self._axis, ratio)
        slope = _NEPER_PER_DB * value(self._brightness)
        if slope != 0.0:
            noise = _tilted(noise, NOISE_GRID, slope)
            if self._axis is not None:
                harmonic = _tilted(harmonic, self._axis if self._in_hertz else self._axis * f0, slope)
        breath = value(self._breath)
        if breath != 0.0:
            noise = noise + np.float32(_NEPER_PER_DB * breath * voicing)
        return harmonic, noise

    def _mixed(self, value: Callable[[Ramp], float], singers: list[Controls]) -> Controls:
        shares = [value(ramp) for ramp in self._weights]
        total = sum(shares)
        heard = [(share / total, part) for share, part in zip(shares, singers, strict=True) if share > 0.0]
        if not heard:
            return singers[0]
        if len(heard) == 1:
            return heard[0][1]
        harmonic, noise = (sum(np.float32(share) * part[i] for share, part in heard) for i in (0, 1))
        return np.asarray(harmonic), np.asarray(noise)


def _at(position: int, start: int = 0, starting: Sequence[Ramp] = ()) -> Callable[[Ramp], float]:
    """Read ramps at a position, but those that start to move as they stood at their start."""
    return lambda ramp: ramp.value(start if ramp in starting else position)


def _between(a: Controls, b: Controls, part: float) -> Controls:
    step = np.float32(part)
    return a[0] + (b[0] - a[0]) * step, a[1] + (b[1] - a[1]) * step


def _read(levels: Float32, axis: Float64, ratio: float) -> Float32:
    return np.interp(axis / ratio, axis, levels).astype(np.float32)


def _tilted(levels: Float32, hertz: Float64, slope: float) -> Float32:
    octaves = np.log2(np.maximum(hertz, _BRIGHTNESS_FROM_HZ) / _BRIGHTNESS_FROM_HZ)
    return (levels + slope * octaves).astype(np.float32)


def groups(singers: Mapping[str, Singer]) -> list[list[int]]:
    """Return the indices of singers that share a synthesizer; a wavetable singer has tables of its own."""
    found: dict[str, list[int]] = {}
    for index, singer in enumerate(singers.values()):
        found.setdefault(singer.kind if singer.kind != "dwts" else f"dwts {singer.id}", []).append(index)
    return list(found.values())
