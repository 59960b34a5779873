"""The files of a database of pairs: clips are cut, told silent or not, written whole, and read again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from models.errors import TrainingError
from models.notes import Note
from models.training.cache import DAMAGE, read_arrays
from models.training.guide.pairs.spectrogram import CLIP, FLOOR_DB, FRAMES, MELS, RATE, spectrogram
from models.wholefile import unwritable, whole

Float32 = NDArray[np.float32]

LEAST_DB = 27.0
"""Above the floor of the spectrogram: a vocal that is nowhere louder is silent."""
LEAST_REST = RATE
"""Samples: a rest of a song that is longer gets a clip of its own."""
LIST = "pairs.jsonl"
_CLIPS, _SONGS = "clips", "songs"


@dataclass(frozen=True)
class Pair:
    """A song, or a part of one, whose two sides are aligned to the sample."""

    name: str
    """Of the song; names its files."""
    key: str
    """Tells what it was made of, and how: another key is another song."""
    facts: dict[str, Any]
    """What each clip's line says besides: its source and licence, and how it was made."""
    accompaniment: Float32
    """Mono at `RATE`."""
    vocal: Float32
    """Mono at `RATE`, of the same length."""
    notes: tuple[Note, ...]
    """Of the vocal."""


def level_of(normalised: Float32) -> float:
    """Return the largest level of a spectrogram in dB above its floor, 0 to 80."""
    return float(normalised.max(initial=0.0)) * -FLOOR_DB


def is_silent(normalised: Float32) -> bool:
    """Return whether a vocal is silent, by the seed's rule.

    The paper: "a filter was applied to exclude clips that had a maximum volume less than 27 decibels as they
    were less likely to include the singer vocalizing", before the normalisation. Decibels need a reference
    and it names none; levels of music against full scale are all below 0 dB. It is read as 27 dB above the
    floor of the spectrogram, -80 dB against full scale: no band of any frame reaches -53 dB.

    Args:
        normalised: the vocal's spectrogram.
    """
    return level_of(normalised) < LEAST_DB


