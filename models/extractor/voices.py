"""Voices and accompaniment at 16 kHz; what is known of a voice is found by the engine's own blocks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from models.corpus import ANALYSIS_VERSION, TRAINING_RATE, Recording, analyse, read_voice
from models.extractor.windows import FRAME, RATE

Float32 = NDArray[np.float32]

PIECE_SECONDS = 30
"""Accompaniment is kept in pieces of this length, and drawn by the piece."""
SILENT = 1e-5
"""RMS of a piece below which there is nothing to hear."""


@dataclass(frozen=True)
class Voice:
    """One recording of a voice alone; frame j is centred at sample j * 160."""

    audio: Float32
    """16 kHz, (frames * 160,)."""
    f0: Float32
    """Hertz, (frames,), positive throughout."""
    voicing: Float32
    """0 to 1, (frames,)."""
    loudness: Float32
    """A-weighted dB re full scale, (frames,)."""

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return int(self.f0.size)

    def part(self, first: int, stop: int) -> Voice:
        """Return frames `first` to `stop`."""
        labels = (label[first:stop] for label in (self.f0, self.voicing, self.loudness))
        return Voice(self.audio[first * FRAME : stop * FRAME], *labels)


def voice_of(recording: Recording) -> Voice:
    """Keep what is needed of an analysed recording."""
    audio = np.zeros(recording.frames * FRAME, np.float32)
    heard = soxr.resample(recording.audio, TRAINING_RATE, RATE)[: audio.size]
    audio[: heard.size] = heard
    return Voice(audio, recording.f0, recording.voicing, recording.loudness)


def read_voices(
    paths: Sequence[Path], cache: Path, progress: Callable[[Sequence[Path]], Iterable[Path]] = iter
) -> list[Voice]:
    """Read and analyse recordings; what was found is kept in `cache`, which is safe to delete."""
    cache.mkdir(parents=True, exist_ok=True)
    return [_cached(path, cache) for path in progress(paths)]


def cache_of(path: Path, cache: Path) -> Path:
    """Return where the analysis of a recording is kept."""
    key = hashlib.sha256(f"voice {ANALYSIS_VERSION} ".encode() + path.read_bytes()).hexdigest()[:24]
    return cache / f"{key}.npz"


def keep(voice: Voice, stored: Path) -> None:
    """Write an analysis to its place in the cache."""
    partial = stored.with_suffix(".part.npz")
    np.savez(partial, **vars(voice))
    partial.replace(stored)


def _cached(path: Path, cache: Path) -> Voice:
    stored = cache_of(path, cache)
    if not stored.exists():
        keep(voice_of(analyse(path.stem, read_voice(path))), stored)
    with np.load(stored) as data:
        return Voice(**{name: data[name] for name in data.files})


def read_music(path: Path) -> Float32:
    """Read accompaniment as mono at 16 kHz, (samples,)."""
    return np.asarray(soxr.resample(read_voice(path), TRAINING_RATE, RATE), np.float32)


def pieces_of(music: Float32) -> list[Float32]:
    """Cut accompaniment into pieces of at most 30 s and leave out silent ones."""
    size = PIECE_SECONDS * RATE
    pieces = [music[start : start + size] for start in range(0, music.size, size)]
    return [piece for piece in pieces if piece.size and np.sqrt(np.square(piece).mean()) > SILENT]
