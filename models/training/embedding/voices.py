"""Singers and, made of each, others with longer and shorter vocal tracts: what tells them apart is learnt."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pedalboard
import soxr
from numpy.typing import NDArray

from models.embedding.frames import RATE, levels, sung
from models.errors import TrainingError
from models.training.cache import Arrays, cached, digest
from models.training.corpus import TRAINING_RATE, read_voice, recordings_in

Float16 = NDArray[np.float16]
Float32 = NDArray[np.float32]
Numbered = Sequence[tuple[Path, int]]

FORMANTS = (1.0, 0.85, 1.18)
"""Ratios by which a singer's formants are moved; each makes another singer."""
PITCHES = (4.0, -4.0, 0.0)
"""Semitones by which the recordings are transposed in turn, formants kept: nobody is known by the pitch."""
VERSION = 2
"""Raise it when the frames change, so that stale ones are made again."""


@dataclass(frozen=True)
class Voice:
    """A singer, or one made of a singer by moving the formants."""

    singer: str
    """Name of the folder."""
    takes: tuple[tuple[Float16, ...], ...]
    """Of each recording, as it is or transposed: levels of the frames that are sung, dB, (n, 80)."""


def by_singer(folder: Path) -> dict[str, list[Path]]:
    """Return the recordings of a folder of folders, one for each singer, in order.

    Raises:
        TrainingError: there are no recordings, one lies in no singer's folder, or there is one singer only.
    """
    found: dict[str, list[Path]] = {}
    for path in recordings_in(folder):
        if path.parent == folder:
            raise TrainingError(f"{path} lies in no folder of a singer; move it into one")
        found.setdefault(path.relative_to(folder).parts[0], []).append(path)
    if len(found) < 2:
        raise TrainingError(
            f"{folder} has one singer only; two or more folders are needed to tell them apart"
        )
    return found


def read_voices(
    singers: dict[str, list[Path]],
    cache: Path,
    files: Callable[[Numbered], Iterable[tuple[Path, int]]] = iter,
) -> list[Voice]:
    """Read singers, and make others of them.

    Args:
        singers: their recordings (`by_singer`).
        cache: a folder where frames are kept.
        files: wraps the files, such as a progress bar.

    Returns:
        Of each singer one voice for each of `FORMANTS`, side by side.

    Raises:
        TrainingError: a recording cannot be used, or a singer is never heard.
    """
    cache.mkdir(parents=True, exist_ok=True)
    numbered = [(path, number) for some in singers.values() for number, path in enumerate(some)]
    frames = {path: _frames(path, number, cache) for path, number in files(numbered)}
    voices = []
    for singer, paths in singers.items():
        heard = [frames[path] for path in paths if all(part.size for part in frames[path].values())]
        if not heard:
            raise TrainingError(f"the recordings of {singer} are silent; give others, or remove its folder")
        voices += [
            Voice(
                singer,
                tuple(tuple(one[name] for name in sorted(one) if name.startswith(ratio)) for one in heard),
            )
            for ratio in map(_name, FORMANTS)
        ]
    return voices


def moved(audio: Float32, ratio: float, semitones: float) -> Float32:
    """Return a voice with other formants and at another pitch, each without the other, as long as before.

    Args:
        audio: mono at 48 kHz, shape (samples,), float32.
        ratio: of the formants; 1 keeps them.
        semitones: of the pitch.

    Returns:
        At `models.embedding.frames.RATE`, shape (m,), float32.
    """
    # Read as if it had been recorded at another rate, formants and pitch both move; Rubber Band brings the
    # pitch back, and the length.
    faster = np.asarray(soxr.resample(audio, TRAINING_RATE * ratio, RATE), np.float32)
    if (ratio, semitones) == (1.0, 0.0):
        return faster
    return np.asarray(
        pedalboard.time_stretch(
            faster[None],
            RATE,
            stretch_factor=1.0 / ratio,
            pitch_shift_in_semitones=semitones - 12.0 * math.log2(ratio),
            use_long_fft_window=False,  # as good and in two thirds of the time; the fast mode moves formants
            preserve_formants=True,
        )[0],
        np.float32,
    )


def _frames(path: Path, number: int, cache: Path) -> Arrays:
    """Return the frames of a singer's recording of a number, by formants and pitch."""
    first, second, third = (PITCHES[(number + more) % len(PITCHES)] for more in range(3))
    moves = [(FORMANTS[0], 0.0), *zip(FORMANTS, (first or second, second, third), strict=True)]

    def make() -> Arrays:
        audio = read_voice(path)
        return {
            f"{_name(ratio)} {pitch:+g}": sung(levels(moved(audio, ratio, pitch), RATE)).astype(np.float16)
            for ratio, pitch in moves
        }

    return cached(cache / f"{digest(json.dumps([VERSION, moves]), path)}.npz", make)


def _name(ratio: float) -> str:
    return f"{ratio:.2f}"
