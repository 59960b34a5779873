"""Voices and accompaniment at 16 kHz; pitch, energy and voicing come from the engine's own blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from models.extractor.windows import FRAME, RATE
from models.training.cache import cached, digest
from models.training.corpus import ANALYSIS_VERSION, TRAINING_RATE, Recording, analyse, read_voice

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


def _cached(path: Path, cache: Path) -> Voice:
    stored = cache / f"{digest(f'voice {ANALYSIS_VERSION} ', path)}.npz"
    return Voice(**cached(stored, lambda: vars(voice_of(analyse(path.stem, read_voice(path))))))


def read_music(path: Path) -> Float32:
    """Read accompaniment as mono at 16 kHz, (samples,)."""
    return np.asarray(soxr.resample(read_voice(path), TRAINING_RATE, RATE), np.float32)


def pieces_of(music: Float32) -> list[Float32]:
    """Cut accompaniment into pieces of at most 30 s and leave out silent ones."""
    size = PIECE_SECONDS * RATE
    pieces = [music[start : start + size] for start in range(0, music.size, size)]
    return [piece for piece in pieces if piece.size and np.sqrt(np.square(piece).mean()) > SILENT]
