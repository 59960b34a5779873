"""Write down what a voice in a file sings, as the engine hears it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from models.notes import Note
from models.transcription import transcribed, tuning_of, voice_frames
from plugin_bridge.engine.pitchtracking import USUAL, pitch_tracker
from plugin_bridge.errors import AudioFileError
from plugin_bridge.files.reader import AudioReader
from plugin_bridge.measure.clips import native_mono

MAX_SECONDS = 3600.0
"""The longest recording, which takes a gigabyte."""


class Transcription(NamedTuple):
    """The notes of a file."""

    notes: list[Note]
    """One or more."""
    tuning: float
    """By how many semitones the voice sings above A = 440 Hz, -0.5 to 0.5."""
    remark: str
    """A sentence where the file's header does not fit its audio, else ""."""


def transcription(path: Path, pitch: str = USUAL) -> Transcription:
    """Read a file and find its notes (`models.transcription`).

    Args:
        path: of a file that `AudioReader` takes.
        pitch: name of the tracker.

    Raises:
        AudioFileError: the file cannot be used, lasts longer than `MAX_SECONDS`, or nobody sings in it.
    """
    with AudioReader(path) as reader:
        if reader.frames > MAX_SECONDS * reader.sample_rate:
            raise AudioFileError(
                f"{reader.name} lasts {reader.frames / reader.sample_rate:.0f} s and at most "
                f"{MAX_SECONDS:.0f} are written down at once; cut it"
            )
        audio = np.concatenate(list(reader.chunks()), axis=1)
        rate, name, remark = reader.sample_rate, reader.name, reader.note
    mono, native = native_mono(audio, rate)
    f0, voicing, loudness = voice_frames(mono, native, pitch_tracker(pitch, native))
    notes = transcribed(f0, voicing, loudness)
    if not notes:
        raise AudioFileError(
            f"{name} has no note that is sung; give a voice, or --pitch melody for one in a mix"
        )
    return Transcription(notes, tuning_of(f0, voicing), remark)
