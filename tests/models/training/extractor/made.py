"""Small encoders, voices and music, made here."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from models.extractor.windows import FRAME, RATE
from models.training.extractor.pretrain import Size, pretrain
from models.training.extractor.voices import Voice

Float32 = NDArray[np.float32]

TINY = Size(width=16, layers=2, heads=2, front=8, steps=3, batch=2, seconds=0.64)


def sung(seconds: float, f0: float, rate: int = RATE) -> Float32:
    """Six harmonics with vibrato after a pause of 100 ms."""
    times = np.arange(round(seconds * rate)) / rate
    hertz = f0 * 2.0 ** (0.5 / 12.0 * np.sin(30.0 * times))
    phase = 2.0 * np.pi * (np.cumsum(hertz) - hertz) / rate
    wave = sum(np.sin(number * phase) / number for number in range(1, 7))
    return np.asarray(0.1 * wave * (times >= 0.1), np.float32)


def played(seconds: float, rate: int = RATE) -> Float32:
    """A chord with a beat."""
    times = np.arange(round(seconds * rate)) / rate
    chord = sum(np.sin(2.0 * np.pi * hertz * times) for hertz in (98.0, 147.0, 196.0, 247.0))
    return np.asarray(0.1 * chord * np.exp(-4.0 * (times % 0.5)), np.float32)


@cache
def voice(f0: float, seconds: float = 2.0) -> Voice:
    """A voice whose labels are known; not measured."""
    frames = round(100 * seconds)
    times = np.arange(frames) / 100.0
    voicing = (times >= 0.1).astype(np.float32)
    labels = (f0 * 2.0 ** (0.5 / 12.0 * np.sin(30.0 * times)), voicing, -80.0 + 60.0 * voicing)
    return Voice(sung(seconds, f0)[: frames * FRAME], *(label.astype(np.float32) for label in labels))


def write_folders(place: Path) -> tuple[Path, Path]:
    """Write recordings of voices and of music, and return their folders."""
    voices, music = place / "voices", place / "music"
    for folder in (voices, music):
        folder.mkdir()
    for number in range(2):
        soundfile.write(voices / f"take{number}.wav", sung(2.6, 200.0 + 80.0 * number, 48000), 48000)
        soundfile.write(music / f"band{number}.wav", played(7.0 + number, 44100), 44100)
    return voices, music


def write_encoder(place: Path, architecture: str, size: Size = TINY) -> Path:
    """Pre-train an encoder for some steps and return its folder."""
    heard = place / "heard"
    if not heard.exists():
        heard.mkdir()
        soundfile.write(heard / "voice.wav", sung(4.0, 220.0), RATE)
        soundfile.write(heard / "music.wav", played(4.0), RATE)
    pretrain([heard], place / architecture, architecture, size)
    return place / architecture
