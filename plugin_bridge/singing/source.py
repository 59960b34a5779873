"""The source stem: control frames on a pitch and at a level, as sound that engines turn into any singer."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.synth import Knot, SawSing
from dsp.units import MAX_HOPS, hop_size
from models.pronunciation.file import LOWEST_DB, Pronounced
from models.pronunciation.phones import first_frame

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

BURST_SECONDS = 0.001
"""A burst opens within this time."""
MIN_HZ, MAX_HZ = 20.0, 6000.0
_FLOOR = 10.0 ** (LOWEST_DB / 20.0)


class _Burst(NamedTuple):
    """The samples of a hop between which everything steps."""

    start: int
    stop: int


def render(
    pronounced: Pronounced,
    f0: Float64,
    level: Float64,
    sample_rate: int,
    seed: int = 0,
    hops: int = MAX_HOPS,
) -> Iterator[Float32]:
    """Yield a source stem in pieces.

    Args:
        pronounced: the control frames.
        f0: hertz of each frame, shape (frames,), between which the pitch is drawn straight in semitones, or
            of each sample, shape (frames * hop,); 0 where nothing is sung.
        level: of the notes in each frame: A-weighted loudness, dB re full scale, shape (frames,).
        sample_rate: a native rate in hertz.
        seed: names the noise.
        hops: in a piece, 1 to `dsp.units.MAX_HOPS`; the samples do not depend on it.

    Yields:
        Mono, float32, `hops` * hop samples, the last piece fewer: frames * hop in all. The sample k * hop is
        at frame k.

    Raises:
        ValueError: a shape does not fit the frames, or a number is not finite.
    """
    frames, hop = pronounced.level.size, hop_size(sample_rate)
    if level.shape != (frames,) or f0.shape not in ((frames,), (frames * hop,)):
        raise ValueError(
            f"f0 of shape {f0.shape} and level of shape {level.shape} do not fit {frames} frames; "
            "give one number per frame"
        )
    if not (np.isfinite(f0).all() and np.isfinite(level).all()):
        raise ValueError("f0 or level holds a number that is not finite; give hertz and dB")
    opened = np.maximum(10.0 ** (pronounced.level / 20.0) - _FLOOR, 0.0)
    gain = (opened * 10.0 ** (level / 20.0)).astype(np.float32)
    steps = _steps(pronounced.bursts, frames, sample_rate)
    synth = SawSing(sample_rate, seed)
    pitch = np.log2(np.clip(_filled(f0), MIN_HZ, MAX_HZ))
    for start in range(0, frames, hops):
        stop = min(start + hops, frames)
        hertz = np.exp2(_pitch(pitch, start, stop, frames, hop))
        places = np.minimum(np.arange(start, stop + 1), frames - 1)
        bounds = [steps.get(frame) for frame in range(start, stop)]
        gate, loud = (_drawn(row[places], bounds, hop) for row in (pronounced.voicing, gain))
        yield synth.process(hertz, gate, loud, _knots(pronounced, places, bounds, hop))


def stem(pronounced: Pronounced, f0: Float64, level: Float64, sample_rate: int, seed: int = 0) -> Float32:
    """Return a whole source stem, shape (frames * hop,), float32; see `render`."""
    return np.concatenate(list(render(pronounced, f0, level, sample_rate, seed)))


def _filled(f0: Float64) -> Float64:
    """Return the pitch with that of the nearest note where nothing is sung."""
    sung = np.flatnonzero(f0 > 0.0)
    if not sung.size:
        return np.full(f0.size, 220.0)
    places = np.arange(f0.size)
    after = np.minimum(np.searchsorted(sung, places), sung.size - 1)
    before = np.maximum(after - 1, 0)
    nearer = np.abs(sung[before] - places) < np.abs(sung[after] - places)
    return np.asarray(f0[np.where(nearer, sung[before], sung[after])])


def _pitch(pitch: Float64, start: int, stop: int, frames: int, hop: int) -> Float64:
    """Return octaves of the samples of some hops."""
    if pitch.size != frames:
        return pitch[start * hop : stop * hop]
    ends = pitch[np.minimum(np.arange(start, stop + 1), frames - 1)]
    rise = np.arange(hop) / hop
    return np.asarray((ends[:-1, None] + np.diff(ends)[:, None] * rise).ravel())


def _steps(bursts: Float64, frames: int, sample_rate: int) -> dict[int, _Burst]:
    """Return between which samples of which hops the controls step."""
    hop, width = hop_size(sample_rate), max(1, round(BURST_SECONDS * sample_rate))
    found: dict[int, _Burst] = {}
    for time in bursts.tolist():
        frame = first_frame(time) - 1
        if 0 <= frame < frames - 1:
            start = min(round(time * sample_rate) - frame * hop, hop - width)
            found[frame] = _Burst(max(1, start), max(1, start) + width)
    return found


def _drawn(row: Float32, bounds: list[_Burst | None], hop: int) -> Float32:
    """Return frames drawn straight to samples, but for a step where there is a burst."""
    rise = np.arange(hop, dtype=np.float32) / np.float32(hop)
    lines = row[:-1, None] + np.diff(row)[:, None] * rise
    for line, (before, after), burst in zip(lines, pairwise(row.tolist()), bounds, strict=True):
        if burst is not None:
            line[: burst.start] = before
            line[burst.start : burst.stop] = np.linspace(before, after, burst.stop - burst.start)
            line[burst.stop :] = after
    return np.asarray(lines.ravel(), np.float32)


def _knots(
    pronounced: Pronounced, places: NDArray[np.intp], bounds: list[_Burst | None], hop: int
) -> list[Knot]:
    harmonic, noise = pronounced.harmonic, pronounced.noise
    found = [Knot(0, harmonic[places[0]], noise[places[0]])]
    for number, burst in enumerate(bounds):
        before, after = places[number], places[number + 1]
        if burst is not None:
            found.append(Knot(number * hop + burst.start, harmonic[before], noise[before]))
            if burst.stop < hop:
                found.append(Knot(number * hop + burst.stop, harmonic[after], noise[after]))
        found.append(Knot((number + 1) * hop, harmonic[after], noise[after]))
    return found
