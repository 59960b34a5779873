"""Voices for training: recordings where two trackers agree on the pitch, and new renditions of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from dsp.controls import VOICED, onset_hold
from dsp.decimator import Decimator
from dsp.filters import HARMONIC_GRID
from dsp.ltas import AUDIBLE_DB
from dsp.spectrum import loudness_gain
from dsp.synth import Knot
from dsp.units import MAX_F0, MIN_F0
from models.metrics.tracker import track_pitch
from models.singer.file import Singer
from models.training.batches import between, clean_bands, described, prepare
from models.training.cache import Arrays, cached, digest
from models.training.corpus import HOP, TRAINING_RATE, Recording, analyse, read_voice
from models.training.melody.lines import drawn_line

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Random = np.random.Generator

VERSION = 3  # raise it when takes are made otherwise, so that those on disk are made again
RATE = TRAINING_RATE // 5
"""Rate of the audio after `dsp.decimator`, hertz."""
FRAME = RATE // 100
AGREEMENT = 50.0 / 1200.0
"""Octaves within which two trackers agree."""
MOVED_SEMITONES = 6.0
"""A recording is also played up to this much faster or slower, for other pitches and vocal tracts."""
FORMANT_RATIO = 1.25
CHUNK_FRAMES = 100
FULL_SCALE = 32767.0


@dataclass(frozen=True)
class Take:
    """An unaccompanied voice and its labels; frame k is centred at sample k * FRAME."""

    audio: Float32
    """(frames * FRAME,) at `RATE`, peak 1."""
    f0: Float32
    """(frames,) hertz; NaN where it is unknown or nothing is sung."""
    voicing: Float32
    """(frames,) 0..1; NaN where it is unknown."""


def decimated(audio: Float32) -> Float32:
    """Return 48 kHz audio as the network's features hear it, without the delay, whole frames."""
    low = Decimator(TRAINING_RATE)
    frames = audio.size // HOP
    padded = np.concatenate([audio[: frames * HOP], np.zeros(HOP, np.float32)])
    return low.process(padded)[low.delay :][: frames * FRAME]


def real_take(recording: Recording) -> Take:
    """Label a recording where this project's tracker and SwiftF0 agree.

    Raises:
        MissingExtraError: swift-f0 is not installed.
    """
    other = track_pitch(recording.audio, TRAINING_RATE)
    f0, voiced, here = other.f0, other.voiced, recording.voicing > VOICED
    near = np.abs(np.log2(recording.f0 / f0)) < AGREEMENT
    sure = voiced & here & near & (f0 > MIN_F0) & (f0 < MAX_F0)
    known = sure | (~voiced & ~here)
    return _take(recording.audio, np.where(sure, f0, np.nan), np.where(known, voiced.astype(float), np.nan))


