"""What others sang, in content and pitch: a new voice sings it while it is fitted, so that words stay."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsp.controls import VOICED
from models.content.file import ContentEncoder
from models.errors import TrainingError
from models.training.batches import Batch, PreparedRecording, clean_example, excerpt, prepare, stack
from models.training.corpus import HOP, Recording
from models.training.enrolment.voices import Voice
from models.training.singer.adversarial import at_pitches

FRAMES = 120
SONGS = 64

Float32 = NDArray[np.float32]


def songs_of(voices: Sequence[Voice], encoder: ContentEncoder, seed: int = 0) -> Tensor:
    """Draw excerpts of what voices sang.

    Returns:
        Content, f0 in hertz, voicing and loudness in dB, (SONGS, FRAMES, C + 3), float16.

    Raises:
        TrainingError: no recording lasts long enough.
    """
    rng, running = np.random.default_rng(seed), encoder.start()
    pieces = [(piece, voice.weight) for voice in voices for piece in voice.recordings]
    pieces = [(piece, weight) for piece, weight in pieces if piece.recording.frames > FRAMES]
    if not pieces:
        raise TrainingError(f"no recording lasts {FRAMES / 100 + 0.01:g} s; give longer ones")
    chance = np.array([weight for _, weight in pieces])
    found: list[Float32] = []
    for index in rng.choice(len(pieces), SONGS, p=chance / chance.sum()):
        content, pitch, *_ = clean_example(pieces[index][0], running)
        voiced = rng.choice(np.flatnonzero(pitch[:, 1] > VOICED))
        start = min(max(0, int(voiced) - FRAMES // 2), len(pitch) - FRAMES)
        found.append(np.concatenate([content, pitch], axis=1)[start : start + FRAMES])
    return torch.from_numpy(np.stack(found).astype(np.float16))


class Songs:
    """Songs of others at a voice's own pitches.

    Args:
        songs: from `songs_of`.
        pitches: of the voice, hertz, any number.
        rng: draws from them.
    """

    def __init__(self, songs: Tensor, pitches: Float32, rng: np.random.Generator) -> None:
        rows = songs.float().numpy()
        self._pieces = at_pitches([_piece(row) for row in rows], pitches, rng)
        self._content = rows[:, :, :-3].repeat(len(self._pieces) // len(rows), axis=0)

    def draw(self, count: int, rng: np.random.Generator) -> Batch:
        """Return some of them, all that a renderer needs; their recordings are silence."""
        drawn = rng.choice(len(self._pieces), count)
        return stack([(self._content[one], *excerpt(self._pieces[one], 0, FRAMES)) for one in drawn])


def _piece(row: Float32) -> PreparedRecording:
    f0, voicing, loudness = row[:, -3:].T
    silence, nothing = np.zeros(len(row) * HOP, np.float32), np.zeros((len(row), 1), np.float32)
    return prepare(Recording("song", silence, nothing, loudness, f0, voicing))
