"""From the singers' filters to those heard: morph weights, formants, brightness and breath, to the sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.filters import HARMONIC_GRID, NOISE_GRID
from dsp.smoothing import Ramp, Ramps
from dsp.synth import HARMONICS, Knot
from dsp.units import NEPER_PER_DB, semitones_to_ratio
from plugin_bridge.control.parameters import PARAMETERS
from plugin_bridge.engine.parameterstate import ParameterState
from plugin_bridge.engine.singers import Singer, heaviest, shares

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Controls = tuple[Float32, Float32]
"""Natural-log magnitudes of the harmonic part and the noise."""

MAX_KNOTS = 32
_BRIGHTNESS_FROM_HZ = 1000.0
_ORDINALS = np.arange(1.0, HARMONICS + 1)


class Weights:
    """The weight of each singer in the mix; they sum to 1 and move together.

    Args:
        sample_rate: hertz.
        parameters: the parameters `singer`, `morph_singer` and `morph`.
        ids: the singers, in order.
    """

    def __init__(self, sample_rate: int, parameters: ParameterState, ids: Sequence[str]) -> None:
        self._parameters = parameters
        self._ids = tuple(ids)
        length = PARAMETERS["singer"].smoothing(sample_rate)
        self.ramps = [Ramp(0.0, length) for _ in self._ids]

    def reset(self) -> None:
        """Jump to what the parameters ask for."""
        for ramp, target in zip(self.ramps, shares(self._parameters.values, self._ids), strict=True):
            ramp.reset(target)

    def aim(self, position: int) -> None:
        """Start towards what the parameters ask for, from the sample `position` on."""
        for ramp, target in zip(self.ramps, shares(self._parameters.values, self._ids), strict=True):
            if ramp.target != target:
                ramp.move(target, position)

    def heaviest(self) -> int:
        """Return the index of the singer with the largest target weight."""
        return heaviest(self._parameters.values, self._ids)


class Setting(NamedTuple):
    """The filter parameters at one sample."""

    heard: tuple[tuple[int, float], ...]
    """The audible singers, by index in the group, and their weights; the first if there is none."""
    formant: float
    """Semitones."""
    brightness: float
    """Decibels per octave."""
    breath: float
    """Decibels."""
    at: int
    """The sample of the segment whose pitch is used."""


class Breakpoint(NamedTuple):
    """A sample of a hop at which the filters are set; between two of them they glide."""

    offset: int
    """Samples from the start of the segment."""
    setting: Setting
    way: float | None = None
    """The singers' controls there: so far from the frame before to this one; this one's for None."""
    share: float = 1.0
    """See `dsp.synth.Knot`."""


class Timbre:
    """The filters of one group of singers that share a synthesizer.

    Args:
        hop: samples per frame.
        parameters: the parameters.
        kind: the synthesizer's kind.
        weights: the ramp of each singer's weight.
    """

    def __init__(self, hop: int, parameters: ParameterState, kind: str, weights: Sequence[Ramp]) -> None:
        self._hop = hop
        self._weights = list(weights)
        self._ramps = Ramps(
            [*self._weights, *(parameters.ramp(name) for name in ("formant", "brightness", "breath"))]
        )
        self._axis = {"sawsing": HARMONIC_GRID, "ddsp-add": _ORDINALS}.get(kind)
        self.reset()

    def reset(self) -> None:
        """Forget the filters of the frame before."""
        self._opened = False
        self._still: tuple[float, ...] | None = None
        self._last: Controls | None = None

    def share(self, position: int) -> float | Float64:
        """Return the group's weight in the hop from `position` on, 0..1."""
        parts = [ramp.segment(position, self._hop) for ramp in self._weights]
        return sum(parts[1:], start=parts[0])

    def plan(self, position: int) -> list[Breakpoint]:
        """Read the parameters over the hop from the sample `position` to a frame."""
        hop, stop = self._hop, position + self._hop
        still = self._ramps.still()
        if still is None or still is not self._still:
            self._still = still
            self._end = Breakpoint(hop, self._setting(stop, hop - 1))
        points = [] if self._opened else [Breakpoint(0, self._setting(position, 0), 0.0)]
        self._opened = True
        corners = self._corners(position) if still is None else []
        for corner in corners:
            offset = corner - position
            starting = self._starting(corner) if len(corners) == 1 else ()
            if starting:
                planned = self._setting(stop, hop - 1, corner, starting)
                points.append(Breakpoint(offset, planned, share=offset / hop))
            else:
                points.append(Breakpoint(offset, self._setting(corner, offset), offset / hop))
        points.append(self._end)
        return points

    def knots(
        self,
        plans: Sequence[Sequence[Breakpoint]],
        controls: Sequence[Sequence[Controls]],
        voicing: Sequence[float],
        f0: Float64,
    ) -> list[Knot]:
        """Return the filters over planned hops that follow on each other.

        Args:
            plans: of each hop, from `plan`, each once and in order.
            controls: of each singer in the frame before and the frames the hops end on, anything for one that
                is not audible.
            voicing: 0..1, of the same frames.
            f0: pitch of each sample, hertz.
        """
        found = [] if self._last is None else [Knot(0, *self._last)]
        for index, points in enumerate(plans):
            start = index * self._hop
            for offset, setting, way, share in points:
                gate = voicing[index + 1]
                if way is not None:
                    gate = voicing[index] + (gate - voicing[index]) * way
                parts = [(part, _passing(controls[singer], index, way)) for singer, part in setting.heard]
                self._last = self._shape(setting, _mixed(parts), gate, f0[start + setting.at])
                found.append(Knot(start + offset, *self._last, share))
        return found

    def _setting(self, position: int, at: int, start: int = 0, starting: Sequence[Ramp] = ()) -> Setting:
        """Read the ramps at a position, but those that start to move as they stood at their start."""
        values = [ramp.value(start if ramp in starting else position) for ramp in self._ramps]
        *shares, formant, brightness, breath = values
        total = sum(shares)
        heard = tuple((singer, share / total) for singer, share in enumerate(shares) if share > 0.0)
        return Setting(heard or ((0, 1.0),), formant, brightness, breath, at)

    def _starting(self, corner: int) -> tuple[Ramp, ...]:
        """Return the ramps that leave their rest at a corner."""
        return tuple(
            ramp
            for ramp in self._ramps
            if ramp.corners(corner, corner + 1) and ramp.value(corner) == ramp.value(corner - 1)
        )

    def _corners(self, position: int) -> list[int]:
        found: set[int] = set()
        for ramp in self._ramps:
            ramp.forget(position)
            found.update(ramp.corners(position + 1, position + self._hop))
        corners = sorted(found)
        if len(corners) > MAX_KNOTS:
            corners = [corners[i * len(corners) // MAX_KNOTS] for i in range(MAX_KNOTS)]
        return corners

    def _shape(self, setting: Setting, mixed: Controls, voicing: float, f0: float) -> Controls:
        harmonic, noise = mixed
        if setting.formant != 0.0:
            ratio = semitones_to_ratio(setting.formant)
            noise = _read(noise, NOISE_GRID, ratio)
            harmonic = harmonic if self._axis is None else _read(harmonic, self._axis, ratio)
        if setting.brightness != 0.0:
            slope = NEPER_PER_DB * setting.brightness
            noise = _tilted(noise, _NOISE_OCTAVES, slope)
            if self._axis is HARMONIC_GRID:
                harmonic = _tilted(harmonic, _HARMONIC_OCTAVES, slope)
            elif self._axis is not None:
                harmonic = _tilted(harmonic, _octaves(self._axis * f0), slope)
        if setting.breath != 0.0:
            noise = noise + np.float32(NEPER_PER_DB * setting.breath * voicing)
        return harmonic, noise


def _mixed(parts: Sequence[tuple[float, Controls]]) -> Controls:
    if len(parts) == 1:
        return parts[0][1]
    harmonic, noise = (sum(np.float32(part) * controls[i] for part, controls in parts) for i in (0, 1))
    return np.asarray(harmonic), np.asarray(noise)


def _passing(frames: Sequence[Controls], before: int, way: float | None) -> Controls:
    """Return the controls so far on the way from a frame to the next, those of the next for None."""
    now = frames[before + 1]
    if way is None:
        return now
    last, step = frames[before], np.float32(way)
    return last[0] + (now[0] - last[0]) * step, last[1] + (now[1] - last[1]) * step


def _read(levels: Float32, axis: Float64, ratio: float) -> Float32:
    return np.interp(axis / ratio, axis, levels).astype(np.float32)


def _tilted(levels: Float32, octaves: Float64, slope: float) -> Float32:
    return (levels + slope * octaves).astype(np.float32)


def _octaves(hertz: Float64) -> Float64:
    """Return how far frequencies lie above the one from which brightness tilts."""
    return np.asarray(np.log2(np.maximum(hertz, _BRIGHTNESS_FROM_HZ) / _BRIGHTNESS_FROM_HZ))


_NOISE_OCTAVES, _HARMONIC_OCTAVES = _octaves(NOISE_GRID), _octaves(HARMONIC_GRID)


def groups(singers: Mapping[str, Singer]) -> list[list[int]]:
    """Return the indices of singers that share a synthesizer; a wavetable singer has tables of its own."""
    found: dict[str, list[int]] = {}
    for index, singer in enumerate(singers.values()):
        found.setdefault(singer.kind if singer.kind != "dwts" else f"dwts {singer.id}", []).append(index)
    return list(found.values())
