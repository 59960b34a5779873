"""Small songs for tests: a voice of harmonics that sings notes, a band of clicks, and a MIDI file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import mido
import numpy as np
import soundfile
from numpy.typing import NDArray

from dsp.units import semitones_to_hz

Float32 = NDArray[np.float32]
Melody = Sequence[tuple[float, float, int]]
"""Start and length in seconds, and MIDI note number."""

RATE = 22050
TUNE: Melody = [(0.5 * beat, 0.45, 57 + step) for beat, step in enumerate((0, 2, 4, 0, 5, 4, 2, 0, 7, 5))]
"""At 120 beats a minute."""


def voice(melody: Melody, seconds: float, rate: int = RATE, level: float = 0.2) -> Float32:
    """Return a melody sung by harmonics."""
    out = np.zeros(int(seconds * rate))
    for start, length, pitch in melody:
        t = np.arange(int(length * rate)) / rate
        shape = np.minimum(1.0, np.minimum(t, length - t) / 0.03)
        hertz = semitones_to_hz(pitch)
        note = shape * sum(level / k * np.sin(2.0 * np.pi * k * hertz * t) for k in range(1, 12))
        at = int(start * rate)
        out[at : at + note.size] += note[: out.size - at]
    return out.astype(np.float32)


def clicks(seconds: float, rate: int = RATE, every: float = 0.5) -> Float32:
    """Return a click of one sample on every beat."""
    out = np.zeros(int(seconds * rate), np.float32)
    out[:: int(every * rate)] = 0.5
    return out


def write(path: Path, audio: Float32, rate: int = RATE) -> None:
    """Write a WAV file of floats; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio.T if audio.ndim > 1 else audio, rate, subtype="FLOAT")


def write_melody(path: Path, melody: Melody = TUNE, bpm: float = 120.0) -> None:
    """Write a melody as a MIDI file in C."""
    track = mido.MidiTrack()
    track += [
        mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm)),
        mido.MetaMessage("key_signature", key="C"),
    ]
    events = [(start, "note_on", pitch) for start, _, pitch in melody]
    events += [(start + length, "note_off", pitch) for start, length, pitch in melody]
    now = 0
    for seconds, kind, pitch in sorted(events):
        tick = round(seconds * bpm / 60.0 * 480.0)
        track.append(mido.Message(kind, note=pitch, velocity=80, time=tick - now))
        now = tick
    song = mido.MidiFile(ticks_per_beat=480)
    song.tracks.append(track)
    song.save(path)
