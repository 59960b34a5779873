"""Hear a backing track on a grid of sixteenths: its beats, and of each step its tones, onsets and levels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import soxr
from numpy.typing import NDArray

from dsp.downmix import mono_of
from models.errors import BackingError
from models.guide.beats import Beats, Evidence, beats_of
from models.guide.steps import PER_BEAT
from models.optional import imports
from models.samples import sample_fault

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

RATE = 24000
"""Hertz at which a backing track is analysed."""
HOP = 256
"""Samples between frames, 11 ms."""
MIN_SECONDS = 4.0
MAX_SECONDS = 3600.0
SILENCE_DB = -70.0
"""RMS of a backing track that is taken for silent, dB re full scale."""
LOWEST_HZ = 32.703
"""C1, the lowest tone heard."""
OCTAVES = 7
BASS_OCTAVES = 3
"""From `LOWEST_HZ` on; the chords are heard above the first two of them."""
BAND_EDGES = (20.0, 150.0, 600.0, 3000.0, 10000.0)
"""Of the levels, hertz."""
RANGE_DB = 60.0
"""Levels are told from 0, this far below the loudest, to 1."""
FFT = 2048
TONES_HOP = 1024
PIECE, MARGIN = 60 * RATE, 2 * RATE
"""Samples that are analysed at once, and those around them for the filters of the lowest tones."""
TUNING_SECONDS = 90
"""From the middle of a recording, in which its tuning is heard."""


@dataclass(frozen=True)
class Heard:
    """What is heard in a backing track; step 0 of the grid is the first of a bar.

    times: seconds at which the steps begin and the last one ends, (steps + 1,), rising; the first may lie
    before the recording and the last behind it. chroma, bass: share of each pitch class from C on in the
    chords and in the bass, (steps, 12), 0..1, of which the largest is 1, or all 0 in silence. onset: how much
    begins, (steps,), 0..1. levels: of four bands from low to high, (steps, 4), 0..1. seconds: length of the
    recording. tuning: semitones by which it lies above A = 440 Hz, -.5 to .5. bpm: beats a minute.
    """

    times: Float64
    chroma: Float32
    bass: Float32
    onset: Float32
    levels: Float32
    seconds: float
    tuning: float
    bpm: float
    steady: bool
    """Whether beats were found; else the grid is one of `models.guide.beats.DEFAULT_BPM`."""

    @property
    def steps(self) -> int:
        """How many there are."""
        return len(self.chroma)

    @property
    def beats(self) -> Float64:
        """Seconds at which the beats begin, (steps / 4,)."""
        return self.times[:-1:PER_BEAT]


def hear(audio: NDArray[np.floating], sample_rate: int) -> Heard:
    """Listen to a backing track; it needs the extra `guide`.

    Args:
        audio: mono or stereo, shape (samples,), (1, samples) or (2, samples), floats in -1..1.
        sample_rate: hertz, any.

    Raises:
        BackingError: it is silent, shorter than `MIN_SECONDS` or longer than `MAX_SECONDS`.
        MissingExtraError: the extra `guide` is not installed.
        ValueError: it has another shape, or holds a sample that is not finite.
    """
    x = _checked(audio, sample_rate)
    with imports("listening to a backing track", "guide"):
        import librosa  # noqa: PLC0415 - an extra
        import librosa.filters  # noqa: PLC0415 - it loads its parts lazily
        import librosa.onset  # noqa: PLC0415 - as above
    hertz = librosa.fft_frequencies(sr=RATE, n_fft=FFT)
    filters = librosa.filters.mel(sr=RATE, n_fft=FFT)
    bands = np.array([(hertz >= low) & (hertz < high) for low, high in pairwise(BAND_EDGES)], np.float32)

    def powers(piece: Float32) -> Float32:
        power = np.abs(librosa.stft(piece, n_fft=FFT, hop_length=HOP)) ** 2
        return np.concatenate([filters @ power, bands @ power])

    tuning = float(librosa.estimate_tuning(y=_middle(x), sr=RATE))

    def tones(piece: Float32) -> Float32:
        found: Float32 = np.abs(
            librosa.hybrid_cqt(
                piece, sr=RATE, hop_length=TONES_HOP, fmin=LOWEST_HZ, n_bins=12 * OCTAVES, tuning=tuning
            )
        )
        return found

    heard = _in_pieces(powers, x, HOP)
    mel, power = heard[: len(filters)], heard[len(filters) :]
    onset = librosa.onset.onset_strength(S=librosa.power_to_db(mel), sr=RATE, hop_length=HOP)
    classes = _peaks_of(_in_pieces(tones, x, TONES_HOP)).reshape(OCTAVES, 12, -1)
    evidence = Evidence(
        onset,
        _rises(power[0]),
        _rises(power[2]),
        np.concatenate([classes[1:].sum(axis=0), classes[:BASS_OCTAVES].sum(axis=0)]),
        HOP / RATE,
        TONES_HOP / RATE,
        x.size / RATE,
    )
    levels = 10.0 * np.log10(np.asarray(power, np.float64) + 1e-12)
    return _on_grid(beats_of(evidence), x.size / RATE, tuning, classes, onset, levels)


def _in_pieces(analyse: Callable[[Float32], Float32], x: Float32, hop: int) -> Float32:
    """Return the frames of a recording, (rows, 1 + samples // hop), without holding all that is analysed.

    Args:
        analyse: returns the frames of a piece, the first one centred at its first sample.
        x: (samples,).
        hop: samples from frame to frame.
    """
    size, margin = PIECE // hop * hop, MARGIN // hop * hop
    found = []
    for start in range(0, x.size, size):
        before = min(start, margin)
        frames = analyse(x[start - before : start + size + margin])[:, before // hop :]
        found.append(frames if start + size >= x.size else frames[:, : size // hop])
    # What is left of a last hop may have a frame in the piece before already.
    return np.concatenate(found, axis=1)[:, : 1 + x.size // hop]


def _peaks_of(tones: Float32) -> Float32:
    """Return by how much each semitone stands above its neighbours: tones do, drums and noise do not.

    Of made-up songs 93 % of the chords and 83 % of the keys are right with it, 84 % and 75 % without.

    Args:
        tones: magnitudes, (semitones, frames).
    """
    padded = np.pad(tones, ((1, 1), (0, 0)), mode="edge")
    return np.maximum(tones - 0.5 * (padded[:-2] + padded[2:]), 0.0)


def _middle(x: Float32) -> Float32:
    start = max(0, (x.size - TUNING_SECONDS * RATE) // 2)
    return x[start : start + TUNING_SECONDS * RATE]


def _checked(audio: NDArray[np.floating], sample_rate: int) -> Float32:
    rows = np.atleast_2d(np.asarray(audio, np.float32))
    if rows.ndim != 2 or len(rows) > 2:
        raise ValueError(
            f"a backing track has shape (samples,), (1, samples) or (2, samples), not {np.shape(audio)}"
        )
    if fault := sample_fault(rows, 0, sample_rate):
        raise ValueError(f"the backing track {fault}")
    seconds = rows.shape[1] / sample_rate
    if not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise BackingError(
            f"the backing track lasts {seconds:.1f} s; give one of {MIN_SECONDS:g} to {MAX_SECONDS:g} s"
        )
    x = np.stack([np.asarray(soxr.resample(row, sample_rate, RATE), np.float32) for row in rows])
    mono = mono_of(x, RATE) if len(x) == 2 else x[0]
    power = float(np.mean(np.square(mono, dtype=np.float64)))
    if power <= 10.0 ** (SILENCE_DB / 10.0):
        raise BackingError("the backing track is silent; give one in which music plays")
    return np.asarray(mono / np.sqrt(power) * 0.1, np.float32)


def _rises(power: Float32) -> Float32:
    """Return how much the level of a band rises from frame to frame, (frames,)."""
    level = np.log1p(10.0 * power)
    return np.asarray(np.maximum(0.0, np.diff(level, prepend=level[:1])), np.float32)


def _on_grid(
    beats: Beats, seconds: float, tuning: float, classes: Float32, onset: Float32, levels: Float64
) -> Heard:
    times = np.interp(
        np.arange((beats.times.size - 1) * PER_BEAT + 1) / PER_BEAT, np.arange(beats.times.size), beats.times
    )
    tones = np.concatenate([classes[2:].sum(axis=0), classes[:BASS_OCTAVES].sum(axis=0)])
    on_grid = _means(tones, times, TONES_HOP / RATE)
    level = _means(levels, times, HOP / RATE)
    peak = np.percentile(levels, 99.0, axis=1)
    begun = _peaks(onset, times, HOP / RATE)
    return Heard(
        times,
        _normalized(on_grid[:, :12]),
        _normalized(on_grid[:, 12:]),
        np.asarray(np.clip(begun / max(np.percentile(begun, 95.0), 1e-9), 0.0, 1.0), np.float32),
        np.asarray(np.clip(1.0 + (level - peak) / RANGE_DB, 0.0, 1.0), np.float32),
        seconds,
        tuning,
        beats.bpm,
        beats.found,
    )


def _means(rows: NDArray[np.floating], times: Float64, frame: float) -> Float64:
    """Return the means of frames, (rows, frames), during the steps, (steps, rows)."""
    sums = np.concatenate([np.zeros((len(rows), 1)), np.cumsum(rows, axis=1, dtype=np.float64)], axis=1)
    at = np.clip(times / frame + 0.5, 0.0, rows.shape[1])
    edges = np.stack([np.interp(at, np.arange(sums.shape[1]), row) for row in sums])
    return np.asarray((np.diff(edges) / np.maximum(np.diff(at), 1e-3)).T)


def _peaks(row: Float32, times: Float64, frame: float) -> Float64:
    """Return the largest value around the beginning of each step, (steps,)."""
    reach = 0.5 * float(np.median(np.diff(times)))
    first = np.clip(np.round((times[:-1] - reach) / frame), 0, row.size - 1).astype(int)
    last = np.clip(np.round((times[:-1] + reach) / frame), 0, row.size).astype(int)
    return np.array([row[a : max(a + 1, b)].max() for a, b in zip(first, last, strict=True)])


def _normalized(tones: Float64) -> Float32:
    """Scale each step to a largest share of 1; what is far below the loudest steps is silence."""
    top = tones.max(axis=1, keepdims=True)
    floor = 1e-3 * float(np.percentile(top, 95.0)) + 1e-12
    return np.asarray(np.where(top > floor, tones / np.maximum(top, floor), 0.0), np.float32)
