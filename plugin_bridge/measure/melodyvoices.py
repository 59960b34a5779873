"""Voices for the melody table: clean voices with known pitch, and the same mixed with accompaniment."""

from __future__ import annotations

import dataclasses
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsp.units import hop_size
from models.metrics.accompaniment import excerpt, mixed
from models.metrics.pitch import busiest
from models.metrics.reference import LABEL_SUFFIX, Reference, consensus, read_label
from plugin_bridge.control.parameters import Value
from plugin_bridge.engine.pitchtracking import USUAL, PitchName
from plugin_bridge.engine.singers import Singer
from plugin_bridge.files.resampling import resampled
from plugin_bridge.measure.audition import render
from plugin_bridge.measure.clips import Clip, read_clip

Float32 = NDArray[np.float32]

LEVELS: Mapping[str, float] = {"clean": math.inf, "15 dB": 15.0, "10 dB": 10.0, "5 dB": 5.0, "0 dB": 0.0}
"""What the levels are called, and the SNR: those of the melody table in arXiv 2502.04722."""
EXCERPTS = 4  # names the accompaniment drawn for each voice


@dataclass(frozen=True)
class Voice:
    """A clean voice whose pitch is known."""

    clip: Clip
    reference: Reference


@dataclass(frozen=True)
class Mixes:
    """A voice under accompaniment."""

    music: str
    """Name of the piece."""
    levels: Mapping[str, Float32]
    """The mixes by name of their level, each of shape (samples,)."""


def read_voice(path: Path, seconds: float) -> Voice:
    """Read a clean voice and its pitch: from the label `NAME.f0.csv` beside it, or by consensus.

    Args:
        path: of the recording.
        seconds: of a longer one only the stretch of this length with the most voiced frames; 0 for all.

    Raises:
        AudioFileError: the file cannot be used.
        ValueError: its label does not fit.
    """
    clip, label = read_clip([path]), path.with_name(path.stem + LABEL_SUFFIX)
    frames = -(-clip.audio.size // hop_size(clip.sample_rate))
    known = read_label(label, frames) if label.is_file() else consensus(clip.audio, clip.sample_rate)
    return _cut(Voice(clip, known), seconds)


def resung(voice: Voice, singer: Singer, parameters: Mapping[str, Value], pitch: PitchName = USUAL) -> Voice:
    """Return a voice as a singer sings it: audio whose pitch is known exactly, frame by frame.

    Args:
        voice: whose melody and words.
        singer: who sings.
        parameters: values that differ from the table's defaults.
        pitch: how the engine hears the voice.
    """
    clip = voice.clip
    sung = render(clip.audio, clip.sample_rate, singer, parameters, pitch)
    exact = Reference(sung.requested, np.ones(sung.requested.f0.size, bool), exact=True)
    name = f"{clip.name} by {singer.id}"
    return Voice(dataclasses.replace(clip, name=name, audio=sung.output), exact)


def under_music(voice: Voice, music: Sequence[Clip]) -> Mixes:
    """Mix a voice with accompaniment; the voice's name seeds the choice of piece and excerpt.

    Raises:
        ValueError: voice or accompaniment is silent.
    """
    clip = voice.clip
    rng = np.random.default_rng([EXCERPTS, zlib.crc32(clip.name.encode("utf-8", "backslashreplace"))])
    piece = music[int(rng.integers(len(music)))]
    under = excerpt(at_rate(piece, clip.sample_rate), clip.audio.size, rng)
    levels = {name: mixed(clip.audio, under, snr, clip.sample_rate) for name, snr in LEVELS.items()}
    return Mixes(piece.name, levels)


def at_rate(piece: Clip, sample_rate: int) -> Float32:
    """Return the audio of a clip at another native rate, shape (samples,)."""
    if piece.sample_rate == sample_rate:
        return piece.audio
    chunks = list(resampled([piece.audio[None]], 1, piece.sample_rate, sample_rate))
    return np.asarray(np.concatenate(chunks, axis=1)[0], np.float32)


def left_out(voices: Sequence[Voice]) -> float:
    """Return the share of frames that carry no score, 0..1."""
    return 1.0 - float(np.concatenate([voice.reference.scored for voice in voices]).mean())


def _cut(voice: Voice, seconds: float) -> Voice:
    clip, reference = voice.clip, voice.reference
    frames = busiest(reference.track.voiced, seconds)
    hop = hop_size(clip.sample_rate)
    audio = clip.audio[frames.start * hop : frames.stop * hop]
    return Voice(dataclasses.replace(clip, audio=audio), reference.part(frames.start, frames.stop))
