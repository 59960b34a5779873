"""What the pronunciation is to say of a recording: the controls with which the synthesizer copies it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsp.filters import HARMONIC_GRID, NOISE_GRID
from dsp.ltas import AUDIBLE_DB
from dsp.units import HOPS_PER_SECOND
from models.content.file import RunningEncoder
from models.pronunciation.file import HIGHEST_DB, LOWEST_DB
from models.pronunciation.phones import PAUSE, Sound, bursts, first_frame
from models.training.batches import PreparedRecording
from models.training.pronunciation.sung import UNKNOWN, contour, read_phones, sounds_of
from models.training.refiner.bands import written
from models.training.refiner.frames import CoarseSinger, FrameMaker

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

RUMBLE_HZ = 150.0
"""No breath is louder below this than there, but rooms are."""
QUIET_DB = -55.0
"""So far below its note a frame says nothing of its filters."""
_RUMBLE = int(np.searchsorted(NOISE_GRID, RUMBLE_HZ))
_WRITE_HARMONIC, _WRITE_NOISE = (written(grid).astype(np.float32) for grid in (HARMONIC_GRID, NOISE_GRID))


@dataclass(frozen=True)
class Song:
    """A recording as phones and controls."""

    name: str
    voice: str
    sounds: list[Sound]
    f0: Float64
    """Hertz, 0 where nothing is sung, (frames,)."""
    contour: Float64
    """Loudness of the notes, dB, (frames,)."""
    controls: Float32
    """Harmonic and noise in nepers, level in dB / 10, voicing, (frames, CONTROLS)."""
    weights: Float32
    """How much the harmonic filter counts, the noise filter, and the frame at all, (frames, 3)."""


def song_of(prepared: PreparedRecording, labels: Path, voice: str, maker: FrameMaker) -> Song:
    """Analyse a labelled recording.

    Args:
        prepared: the recording.
        labels: its label file.
        voice: who sings.
        maker: of the singer's network.

    Raises:
        TrainingError: the labels cannot be read, or name no vowel.
    """
    recording = prepared.recording
    found = sounds_of(read_phones(labels), recording)
    coarse = maker.copied(prepared)
    frames = coarse.harmonic.shape[0]
    harmonic = coarse.harmonic + coarse.lack @ _WRITE_HARMONIC.T
    noise = coarse.noise + coarse.lack @ _WRITE_NOISE.T
    np.minimum(noise[:, :_RUMBLE], noise[:, _RUMBLE, None], out=noise[:, :_RUMBLE])
    note = contour(recording, found)[:frames]
    voicing, loudness = recording.voicing[:frames], recording.loudness[:frames]
    level = np.clip(loudness - note, LOWEST_DB, HIGHEST_DB)
    audible = (level > QUIET_DB) & (loudness > recording.loudness.max() - AUDIBLE_DB)
    known = _known(found, frames)
    controls = np.concatenate([harmonic, noise, level[:, None] / 10.0, voicing[:, None]], axis=1)
    weights = np.stack([known * audible * voicing, known * audible, known], axis=1)
    sounds = [one._replace(base=PAUSE) if one.base == UNKNOWN else one for one in found]
    f0 = np.where(voicing > 0.0, recording.f0[:frames], 0.0).astype(np.float64)
    controls = sharp(controls.astype(np.float32), bursts(sounds))
    return Song(recording.name, voice, sounds, f0, note, controls, weights.astype(np.float32))


def _known(sounds: Sequence[Sound], frames: int) -> NDArray[np.float64]:
    """Return 0 for the frames of which nobody knows what is sung, and 1 for others."""
    known = np.ones(frames)
    for sound in sounds:
        if sound.base == UNKNOWN:
            known[int(sound.start * HOPS_PER_SECOND) : int(sound.stop * HOPS_PER_SECOND) + 1] = 0.0
    return known


def sharp(controls: Float32, times: Sequence[float]) -> Float32:
    """Give frames that hear a burst that is still to come the controls of the last that does not."""
    for time in times:
        before = first_frame(time) - 1  # the window goes on for 10 ms after its centre
        if 0 < before < len(controls):
            controls[before] = controls[before - 1]
    return controls


def maker_of(singer: Path, encoder: RunningEncoder) -> FrameMaker:
    """Return what compares recordings with the copies of a singer's file."""
    return FrameMaker(CoarseSinger(singer), encoder)
