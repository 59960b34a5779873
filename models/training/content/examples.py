"""Labelled recordings of many voices, and examples drawn from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsp.spectrum import ENVELOPE_FLOOR_DB, ENVELOPE_GRID
from models.errors import TrainingError
from models.training.batches import PreparedRecording, perturbed_bands, prepare
from models.training.content.phones import PHONES, UNKNOWN, read_labels
from models.training.corpus import Recording, joined, load_corpus, recordings_in
from models.training.perturbation import Perturbation

Int64 = NDArray[np.int64]
Random = np.random.Generator

HOW = Perturbation(warp=1.18, blur=1.8, noise_db=(-75.0, -40.0))
BAND_LIMIT_HZ = (5000.0, 12000.0)
"""Half of the examples end somewhere here, as speech of small corpora does."""
RARE_FRAMES = 2000.0
"""The weight of a phone with fewer frames than these hardly grows any more."""
SILENCE_WEIGHT = 0.3
SETTLING_FRAMES = 12
"""Frames at the start of an example that do not count, while the network warms up."""


PIECE_FRAMES = 1500
"""Shorter recordings of a voice are put one after the other up to this length: the LTAS of a single syllable
would be the syllable itself."""


@dataclass(frozen=True)
class Labelled:
    """A recording of a voice, and what is sung in it."""

    voice: str
    path: str
    """VOICE/NAME of its file."""
    shift: float
    """Semitones by which it is transposed."""
    recording: Recording
    labels: Int64
    """(frames,), indices into `PHONES` or `UNKNOWN`."""


class Piece(NamedTuple):
    """Recordings of a voice, one after the other."""

    voice: str
    prepared: PreparedRecording
    labels: Int64


class Batch(NamedTuple):
    """Examples of equal length."""

    envelope: Tensor
    """(batch, frames, bands) dB, one frame ahead of the labels."""
    labels: Tensor
    """(batch, frames), indices into `PHONES` or `UNKNOWN`."""


def read_voices(
    folder: Path,
    cache: Path,
    shifts: Sequence[float],
    files: Callable[[Sequence[Path]], Iterable[Path]] = iter,
) -> list[Labelled]:
    """Read a folder of folders, one for each voice, in which every recording has a label file beside it.

    Args:
        folder: `VOICE/NAME.flac` with `VOICE/NAME.lab`, or other audio files.
        cache: where analyses are kept.
        shifts: semitones by which recordings are also transposed.
        files: wraps the files, such as a progress bar.

    Raises:
        TrainingError: there are no recordings, or one has no label file or lies in no voice's folder.
    """
    found: list[Labelled] = []
    for path in files(recordings_in(folder)):
        if path.parent == folder:
            raise TrainingError(f"{path} lies in no folder of a voice; move it into one")
        labels = path.with_suffix(".lab")
        if not labels.is_file():
            raise TrainingError(f"{path} has no label file {labels.name} beside it; add it")
        for shift, recording in zip(shifts, load_corpus([path], cache, shifts), strict=True):
            known = read_labels(labels, recording.frames)
            voice = path.parent.name
            found.append(Labelled(voice, f"{voice}/{path.name}", shift, recording, known))
    return found


def pieces_of(recordings: Iterable[Labelled]) -> list[Piece]:
    """Join the short recordings of each voice and transposition."""
    groups: list[list[Labelled]] = []
    for one in sorted(recordings, key=lambda one: (one.voice, one.shift, one.path)):
        last = groups[-1] if groups else []
        alike = last and (last[0].voice, last[0].shift) == (one.voice, one.shift)
        if alike and sum(part.recording.frames for part in last) < PIECE_FRAMES:
            last.append(one)
        else:
            groups.append([one])
    return [
        Piece(
            group[0].voice,
            prepare(joined([one.recording for one in group])),
            np.concatenate([one.labels for one in group]),
        )
        for group in groups
    ]


class ExampleMaker:
    """Draw perturbed examples, from every voice by the root of its length.

    Args:
        recordings: of all voices.
        frames: length of an example.
        batch: examples per batch.

    Raises:
        TrainingError: no recording is longer than an example.
    """

    def __init__(self, recordings: Sequence[Labelled], frames: int, batch: int) -> None:
        self._usable = [one for one in pieces_of(recordings) if one.prepared.recording.frames > frames + 1]
        if not self._usable:
            raise TrainingError(f"no recording is longer than {frames / 100:.1f} s; give longer recordings")
        lengths = np.array([one.prepared.recording.frames for one in self._usable], float)
        voices = np.unique([one.voice for one in self._usable], return_inverse=True)[1]
        mass = lengths / np.sqrt(np.bincount(voices, lengths))[voices]
        self._chance = mass / mass.sum()
        self._frames, self._batch = frames, batch

    def __call__(self, seed: Sequence[int]) -> Batch:
        """Return the batch of a seed."""
        rng = np.random.default_rng(seed)
        chosen = rng.choice(len(self._usable), self._batch, p=self._chance)
        examples = [self._example(self._usable[index], rng) for index in chosen]
        return Batch(*(torch.from_numpy(np.stack(parts)) for parts in zip(*examples, strict=True)))

    def _example(self, one: Piece, rng: Random) -> tuple[NDArray[np.float32], Int64]:
        start = int(rng.integers(one.prepared.recording.frames - self._frames))
        bands = perturbed_bands(one.prepared, start, self._frames, HOW, rng)
        if rng.random() < 0.5:
            bands[:, rng.uniform(*BAND_LIMIT_HZ) < ENVELOPE_GRID] = ENVELOPE_FLOOR_DB
        labels = one.labels[start : start + self._frames].copy()
        labels[:SETTLING_FRAMES] = UNKNOWN
        return bands, labels


def phone_weights(recordings: Iterable[Labelled]) -> Tensor:
    """Return each phone's weight in the loss: rare ones count more, silence less, vowels 1 on average."""
    counts = np.zeros(len(PHONES))
    for one in recordings:
        counts += np.bincount(one.labels[one.labels != UNKNOWN], minlength=counts.size)
    weights = np.sqrt(counts.sum() / (counts + RARE_FRAMES))
    weights /= weights[1:6].mean()
    weights[0] = SILENCE_WEIGHT
    return torch.from_numpy(weights.astype(np.float32))