def starts(samples: int) -> list[int]:
    """Return at which samples the clips of a song begin.

    One follows the other; the last begins earlier to end with the song where more than a second is left. A
    song shorter than a clip has one, which goes on in silence.
    """
    whole_clips = [at * CLIP for at in range(samples // CLIP)]
    rest = samples - CLIP * len(whole_clips)
    if not whole_clips:
        return [0] if samples else []
    return [*whole_clips, samples - CLIP] if rest > LEAST_REST else whole_clips


class Database:
    """The folder of a database.

    Args:
        folder: it is made where it is missing.

    Raises:
        OutputError: it cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            for part in (_CLIPS, _SONGS):
                (folder / part).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(folder, error) from error

    def has(self, name: str, key: str) -> bool:
        """Return whether a song was written, and whole, and from the same."""
        record = self._record(name)
        return record.get("key") == key and all(
            (self.folder / line[part]).is_file() for line in record["clips"] for part in _FILES
        )

    def add(self, pair: Pair) -> int:
        """Write the clips of a song whose vocal is heard, then the song's record; return how many there are.

        Raises:
            OutputError: the disk refuses.
        """
        lines = []
        for at in starts(len(pair.vocal)):
            sides = [_cut(side, at) for side in (pair.accompaniment, pair.vocal)]
            spectra = [spectrogram(side) for side in sides]
            if not is_silent(spectra[1]):
                lines.append(self._write(pair, at, sides, spectra))
        record = {"key": pair.key, "clips": lines}
        with self._file(self._song(pair.name)) as partial:
            partial.write_text(json.dumps(record), encoding="utf-8")
        return len(lines)

    def write_list(self) -> int:
        """Write a line for every clip of every song, and return how many there are."""
        records = sorted((self.folder / _SONGS).glob("*.json"))
        lines = [line for path in records for line in self._record(path.stem)["clips"]]
        with self._file(LIST) as partial:
            partial.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return len(lines)

    def _write(self, pair: Pair, at: int, sides: list[Float32], spectra: list[Float32]) -> dict[str, Any]:
        stem = f"{_CLIPS}/{pair.name}-{at / RATE:07.2f}"
        files = dict(
            zip(_FILES, (f"{stem}-accompaniment.flac", f"{stem}-vocal.flac", f"{stem}.npz"), strict=True)
        )
        for name, side in zip(_FILES, sides, strict=False):
            with self._file(files[name]) as partial:
                soundfile.write(partial, side, RATE, format="FLAC", subtype="PCM_16")
        arrays = {"accompaniment": spectra[0].astype(np.float16), "vocal": spectra[1].astype(np.float16)}
        with self._file(files["spectrograms"]) as partial, partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        start = at / RATE
        return {
            "song": pair.name,
            "start": round(start, 6),
            **files,
            "level": round(level_of(spectra[1]), 2),
            "notes": [list(note) for note in _within(pair.notes, start)],
            **pair.facts,
        }

    @contextmanager
    def _file(self, name: str) -> Iterator[Path]:
        """Give the name to write a file under until it is whole."""
        with whole(self.folder / name) as partial:
            try:
                yield partial
            except (OSError, soundfile.SoundFileError) as error:  # libsndfile's own, where a disk is full
                reason = error if isinstance(error, OSError) else OSError(str(error))
                raise unwritable(self.folder, reason) from error

    @staticmethod
    def _song(name: str) -> str:
        return f"{_SONGS}/{name}.json"

    def _record(self, name: str) -> dict[str, Any]:
        """Return what was written of a song; an empty one of what was not, or is damaged."""
        try:
            record = json.loads((self.folder / self._song(name)).read_text(encoding="utf-8"))
            clips = [line for line in record["clips"] if all(isinstance(line[part], str) for part in _FILES)]
        except (OSError, ValueError, LookupError, TypeError):
            return {"clips": []}
        return {"key": record.get("key"), "clips": clips}


_FILES = ("accompaniment", "vocal", "spectrograms")


def _cut(side: Float32, at: int) -> Float32:
    piece = side[at : at + CLIP]
    return np.pad(piece, (0, CLIP - piece.size))


def _within(notes: tuple[Note, ...], start: float) -> Iterator[Note]:
    """Yield the notes of a clip, in seconds from its start, cut where it ends."""
    length = CLIP / RATE
    for note in notes:
        first, last = max(0.0, note.start - start), min(length, note.stop - start)
        if last > first:
            yield note._replace(start=round(first, 4), seconds=round(last - first, 4))


@dataclass(frozen=True)
class Clip:
    """A clip as it is read."""

    line: dict[str, Any]
    """What the list says of it."""
    accompaniment: Float32
    """Normalised spectrogram, shape (`MELS`, `FRAMES`), float32."""
    vocal: Float32
    """Of the same shape."""

    @property
    def song(self) -> str:
        """Its song's name; of what was made of one recording in several ways, the recording's."""
        return str(self.line.get("recording", self.line["song"]))


def read_clips(folder: Path) -> list[Clip]:
    """Read a database.

    Raises:
        TrainingError: there is none, it is empty, or one of its files is missing or damaged.
    """
    again = "make it again with 'python -m models.training.guide.pairs'"
    path = folder / LIST
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error.strerror}; {again}") from error
    except ValueError as error:
        raise TrainingError(f"{path} is damaged; {again}") from error
    if not lines:
        raise TrainingError(f"{path} lists no clips; give songs in which somebody sings")
    found = []
    for line in lines:
        try:
            arrays = read_arrays(folder / line["spectrograms"])
            sides = [arrays[side].astype(np.float32) for side in _FILES[:2]]
            if any(side.shape != (MELS, FRAMES) or not np.isfinite(side).all() for side in sides):
                raise ValueError("of another shape")
            found.append(Clip({"song": line["song"], **line}, *sides))
        except (OSError, TypeError, AttributeError, *DAMAGE) as error:
            raise TrainingError(f"a clip of {path} is missing or damaged; {again}") from error
    return found
