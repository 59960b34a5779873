"""Compare pitch trackers on voices under accompaniment: the rows of `plugin-bridge evaluate --melody`."""

from __future__ import annotations

import dataclasses
import math
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsp.units import hop_size
from models.metrics.accompaniment import excerpt, mixed
from models.metrics.pitch import PitchScores, PitchTrack, busiest, compare_pitch
from models.metrics.reference import LABEL_SUFFIX, Reference, consensus, read_label
from models.metrics.trackers import TRACKERS
from plugin_bridge.audition import render
from plugin_bridge.clips import Clip, read_clip
from plugin_bridge.parameters import Value
from plugin_bridge.pitchtracking import USUAL, PitchName
from plugin_bridge.resampling import resampled
from plugin_bridge.voices import Singer

Float32 = NDArray[np.float32]

CLEAN = "clean"
LEVELS: Mapping[str, float] = {CLEAN: math.inf, "15 dB": 15.0, "10 dB": 10.0, "5 dB": 5.0, "0 dB": 0.0}
"""The levels of the seed's table: what they are called, and the SNR."""
MOVING_CENTS = 50.0
"""Below this spread a clip is one held note, and its correlation tells of jitter, not of melody."""
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


@dataclass(frozen=True)
class Trial:
    """One voice at one level, as one tracker heard it."""

    tracker: str
    snr: str
    """One of `LEVELS`."""
    voice: str
    music: str
    seconds: float
    reference: Reference
    track: PitchTrack
    took: float
    """Seconds of computing."""


@dataclass(frozen=True)
class MelodyScores:
    """One row: a tracker at a level, of one voice or of all; what cannot be told is not a number."""

    tracker: str
    snr: str
    seconds: float
    rmse: float
    """F0RMSE, of ln f0 over frames voiced in both."""
    rise: float
    """F0RMSE relative to that of the clean voices."""
    correlation: float
    """F0CORR; of several voices the mean over those that move by 50 cents or more."""
    voicing_f1: float
    accuracy: float
    """Share of frames that are right in voicing and within 50 cents."""
    gross: float
    octave: float
    cents: float
    cost: float
    """Milliseconds of computing for a second of audio."""


def read_voice(path: Path, seconds: float) -> Voice:
    """Read a clean voice and tell its pitch: by the label `NAME.f0.csv` beside it, or by consensus.

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
    """Lay accompaniment under a voice; piece and excerpt are drawn by the voice's name.

    Raises:
        ValueError: voice or accompaniment is silent.
    """
    clip = voice.clip
    rng = np.random.default_rng([EXCERPTS, zlib.crc32(clip.name.encode("utf-8", "backslashreplace"))])
    piece = music[int(rng.integers(len(music)))]
    under = excerpt(at_rate(piece, clip.sample_rate), clip.audio.size, rng)
    levels = {name: mixed(clip.audio, under, snr, clip.sample_rate) for name, snr in LEVELS.items()}
    return Mixes(piece.name, levels)


def trials(voice: Voice, mixes: Mixes, trackers: Sequence[str]) -> Iterator[Trial]:
    """Run trackers on a voice at every level.

    Raises:
        MissingExtraError: a tracker is not installed.
    """
    clip = voice.clip
    for snr, audio in mixes.levels.items():
        for name in trackers:
            begun = time.perf_counter()
            track = TRACKERS[name].track(audio, clip.sample_rate)
            took = time.perf_counter() - begun
            yield Trial(name, snr, clip.name, mixes.music, clip.seconds, voice.reference, track, took)


def at_rate(piece: Clip, sample_rate: int) -> Float32:
    """Return the audio of a clip at another native rate, shape (samples,)."""
    if piece.sample_rate == sample_rate:
        return piece.audio
    chunks = list(resampled([piece.audio[None]], 1, piece.sample_rate, sample_rate))
    return np.asarray(np.concatenate(chunks, axis=1)[0], np.float32)


def scores(found: Sequence[Trial]) -> list[MelodyScores]:
    """Return a row for every tracker and level, over the frames of all voices together."""
    groups: dict[tuple[str, str], list[Trial]] = {}
    for trial in found:
        groups.setdefault((trial.tracker, trial.snr), []).append(trial)
    rows: list[MelodyScores] = []
    clean: dict[str, float] = {}
    for tracker in dict.fromkeys(trial.tracker for trial in found):
        for snr in LEVELS:
            group = groups[tracker, snr]
            pitch, seconds = pooled(group), sum(trial.seconds for trial in group)
            rmse = clean.setdefault(tracker, pitch.rmse)
            rows.append(
                MelodyScores(
                    tracker=tracker,
                    snr=snr,
                    seconds=seconds,
                    rmse=pitch.rmse,
                    rise=pitch.rmse / rmse if rmse else math.nan,
                    correlation=pitch.correlation,
                    voicing_f1=pitch.voicing_f1,
                    accuracy=pitch.accuracy,
                    gross=pitch.gross,
                    octave=pitch.octave,
                    cents=pitch.cents,
                    cost=1000.0 * sum(trial.took for trial in group) / seconds,
                )
            )
    return rows


def pooled(group: Sequence[Trial]) -> PitchScores:
    """Score trials as if their voices were one, but for the correlation.

    Voices lie octaves apart, so a correlation over all of them would be near 1 whatever the tracker does: it
    is the mean over the voices, without those that hold one note.
    """
    every = compare_pitch(
        PitchTrack(*(np.concatenate(x) for x in zip(*(t.reference.track for t in group), strict=True))),
        PitchTrack(*(np.concatenate(x) for x in zip(*(t.track for t in group), strict=True))),
        np.concatenate([trial.reference.scored for trial in group]),
    )
    each = [compare_pitch(t.reference.track, t.track, t.reference.scored) for t in group]
    known = [
        one.correlation for one in each if one.spread >= MOVING_CENTS and not math.isnan(one.correlation)
    ]
    return dataclasses.replace(every, correlation=float(np.mean(known)) if known else math.nan)


def left_out(voices: Sequence[Voice]) -> float:
    """Return the share of frames that carry no score, 0..1."""
    return 1.0 - float(np.concatenate([voice.reference.scored for voice in voices]).mean())


def _cut(voice: Voice, seconds: float) -> Voice:
    clip, reference = voice.clip, voice.reference
    frames = busiest(reference.track.voiced & reference.scored, seconds)
    hop = hop_size(clip.sample_rate)
    audio = clip.audio[frames.start * hop : frames.stop * hop]
    return Voice(dataclasses.replace(clip, audio=audio), reference.part(frames.start, frames.stop))
