"""The voices that a shared network learns: of each a folder, and copies of it that are larger or smaller."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from models.errors import TrainingError
from models.training.batches import PreparedRecording
from models.training.corpus import Recording, analysed, recordings_in
from models.training.enrolment.bandlimit import band_limit
from models.training.singer.adversarial import prepared_pieces

Float32 = NDArray[np.float32]

RATIOS = (0.85, 0.92, 1.08, 1.18)
"""Voices as they come from a tape that runs slower or faster: formants, pitch and tempo move together, as
they do between a large singer and a small one, and nothing is synthesized."""
MAX_SECONDS = 240.0
"""Of a voice so much is heard, of files drawn from all of its folder."""
MAX_COPY_SECONDS = 45.0
COPY_WEIGHT = 0.5


@dataclass(frozen=True)
class Voice:
    """One voice to be learned."""

    name: str
    recordings: list[PreparedRecording]
    limit: float
    """Up to where its recordings hold anything, hertz."""
    weight: float
    """How often it is drawn: with the root of its length, and less where part of the spectrum is missing."""


def read_voices(
    folder: Path, cache: Path, files: Callable[[Sequence[Path]], Iterable[Path]] = iter, seed: int = 0
) -> list[Voice]:
    """Read a folder that holds a folder of recordings for each voice.

    Args:
        folder: of the folders.
        cache: where analyses are kept.
        files: wraps the voices' folders, such as a progress bar.
        seed: draws the files.

    Raises:
        TrainingError: there are no such folders, or in one there is nothing sung.
    """
    places = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if not places:
        raise TrainingError(f"{folder} holds no folders; put the recordings of each voice into its own")
    return [voice for place in files(places) for voice in _versions(place, cache, seed)]


def _versions(place: Path, cache: Path, seed: int) -> list[Voice]:
    """Return a voice and its copies, each of other files where there are enough."""
    rng = np.random.default_rng([seed, *place.name.encode()])
    paths = recordings_in(place)
    found = []
    for ratio in (1.0, *RATIOS):
        most = MAX_SECONDS if ratio == 1.0 else MAX_COPY_SECONDS
        records: list[Recording] = []
        for index in rng.permutation(len(paths)):
            if sum(record.frames for record in records) < 100.0 * most:
                records.append(_read(paths[index], ratio, cache))
        name = place.name if ratio == 1.0 else f"{place.name}x{ratio:g}"
        seconds = sum(record.frames for record in records) / 100.0
        limit = band_limit(records)
        weight = (1.0 if ratio == 1.0 else COPY_WEIGHT) * min(seconds, most) ** 0.5 * limit
        found.append(Voice(name, prepared_pieces(records), limit, weight))
    return found


def _read(path: Path, ratio: float, cache: Path) -> Recording:
    def change(audio: Float32) -> Float32:
        return audio if ratio == 1.0 else np.asarray(soxr.resample(audio, ratio, 1.0), np.float32)

    return analysed(path, cache, ["tape", ratio] if ratio != 1.0 else 0.0, change)
