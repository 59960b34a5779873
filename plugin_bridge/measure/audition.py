"""Render a clip with a singer, keeping the pitch the engine heard and the pitch it asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.controls import VOICED
from dsp.units import hop_size
from models.metrics.phones import moved_labels
from models.metrics.pitch import FRAMES_PER_SECOND, PitchTrack, busiest, transposed
from models.metrics.reference import consensus
from models.metrics.speaker import JUDGES
from models.metrics.tracker import track_pitch
from plugin_bridge.control.parameters import Value
from plugin_bridge.engine.engine import Engine
from plugin_bridge.engine.pitchtracking import USUAL, PitchName
from plugin_bridge.engine.singers import Singer
from plugin_bridge.engine.sourcepitch import SourcePitch
from plugin_bridge.measure.clips import Clip

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Source:
    """A clip and its measurements, which do not depend on the singer."""

    clip: Clip
    speaker: Float32
    """Its speaker embedding, by one judge."""
    pitch: PitchTrack
    """Its pitch by the independent tracker."""
    scored: NDArray[np.bool_] | None = None
    """Frames of it that count, where it stands for what the engine should hear; None for all."""
    mix: Float32 | None = None
    """What the engine is given instead: the clip under accompaniment, of the same shape."""


@dataclass(frozen=True)
class Take:
    """A clip rendered with a singer."""

    source: Source
    output: Float32
    """Shape (samples,), aligned with the clip."""
    heard: PitchTrack
    """What the engine heard, frame by frame."""
    requested: PitchTrack
    """What the engine asked of the singer; of a mix what the clean clip's pitch would have asked."""
    pitch: PitchTrack
    """The pitch of the output by the independent tracker."""
    transpose: float
    """Median interval between what the engine heard and what it asked for, semitones."""
    output_at_pitch: Float32
    """The output without transposition, for measures that a transposition disturbs."""


def heard(clip: Clip, seconds: float = 0.0, mix: Float32 | None = None, judge: str = "resemblyzer") -> Source:
    """Measure a clip.

    Args:
        clip: a voice.
        seconds: of a longer clip only the stretch of this length with the most voiced frames; 0 for all.
        mix: what the engine is to be given in its place, of the same shape; None for the clip itself.
        judge: that of `models.metrics.speaker.JUDGES` that tells its speaker.

    Raises:
        MissingExtraError: the extra `eval` is not installed.
        ValueError: the clip is silent.
    """
    pitch = track_pitch(clip.audio, clip.sample_rate)
    frames = busiest(pitch.voiced, seconds)
    samples = slice(frames.start * hop_size(clip.sample_rate), frames.stop * hop_size(clip.sample_rate))
    labels = moved_labels(clip.labels, -frames.start / FRAMES_PER_SECOND)
    labels = tuple(label for label in labels if label.stop * FRAMES_PER_SECOND <= frames.stop - frames.start)
    whole = frames == slice(0, pitch.voiced.size)
    lyrics = clip.lyrics if whole else ""  # nobody knows which of them are left
    clip = dataclasses.replace(clip, audio=clip.audio[samples], labels=labels, lyrics=lyrics)
    pitch = PitchTrack(pitch.f0[frames], pitch.voiced[frames])
    speaker = JUDGES[judge](clip.audio, clip.sample_rate)
    if mix is None:
        return Source(clip, speaker, pitch)
    known = consensus(clip.audio, clip.sample_rate)
    return Source(clip, speaker, known.track, known.scored, mix[samples])


def sing(source: Source, singer: Singer, parameters: Mapping[str, Value], pitch: PitchName = USUAL) -> Take:
    """Render a clip with a singer.

    Args:
        source: the clip.
        singer: who sings it.
        parameters: values that differ from the table's defaults.
        pitch: how the engine hears the source.
    """
    clip = source.clip
    audio = clip.audio if source.mix is None else source.mix
    sung = render(audio, clip.sample_rate, singer, parameters, pitch)
    voiced = sung.heard.voiced
    steps = np.rint(1200.0 * np.log2(sung.requested.f0[voiced] / sung.heard.f0[voiced]))
    interval = float(np.median(steps)) / 100.0 if voiced.any() else 0.0
    level = {**parameters, "transpose": 0.0}
    return Take(
        source=source,
        output=sung.output,
        heard=sung.heard,
        requested=sung.requested if source.mix is None else transposed(source.pitch, interval),
        pitch=track_pitch(sung.output, clip.sample_rate),
        transpose=interval,
        output_at_pitch=(
            render(audio, clip.sample_rate, singer, level, pitch).output if interval else sung.output
        ),
    )


class Rendered(NamedTuple):
    """The output of the engine, with the pitch it heard and asked for."""

    output: Float32
    """Shape (samples,), aligned with the audio."""
    heard: PitchTrack
    """What it heard in every frame."""
    requested: PitchTrack
    """What it asked of the singer: exactly the pitch of the output."""


def render(
    audio: Float32,
    sample_rate: int,
    singer: Singer,
    parameters: Mapping[str, Value],
    pitch: PitchName = USUAL,
) -> Rendered:
    """Render audio with the engine, as a bounce does.

    Args:
        audio: shape (samples,).
        sample_rate: native, hertz.
        singer: who sings.
        parameters: values that differ from the table's defaults.
        pitch: how it hears the audio.
    """
    hop = hop_size(sample_rate)
    scan = SourcePitch(sample_rate, pitch)
    scan.process(audio[None])
    values = {"source_pitch": scan.median(), **parameters}
    engine = Engine(sample_rate, 1, [singer], parameters=values, pitch=pitch)
    frames = -(-audio.size // hop)
    padded = np.zeros((1, (frames + 1) * hop + engine.latency), np.float32)
    padded[0, : audio.size] = audio
    blocks, readings = [], []
    for start in range(0, padded.shape[1] - hop + 1, hop):
        blocks.append(engine.process(padded[:, start : start + hop]))
        readings.append(engine.reading)
    output = np.concatenate(blocks, axis=1)[0, engine.latency :][: audio.size]
    asked = np.array([(r.f0_out, r.f0, r.voicing) for r in readings], np.float64)
    asked = asked[1 : frames + 1]  # the reading after block j is of frame j - 1
    voiced = asked[:, 2] > VOICED
    return Rendered(output, PitchTrack(asked[:, 1], voiced), PitchTrack(asked[:, 0], voiced))
