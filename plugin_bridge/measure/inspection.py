"""Hear a file as the engine does, for a picture of it: pitch, voicing and level."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsp.units import HOPS_PER_SECOND, db_to_gain
from models.metrics.pictures import FLOOR_DB, Sound
from models.metrics.trackers import pitch_frames
from plugin_bridge.engine.pitchtracking import USUAL, pitch_tracker
from plugin_bridge.errors import AudioFileError
from plugin_bridge.files.reader import AudioReader
from plugin_bridge.measure.clips import native_mono

MAX_SECONDS = 1200.0
"""The most that a picture shows; a pixel is then nearly a second."""


def inspected(path: Path, start: float = 0.0, seconds: float = 0.0, pitch: str = USUAL) -> tuple[Sound, str]:
    """Read a file, or a part of it, and hear it.

    Args:
        path: of a file that `AudioReader` takes.
        start: seconds from its beginning.
        seconds: to hear; 0 for all up to the end.
        pitch: name of the tracker.

    Returns:
        The sound, and a sentence where the file's header does not fit its audio, else "".

    Raises:
        AudioFileError: the file cannot be used, ends before `start`, or has more than `MAX_SECONDS` to show.
    """
    with AudioReader(path) as reader:
        rate = reader.sample_rate
        audio = _part(reader, start, seconds)
        note = reader.note
    mono, native = native_mono(audio, rate)
    frames = pitch_frames(pitch_tracker(pitch, native), mono, native)
    sound = Sound(
        name=path.name if reader.name == str(path) else reader.name,
        audio=mono,
        sample_rate=native,
        f0=np.array([frame.f0 for frame in frames], np.float64),
        voicing=np.array([frame.voicing for frame in frames], np.float64),
        level=_levels(audio, rate, len(frames)),
        start=start,
    )
    return sound, note


def _part(reader: AudioReader, start: float, seconds: float) -> NDArray[np.float32]:
    rate = reader.sample_rate
    first = round(start * rate)
    if first >= reader.frames:
        raise AudioFileError(f"{reader.name} ends at {reader.frames / rate:.2f} s; start before that")
    stop = min(reader.frames, first + round(seconds * rate)) if seconds else reader.frames
    if stop - first > MAX_SECONDS * rate:
        raise AudioFileError(
            f"{reader.name} has {(stop - first) / rate:.0f} s to show and a picture holds {MAX_SECONDS:.0f}; "
            "choose a part with --start and --seconds"
        )
    parts = []
    position = 0
    for x in reader.chunks():
        parts.append(x[:, max(0, first - position) : stop - position])
        position += x.shape[1]
        if position >= stop:
            break
    return np.concatenate(parts, axis=1)


def _levels(audio: NDArray[np.float32], sample_rate: int, frames: int) -> NDArray[np.float64]:
    """Return the peak of all channels, dBFS, of the 10 ms around each frame's centre."""
    peaks = np.abs(audio).max(axis=0)
    edges = np.rint((np.arange(frames) - 0.5) * sample_rate / HOPS_PER_SECOND).astype(np.intp)
    around = np.maximum.reduceat(peaks, edges.clip(0, peaks.size - 1))
    return np.asarray(20.0 * np.log10(np.maximum(around, db_to_gain(FLOOR_DB)), dtype=np.float64))
