"""Have a clip sung by a singer, and score what comes out: the rows of `plugin-bridge evaluate`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.controls import VOICED
from dsp.units import hop_size
from models.metrics.intelligibility import pesq, stoi
from models.metrics.pitch import FRAMES_PER_SECOND, PitchTrack, compare_pitch
from models.metrics.speaker import embedding, similarity
from models.metrics.spectral import stft_loss
from models.metrics.tracker import track_pitch
from plugin_bridge.clips import Clip
from plugin_bridge.core import Reading
from plugin_bridge.engine import Engine
from plugin_bridge.parameters import Value
from plugin_bridge.sourcepitch import SourcePitch
from plugin_bridge.target import Target
from plugin_bridge.voices import Singer

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Source:
    """A clip and what does not depend on who sings it."""

    clip: Clip
    speaker: Float32
    """Its speaker embedding."""
    pitch: PitchTrack
    """Its pitch by the independent tracker."""


@dataclass(frozen=True)
class Take:
    """A clip as a singer sang it."""

    source: Source
    output: Float32
    """Shape (samples,), aligned with the clip."""
    requested: PitchTrack
    """What the engine asked of the singer, frame by frame."""
    pitch: PitchTrack
    """The pitch of the output by the independent tracker."""
    transpose: float
    """Median interval between what the engine heard and what it asked for, semitones."""
    output_at_pitch: Float32
    """The output without transposition, for measures that a transposition disturbs."""


@dataclass(frozen=True)
class ConversionScores:
    """One row of the conversion table; what cannot be told is not a number."""

    source: str
    singer: str
    seconds: float
    transpose: float
    """Semitones."""
    cents: float
    """Median error of the output's pitch against the requested one."""
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
    cents: float
    """Median difference between output and recording, both by the independent tracker."""
    voicing_f1: float
    stoi: float
    pesq: float
    similarity: float
    """Cosine between the output's speaker and the mean of the recordings."""
    similarity_of_recording: float
    """The same of the recording itself: the ceiling."""


def heard(clip: Clip, seconds: float = 0.0) -> Source:
    """Measure a clip.

    Args:
        clip: a voice.
        seconds: of a longer clip only the stretch of this length with the most voiced frames; 0 for all.

    Raises:
        MissingExtraError: the extra `eval` is not installed.
        ValueError: the clip is silent.
    """
    pitch = track_pitch(clip.audio, clip.sample_rate)
    frames = round(seconds * FRAMES_PER_SECOND)
    if 0 < frames < pitch.f0.size:
        counts = np.concatenate([[0], np.cumsum(pitch.voiced)])
        first = int(np.argmax(counts[frames:] - counts[:-frames]))
        hop = hop_size(clip.sample_rate)
        clip = dataclasses.replace(clip, audio=clip.audio[first * hop : (first + frames) * hop])
        pitch = PitchTrack(pitch.f0[first : first + frames], pitch.voiced[first : first + frames])
    return Source(clip, embedding(clip.audio, clip.sample_rate), pitch)


def sing(source: Source, singer: Singer, parameters: Mapping[str, Value]) -> Take:
    """Have a clip sung by the engine, noting the pitch it asks for.

    Args:
        source: the clip.
        singer: who sings it.
        parameters: values that differ from the table's defaults.
    """
    clip = source.clip
    scan = SourcePitch(clip.sample_rate)
    scan.process(clip.audio[None])
    output, readings = _render(clip, singer, {"source_pitch": scan.median(), **parameters})
    asked = np.array([(r.f0_out, r.f0, r.voicing) for r in readings], np.float64)
    voiced = asked[:, 2] > VOICED
    steps = np.rint(1200.0 * np.log2(asked[voiced, 0] / asked[voiced, 1]))
    interval = float(np.median(steps)) / 100.0 if voiced.any() else 0.0
    return Take(
        source=source,
        output=output,
        requested=PitchTrack(asked[:, 0], voiced),
        pitch=track_pitch(output, clip.sample_rate),
        transpose=interval,
        output_at_pitch=_render(clip, singer, {**parameters, "transpose": 0.0})[0] if interval else output,
    )


def _render(clip: Clip, singer: Singer, parameters: Mapping[str, Value]) -> tuple[Float32, list[Reading]]:
    """Return the output, aligned with the clip, and what was heard and asked for in every frame."""
    hop = hop_size(clip.sample_rate)
    engine = Engine(clip.sample_rate, 1, [singer], parameters=parameters)
    frames = -(-clip.audio.size // hop)
    padded = np.zeros((1, (frames + 1) * hop + engine.latency), np.float32)
    padded[0, : clip.audio.size] = clip.audio
    blocks, readings = [], []
    for start in range(0, padded.shape[1] - hop + 1, hop):
        blocks.append(engine.process(padded[:, start : start + hop]))
        readings.append(engine.reading)
    output = np.concatenate(blocks, axis=1)[0, engine.latency :][: clip.audio.size]
    return output, readings[1 : frames + 1]  # the reading after block j is of frame j - 1


def score_conversion(take: Take, singer: str, target: Target) -> ConversionScores:
    """Score a conversion.

    Args:
        take: the clip as sung.
        singer: name for the table.
        target: the singer's held-out recordings.
    """
    clip = take.source.clip
    pitch = compare_pitch(take.requested, take.pitch)
    ratio = 2.0 ** (take.transpose / 12.0)
    tracking = compare_pitch(PitchTrack(take.requested.f0 / ratio, take.requested.voiced), take.source.pitch)
    before = similarity(take.source.speaker, target.speaker)
    after = _likeness(take, target.speaker)
    return ConversionScores(
        source=clip.name,
        singer=singer,
        seconds=clip.seconds,
        transpose=take.transpose,
        cents=pitch.cents,
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


def score_copy(take: Take, singer: str, target: Float32) -> CopyScores:
    """Score copy synthesis.

    Args:
        take: the recording as sung.
        singer: name for the table.
        target: mean speaker embedding of all the recordings.
    """
    clip = take.source.clip
    pitch = compare_pitch(take.source.pitch, take.pitch)
    return CopyScores(
        source=clip.name,
        singer=singer,
        seconds=clip.seconds,
        stft_loss=stft_loss(take.output, clip.audio, clip.sample_rate),
        cents=pitch.cents,
        voicing_f1=pitch.voicing_f1,
        stoi=stoi(clip.audio, take.output, clip.sample_rate),
        pesq=pesq(clip.audio, take.output, clip.sample_rate),
        similarity=_likeness(take, target),
        similarity_of_recording=similarity(take.source.speaker, target),
    )


def mean_row(rows: Sequence[ConversionScores | CopyScores]) -> dict[str, Any]:
    """Return the means of the numbers of rows, each over the rows that have it; words are left out."""
    means: dict[str, Any] = {}
    for field in dataclasses.fields(rows[0]):
        values = [getattr(row, field.name) for row in rows]
        if isinstance(values[0], float):
            known = [value for value in values if math.isfinite(value)]
            means[field.name] = float(np.mean(known)) if known else math.nan
    return means


def _likeness(take: Take, target: Float32) -> float:
    if not take.output.any():
        return math.nan
    return similarity(embedding(take.output, take.source.clip.sample_rate), target)
