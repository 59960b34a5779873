"""Compare pitch trackers on voices under accompaniment: the rows of `plugin-bridge evaluate --melody`."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.metrics.mirex import mirex_scores
from models.metrics.pitch import PitchScores, PitchTrack, compare_pitch, joined
from models.metrics.reference import Reference
from models.metrics.trackers import TRACKERS
from plugin_bridge.measure.melodyvoices import LEVELS, Mixes, Voice

MOVING_CENTS = 50.0
"""Below this spread a clip is one held note, and its correlation tells of jitter, not of melody."""


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
    """Seconds of computing, of all cores together."""


@dataclass(frozen=True)
class MelodyScores:
    """One row: a tracker at a level, of one voice or of all; NaN where it is undefined."""

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
    raw_pitch: float
    """RPA, and so on: MIREX's, see `models.metrics.mirex`."""
    raw_chroma: float
    overall: float
    voicing_recall: float
    voicing_false_alarm: float
    cost: float
    """Milliseconds of computing for a second of audio, of all cores together."""


def trials(voice: Voice, mixes: Mixes, trackers: Sequence[str]) -> Iterator[Trial]:
    """Run trackers on a voice at every level.

    Raises:
        MissingExtraError: a tracker is not installed.
    """
    clip = voice.clip
    for snr, audio in mixes.levels.items():
        for name in trackers:
            begun = time.process_time()
            track = TRACKERS[name].track(audio, clip.sample_rate)
            took = time.process_time() - begun
            yield Trial(name, snr, clip.name, mixes.music, clip.seconds, voice.reference, track, took)


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
                    **dataclasses.asdict(mirex_scores(*_joined(group))),
                    cost=1000.0 * sum(trial.took for trial in group) / seconds,
                )
            )
    return rows


def pooled(group: Sequence[Trial]) -> PitchScores:
    """Score trials as if their voices were one, but for the correlation.

    Voices lie octaves apart, so a correlation over all of them would be near 1 whatever the tracker does: it
    is the mean over the voices, without those that hold one note.
    """
    every = compare_pitch(*_joined(group))
    each = [compare_pitch(t.reference.track, t.track, t.reference.scored) for t in group]
    known = [
        one.correlation for one in each if one.spread >= MOVING_CENTS and not math.isnan(one.correlation)
    ]
    return dataclasses.replace(every, correlation=float(np.mean(known)) if known else math.nan)


def _joined(group: Sequence[Trial]) -> tuple[PitchTrack, PitchTrack, NDArray[np.bool_]]:
    """Return reference track, measured track and scored frames, with all voices one after the other."""
    return (
        joined(trial.reference.track for trial in group),
        joined(trial.track for trial in group),
        np.concatenate([trial.reference.scored for trial in group]),
    )
