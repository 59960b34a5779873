"""Score a rendered clip: the rows of `plugin-bridge evaluate`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.metrics.intelligibility import pesq, stoi
from models.metrics.pitch import compare_pitch
from models.metrics.speaker import JUDGES, similarity
from models.metrics.spectral import log_spectral_distance, stft_loss
from plugin_bridge.measure.audition import Take
from plugin_bridge.measure.target import Target

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class ConversionScores:
    """One row of the conversion table; NaN where it is undefined."""

    source: str
    singer: str
    seconds: float
    transpose: float
    """Semitones."""
    cents: float
    """Median error of the output's pitch against the requested one."""
    rmse: float
    """F0RMSE: the same as a root mean square of ln f0, which a few octaves dominate."""
    correlation: float
    """Of their logarithms; low on a held note, where there is little to correlate."""
    spread: float
    """Standard deviation of the requested pitch, cents: how much there is to correlate."""
    gross: float
    """Share of frames more than 50 cents off."""
    octave: float
    """Share of frames an octave off."""
    voicing_f1: float
    source_cents: float
    """Median difference between the engine's tracker and the independent one on the source."""
    source_voicing_f1: float
    """Their agreement on what is voiced in the source: what the output can hardly exceed."""
    similarity_before: float
    """Cosine between the source's speaker and the target."""
    similarity_after: float
    """Cosine between the output's speaker and the target."""
    similarity_gain: float
    similarity_ceiling: float
    """The same of the target's own recordings in clips of this length."""
    stoi: float
    """Of the output against the source; falls with the interval of transposition."""
    stoi_at_pitch: float
    """The same when the singer sings at the source's own pitch."""


@dataclass(frozen=True)
class CopyScores:
    """One row of copy synthesis: a singer's own unseen recording, sung by the singer file."""

    source: str
    singer: str
    seconds: float
    stft_loss: float
    log_spectral_distance: float
    """dB, of bands one harmonic wide, where the recording is voiced."""
    cents: float
    """Median difference between output and recording, both by the independent tracker."""
    voicing_f1: float
    stoi: float
    pesq: float
    similarity: float
    """Cosine between the output's speaker and the mean of the recordings."""
    similarity_of_recording: float
    """The same of the recording itself: the ceiling."""


def score_conversion(take: Take, singer: str, target: Target) -> ConversionScores:
    """Score a conversion.

    Args:
        take: the clip as sung.
        singer: name for the table.
        target: the singer's held-out recordings.
    """
    clip = take.source.clip
    pitch = compare_pitch(take.requested, take.pitch, take.source.scored)
    tracking = compare_pitch(take.source.pitch, take.heard, take.source.scored)
    before = similarity(take.source.speaker, target.speaker(target.judge))
    after = _likeness(take, target)
    return ConversionScores(
        source=clip.name,
        singer=singer,
        seconds=clip.seconds,
        transpose=take.transpose,
        cents=pitch.cents,
        rmse=pitch.rmse,
        correlation=pitch.correlation,
        spread=pitch.spread,
        gross=pitch.gross,
        octave=pitch.octave,
        voicing_f1=pitch.voicing_f1,
        source_cents=tracking.cents,
        source_voicing_f1=tracking.voicing_f1,
        similarity_before=before,
        similarity_after=after,
        similarity_gain=after - before,
        similarity_ceiling=target.ceiling(clip.seconds),
        stoi=stoi(clip.audio, take.output, clip.sample_rate),
        stoi_at_pitch=stoi(clip.audio, take.output_at_pitch, clip.sample_rate),
    )


def score_copy(take: Take, singer: str, target: Target) -> CopyScores:
    """Score copy synthesis.

    Args:
        take: the recording as sung.
        singer: name for the table.
        target: all the recordings.
    """
    clip = take.source.clip
    pitch = compare_pitch(take.source.pitch, take.pitch)
    return CopyScores(
        source=clip.name,
        singer=singer,
        seconds=clip.seconds,
        stft_loss=stft_loss(take.output, clip.audio, clip.sample_rate),
        log_spectral_distance=log_spectral_distance(take.output, clip.audio, clip.sample_rate),
        cents=pitch.cents,
        voicing_f1=pitch.voicing_f1,
        stoi=stoi(clip.audio, take.output, clip.sample_rate),
        pesq=pesq(clip.audio, take.output, clip.sample_rate),
        similarity=_likeness(take, target),
        similarity_of_recording=similarity(take.source.speaker, target.speaker(target.judge)),
    )


def mean_row(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the means of the numbers of rows, each over the rows that have it; texts are left out."""
    means: dict[str, Any] = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        if isinstance(values[0], float):
            known = [value for value in values if math.isfinite(value)]
            means[name] = float(np.mean(known)) if known else math.nan
    return means


def _likeness(take: Take, target: Target) -> float:
    if not take.output.any():
        return math.nan
    speaker = JUDGES[target.judge](take.output, take.source.clip.sample_rate)
    return similarity(speaker, target.speaker(target.judge))
