"""How alive a voice is: harmonics against noise, shimmer, jitter, and how held vowels move."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.features import FeatureExtractor
from dsp.fourier import fast_size
from dsp.spectrum import ENVELOPE_GRID, UNVOICED_WIDTH_HZ, envelope
from dsp.units import MAX_F0, MAX_HOPS, MIN_F0
from models.metrics.extras import eval_extra
from models.metrics.pitch import FRAMES_PER_SECOND

BANDS_HZ = ((1000.0, 2000.0), (2000.0, 4000.0), (4000.0, 8000.0), (8000.0, 12000.0))
MAX_MOVEMENT_HZ = 8000.0
_VOICED = 0.5
_MIN_SECONDS = 4.0 / MIN_F0
"""Praat refuses what holds fewer than three of the longest periods."""
_LAGS = 4
"""Samples around a period in which the likeliest is looked for: the tracker is right within 1 %."""
_STEADY_FRAMES = 5
"""A vowel is held where for so many frames it stays voiced, ..."""
_STEADY_DB = 1.0
"""... its loudness moves by at most so much from frame to frame, ..."""
_STEADY_SEMITONES = 0.1
"""... and its pitch by so much: a glide of a semitone in 50 ms costs the tenth harmonic 10 dB of its HNR."""
_HNR_RATE = 48000
"""Bands are looked at at this rate or above, so that the highest harmonic has four samples a period."""

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


class Liveliness(NamedTuple):
    """What tells a voice from a synthesizer; not a number where too little is voiced."""

    hnr: tuple[float, ...]
    """Harmonics-to-noise ratio in dB in each of `BANDS_HZ`, median over held vowels (Boersma 1993)."""
    shimmer: float
    """Mean change of amplitude from period to period, relative to the mean (Praat's local shimmer)."""
    jitter: float
    """The same of the period."""
    movement: float
    """Mean change of the envelope's bands up to 8 kHz within 10 ms of held vowels, dB."""


def mean_liveliness(measured: Sequence[Liveliness]) -> Liveliness:
    """Return the means of what was measured, each over the voices that have it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a mean of nothing, which is not a number
        hnr = np.nanmean([one.hnr for one in measured], axis=0)
        shimmer, jitter, movement = np.nanmean([one[1:] for one in measured], axis=0)
    return Liveliness(tuple(hnr.tolist()), float(shimmer), float(jitter), float(movement))


def liveliness(audio: Float32, sample_rate: int) -> Liveliness:
    """Measure a voice that sings alone.

    Args:
        audio: mono, shape (samples,), float32.
        sample_rate: a native rate in hertz.

    Raises:
        MissingExtraError: parselmouth is not installed.
    """
    with eval_extra():
        import parselmouth  # noqa: PLC0415 - an extra
    if audio.size < _MIN_SECONDS * sample_rate:
        return Liveliness(len(BANDS_HZ) * (math.nan,), *3 * (math.nan,))
    frames = _analysed(audio, sample_rate)
    call = parselmouth.praat.call
    sound = parselmouth.Sound(audio.astype(np.float64), sample_rate)
    marks = call(sound, "To PointProcess (periodic, cc)", MIN_F0, MAX_F0)
    limits = (0.0, 0.0, 0.5 / MAX_F0, 2.0 / MIN_F0, 1.3)  # all of it; periods; neighbours up to 1.3 apart
    jitter = call(marks, "Get jitter (local)", *limits)
    shimmer = call([sound, marks], "Get shimmer (local)", *limits, 1.6)
    held = _held(frames)
    hnr = tuple(_hnr(audio, sample_rate, frames.f0, held, band) for band in BANDS_HZ)
    return Liveliness(hnr, float(shimmer), float(jitter), _movement(frames, held))


class _Frames(NamedTuple):
    power: Float64
    f0: Float64
    voicing: Float64
    loudness: Float64


def _analysed(audio: Float32, sample_rate: int) -> _Frames:
    """Return what the engine sees, frame k centred at k hops."""
    extractor = FeatureExtractor(sample_rate)
    hops = audio.size // extractor.hop
    padded = np.concatenate([audio[: hops * extractor.hop], np.zeros(2 * extractor.hop, np.float32)])
    step = MAX_HOPS * extractor.hop
    parts = [extractor.process(padded[at : at + step]) for at in range(0, padded.size, step)]
    power = np.concatenate([part.spectrum.power for part in parts])[:hops]
    late = (np.concatenate([np.asarray(part[k]) for part in parts])[1 : hops + 1] for k in (1, 2, 3))
    return _Frames(power, *late)


def _held(frames: _Frames) -> NDArray[np.bool_]:
    """Return the frames in whose middle vowels are held."""
    still = (
        (np.minimum(frames.voicing[1:], frames.voicing[:-1]) > _VOICED)
        & (np.abs(np.diff(frames.loudness)) < _STEADY_DB)
        & (np.abs(np.diff(12.0 * np.log2(frames.f0))) < _STEADY_SEMITONES)
    )
    return np.concatenate(
        [[False], np.convolve(still, np.ones(_STEADY_FRAMES), "same") > _STEADY_FRAMES - 0.5]
    )


def _hnr(
    audio: Float32, sample_rate: int, f0: Float64, held: NDArray[np.bool_], band: tuple[float, float]
) -> float:
    """Return the median over frames of r / (1 - r) in dB, r the likeness of two periods to the next."""
    size = fast_size(audio.size)
    spectrum = np.fft.rfft(audio.astype(np.float64), size)
    hertz = np.fft.rfftfreq(size, 1.0 / sample_rate)
    spectrum[(hertz < band[0]) | (hertz > band[1])] = 0.0
    times = -(-_HNR_RATE // sample_rate)
    rate, sound = times * sample_rate, np.fft.irfft(spectrum, times * size)[: times * audio.size]
    found = []
    for frame in np.flatnonzero(held)[::2]:
        period = rate / f0[frame]
        span, middle = round(2.0 * period), round(frame * rate / FRAMES_PER_SECOND)
        if span <= middle < sound.size - span - 2 * _LAGS:
            found.append(_likeness(sound, middle, span, period))
    if not found:
        return math.nan
    likeness = float(np.clip(np.median(found), 1e-3, 1.0 - 1e-6))
    return 10.0 * math.log10(likeness / (1.0 - likeness))


def _likeness(sound: Float64, middle: int, span: int, period: float) -> float:
    """Return the highest normalised correlation with what follows a period later, between samples, too."""
    here = sound[middle - span : middle]
    lags = round(period) + np.arange(-_LAGS, _LAGS + 1)
    later = np.stack([sound[middle - span + lag : middle + lag] for lag in lags])
    scores = later @ here / np.sqrt(np.maximum(1e-20, (later**2).sum(1) * (here**2).sum()))
    best = int(np.clip(scores.argmax(), 1, scores.size - 2))
    before, top, after = scores[best - 1 : best + 2]
    bend = before - 2.0 * top + after
    return float(top - (before - after) ** 2 / (8.0 * bend)) if bend < 0.0 else float(top)


def _movement(frames: _Frames, held: NDArray[np.bool_]) -> float:
    """Return how far bands move from frame to frame where vowels are held."""
    width = np.where(frames.voicing > _VOICED, frames.f0, UNVOICED_WIDTH_HZ)
    bands = envelope(frames.power, frames.loudness, width)[:, ENVELOPE_GRID <= MAX_MOVEMENT_HZ]
    moves = np.abs(np.diff(bands, axis=0)).mean(axis=1)[held[1:]]
    return float(moves.mean()) if moves.size else math.nan