def played_faster(take: Take, audio: Float32, semitones: float) -> Take:
    """Return a labelled recording as if the tape ran faster, at another pitch from another vocal tract.

    Args:
        take: the recording.
        audio: the same at 48 kHz.
        semitones: by which its pitch rises.
    """
    ratio = 2.0 ** (semitones / 12.0)
    moved = np.asarray(soxr.resample(audio, TRAINING_RATE * ratio, TRAINING_RATE), np.float32)
    times = np.arange(moved.size // HOP) * ratio
    f0 = ratio * np.interp(times, np.arange(take.f0.size), take.f0)  # beside what is not a number: neither
    f0[(f0 < MIN_F0) | (f0 > MAX_F0)] = np.nan
    return _take(moved, f0, np.interp(times, np.arange(take.voicing.size), take.voicing))


def sung_again(recording: Recording, singer: Singer, rng: Random) -> Take:
    """Let a singer sing a recording along a random pitch line, which is thereby known exactly.

    Args:
        recording: analysed.
        singer: loaded.
        rng: what is drawn from.
    """
    frames = recording.frames - 1
    voicing = recording.voicing[:frames].astype(np.float64)
    f0 = drawn_line(recording.f0[:frames].astype(np.float64), voicing > VOICED, rng)
    bands = clean_bands(prepare(recording))
    seen = bands if singer.content is None else described(singer.content.start(), bands)
    ratio = FORMANT_RATIO ** rng.uniform(-1.0, 1.0)
    estimator = singer.start()
    loudness = recording.loudness[:frames].astype(np.float64)
    nothing = np.zeros(frames)
    harmonic, noise = estimator.process(seen, bands, f0, voicing, loudness, nothing, nothing)
    if singer.kind == "sawsing":
        moved = [np.interp(HARMONIC_GRID / ratio, HARMONIC_GRID, row) for row in harmonic]
        harmonic = np.array(moved, np.float32)
    knots = list(zip(harmonic, noise, strict=True))
    audio = _rendered(singer, int(rng.integers(1 << 30)), f0, voicing, loudness, knots)
    quiet = loudness < loudness.max() - AUDIBLE_DB - 20.0
    voicing[quiet] = 0.0
    return _take(audio, np.where(voicing > VOICED, f0, np.nan), voicing)


def _rendered(
    singer: Singer,
    seed: int,
    f0: Float64,
    voicing: Float64,
    loudness: Float64,
    controls: list[tuple[Float32, Float32]],
) -> Float32:
    """Synthesize the hops between the frames, then one of silence, so that there are as many."""
    synthesizer = singer.synthesizer(TRAINING_RATE, seed)
    # Number by number, as the engine: numpy's power may have other bits in a longer row.
    gain = np.array([loudness_gain(level) for level in loudness])
    pitch = np.log2(f0)
    starts = onset_hold(pitch[:-1], voicing[:-1], pitch[1:])
    lines = [np.exp2(between(starts, pitch[1:]))]
    lines += [between(part[:-1], part[1:]) for part in (voicing, gain)]
    out = []
    for start in range(0, f0.size - 1, CHUNK_FRAMES):
        stop = min(start + CHUNK_FRAMES, f0.size - 1)
        knots = [Knot((i - start) * HOP, *controls[i]) for i in range(start, stop + 1)]
        hertz, gate, level = (line[start * HOP : stop * HOP] for line in lines)
        out.append(synthesizer.process(hertz, gate.astype(np.float32), level.astype(np.float32), knots))
    return np.concatenate([*out, np.zeros(HOP, np.float32)])


def _take(audio: Float32, f0: Float64, voicing: Float64) -> Take:
    low = decimated(audio)
    peak = float(np.abs(low).max(initial=0.0))
    return Take(low / np.float32(peak or 1.0), f0.astype(np.float32), voicing.astype(np.float32))


def takes_of(path: Path, singers: Sequence[Singer], renditions: int, cache: Path) -> list[Take]:
    """Return a recording, the recording at another speed, and renditions of it; kept in `cache`.

    Args:
        path: an audio file.
        singers: who may sing it again.
        renditions: how many times it is sung again.
        cache: a folder; safe to delete.

    Raises:
        MissingExtraError: swift-f0 is not installed.
    """
    name = digest(json.dumps([VERSION, [singer.id for singer in singers]]), path)

    @lru_cache
    def recording() -> Recording:
        return analyse(path.stem, read_voice(path))

    takes: list[Take] = []

    def following() -> Take:
        rng = np.random.default_rng([int(name, 16), len(takes)])
        if not takes:
            return real_take(recording())
        if len(takes) == 1:
            return played_faster(takes[0], recording().audio, rng.uniform(-1.0, 1.0) * MOVED_SEMITONES)
        return sung_again(recording(), singers[int(rng.integers(len(singers)))], rng)

    while len(takes) < 2 + renditions:
        stored = cache / f"{name}-{len(takes)}.npz"
        takes.append(_unpacked(cached(stored, lambda: _packed(following()))))
    return takes


def _packed(take: Take) -> Arrays:
    return vars(take) | {"audio": np.rint(FULL_SCALE * take.audio).astype(np.int16)}


def _unpacked(arrays: Arrays) -> Take:
    return Take(arrays["audio"].astype(np.float32) / np.float32(FULL_SCALE), arrays["f0"], arrays["voicing"])
