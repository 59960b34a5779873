"""Training examples: excerpts of voices, half of them with accompaniment at 0 to 20 dB (arXiv 2502.04722)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsp.controls import VOICED
from models.errors import TrainingError
from models.extractor.windows import RATE
from models.metrics.accompaniment import excerpt, mixed
from models.training.extractor.voices import Voice

Float32 = NDArray[np.float32]

ACCOMPANIED = 0.5
SNR_DB = (0.0, 20.0)


class Batch(NamedTuple):
    """Examples of equal length."""

    audio: Tensor
    """(batch, frames * 160) at 16 kHz."""
    pitch: Tensor
    """ln of f0 in hertz, (batch, frames)."""
    energy: Tensor
    """Loudness of the voice alone, dB, (batch, frames)."""
    voiced: Tensor
    """0 or 1, (batch, frames)."""


def accompanied(
    voice: Float32, pieces: Sequence[Float32], snr_db: float, rng: np.random.Generator
) -> Float32:
    """Lay an excerpt of one of the pieces under a voice, (samples,), the voice `snr_db` above it."""
    try:
        music = excerpt(pieces[int(rng.integers(len(pieces)))], voice.size, rng)
    except ValueError:  # it hardly plays
        return voice
    try:
        return mixed(voice, music, snr_db, RATE)
    except ValueError:  # a pause of the singer, in which the music plays alone
        return voice + music


class ExampleMaker:
    """Draw batches.

    Args:
        voices: drawn by their length.
        music: pieces of accompaniment at 16 kHz, not silent.
        frames: of an example, an even number.
        batch: examples of a batch.

    Raises:
        TrainingError: there is no music, or no voice is as long as an example.
    """

    def __init__(self, voices: Sequence[Voice], music: Sequence[Float32], frames: int, batch: int) -> None:
        self._voices = [voice for voice in voices if voice.frames >= frames]
        self._music = music
        if not self._voices:
            raise TrainingError(f"no recording is as long as {frames / 100:g} s; give longer ones")
        if not music:
            raise TrainingError("the accompaniment is silent; give music that plays")
        starts = np.array([voice.frames - frames + 1.0 for voice in self._voices])
        self._chances = starts / starts.sum()
        self._frames, self._batch = frames, batch

    def __call__(self, *seed: int) -> Batch:
        """Return the batch that a seed names."""
        rng = np.random.default_rng(seed)
        examples = [self._example(rng) for _ in range(self._batch)]
        return Batch(*(torch.from_numpy(np.stack(column)) for column in zip(*examples, strict=True)))

    def _example(self, rng: np.random.Generator) -> tuple[Float32, Float32, Float32, Float32]:
        voice = self._voices[int(rng.choice(len(self._voices), p=self._chances))]
        first = int(rng.integers(voice.frames - self._frames + 1))
        part = voice.part(first, first + self._frames)
        audio = part.audio
        if rng.random() < ACCOMPANIED:
            audio = accompanied(audio, self._music, float(rng.uniform(*SNR_DB)), rng)
        return audio, np.log(part.f0), part.loudness, (part.voicing > VOICED).astype(np.float32)
