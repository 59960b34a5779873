"""Where pairs come from: folders of stems, mixes to be separated, and voices that get an accompaniment."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from models.errors import TrainingError
from models.suffixes import AUDIO_SUFFIXES
from models.training.corpus import TRAINING_RATE, read_channels, read_voice, recordings_in
from models.training.guide import instruments
from models.training.guide.pairs.database import Pair
from models.training.guide.pairs.separator import Separator
from models.training.guide.pairs.spectrogram import RATE
from models.training.guide.songs import Song, arranged
from models.training.guide.tunes import read_tune
from models.transcription import heard_notes

Float32 = NDArray[np.float32]

VERSION = 1
"""Raise it when pairs come out otherwise, so that old ones are made again."""
SHIFTS = (0, -1, 1, -2, 2)
"""Semitones by which the versions of a voice are higher, and as much faster; the first is as it was sung."""
SNR_DB = (0.0, 8.0)
"""Of a voice over its made accompaniment."""
_LICENCE = re.compile(r"licen[cs]e", re.IGNORECASE)
_VOCAL, _BACKING, _MIX = (
    re.compile(rf"(.*[\W_])?({words})([\W_].*)?", re.IGNORECASE)
    for words in (
        "vocals?|voice|singing",
        r"instrumental|accompaniment|backing|karaoke|no[\W_]?vocals?",
        "mix|mixture|master",
    )
)


class Source(NamedTuple):
    """A pair to be."""

    name: str
    """Of the song; fit for a file."""
    key: str
    """Tells what it is made of."""
    make: Callable[[], Pair]


@dataclass(frozen=True)
class Origin:
    """What a user says of the recordings."""

    licence: str
    attribution: str

    def facts(self, folder: Path, *files: Path) -> dict[str, Any]:
        """Return what a clip's line says of files; a folder's own LICENSE, its first line, is what counts."""
        own = [path for path in sorted(folder.iterdir()) if _LICENCE.match(path.name) and path.is_file()]
        lines = _read(own[0]).decode("utf-8", "replace").split("\n") if own else []
        licence = next((line.strip() for line in lines if line.strip()), self.licence)
        names = [path.name for path in files]
        return {"source": names, "licence": licence, "attribution": self.attribution}


def songs_in(folder: Path, separator: Path | None, origin: Origin) -> Iterator[Source]:
    """Yield the songs of a folder: subfolders with stems, and mixes.

    In a subfolder, files named as a vocal are summed to the vocal; files named as an instrumental, else all
    others but a mix, to the accompaniment. A file that lies in the folder itself, or alone in a subfolder, is
    a mix.

    Args:
        folder: of the songs.
        separator: an ONNX file (`Separator`) for mixes.
        origin: of the recordings.

    Raises:
        TrainingError: there is nothing, a subfolder holds no vocal, or a mix but no separator is given.
        ModelFileError: the separator is none.
    """
    recordings_in(folder)
    separate = Separator(separator) if separator else None
    tool = hashlib.sha256(_read(separator)).hexdigest() if separator else ""
    for path in sorted(folder.iterdir()):
        inside = _audio(path) if path.is_dir() else [path] if path in _audio(folder) else []
        if not inside:
            continue
        vocal, backing, mixes = _sides(inside)
        if vocal and backing:
            make = _summed(vocal, backing)
            used = [*vocal, *backing]
        elif separate and (mixes or len(inside) == 1):
            used = (mixes or inside)[:1]
            make = _separated(used[0], separate)
        else:
            remedy = "name its stems vocal.wav and instrumental.wav, or give --separator FILE for its mix"
            raise TrainingError(f"{path} holds no vocal with an accompaniment; {remedy}")
        facts = origin.facts(used[0].parent, *used)
        yield _source(_name(path, folder), used, [facts, tool], _told(facts, make))


def voices_in(
    folder: Path, versions: int, seed: int, origin: Origin, report: Callable[[str], None]
) -> Iterator[Source]:
    """Yield pairs of voices and accompaniments that are made for them.

    Beside each recording lies a MIDI file of its name with its melody, tempo and key, whose first bar begins
    with the recording. Each version is in another style, and all but every fifth in another key and tempo,
    for which the voice is resampled.

    Args:
        folder: of the recordings.
        versions: of each.
        seed: of what is drawn.
        origin: of the recordings.
        report: called with a sentence for each recording without a melody.

    Raises:
        TrainingError: there are none with a melody.
    """
    found = False
    for path in recordings_in(folder):
        melody = path.with_suffix(".mid")
        if not melody.is_file():
            report(f"{path} has no {melody.name} beside it; left out")
            continue
        found = True
        facts = origin.facts(path.parent, path, melody)
        for version in range(versions):
            name = f"{_name(path, folder)}-made{version}"
            used = [path, melody]
            yield _source(
                name, used, [facts, seed, version], _made(name, path, melody, (seed, version), facts)
            )
    if not found:
        raise TrainingError(
            f"{folder} holds no recording with a MIDI file of its melody beside it; add song.mid to song.wav"
        )


def _audio(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file()
    )


def _sides(files: Sequence[Path]) -> tuple[list[Path], list[Path], list[Path]]:
    """Return vocals, accompaniments and mixes."""
    backing = [path for path in files if _BACKING.fullmatch(path.stem)]
    vocal = [path for path in files if _VOCAL.fullmatch(path.stem) and path not in backing]
    mixes = [path for path in files if _MIX.fullmatch(path.stem) and path not in (*vocal, *backing)]
    return vocal, backing or [path for path in files if path not in (*vocal, *mixes)], mixes


def _name(path: Path, folder: Path) -> str:
    """Return a name for the files of a song, of letters, digits, points and lines; no two are alike."""
    own = path.relative_to(folder)
    text = (own if path.is_dir() else own.with_suffix("")).as_posix()
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._")[:60]
    return plain if plain == text else f"{plain}-{zlib.crc32(own.as_posix().encode()):08x}"


def _source(name: str, files: Sequence[Path], how: object, make: Callable[[str, str], Pair]) -> Source:
    digest = hashlib.sha256(json.dumps([VERSION, how]).encode())
    for path in files:
        digest.update(path.name.encode("utf-8", "surrogateescape") + _read(path))
    key = digest.hexdigest()[:24]
    return Source(name, key, lambda: make(name, key))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error.strerror}; check who may read it") from error


def _told(facts: dict[str, Any], make: Callable[[], tuple[Float32, Float32]]) -> Callable[[str, str], Pair]:
    def pair(name: str, key: str) -> Pair:
        vocal, backing = make()
        return Pair(name, key, facts, backing, vocal, tuple(heard_notes(vocal, RATE)))

    return pair


def _summed(vocal: Sequence[Path], backing: Sequence[Path]) -> Callable[[], tuple[Float32, Float32]]:
    def make() -> tuple[Float32, Float32]:
        sides = [[_at_rate(read_voice(path)) for path in paths] for paths in (vocal, backing)]
        size = max(stem.size for side in sides for stem in side)
        return _sum(sides[0], size), _sum(sides[1], size)

    return make


def _separated(mix: Path, separator: Separator) -> Callable[[], tuple[Float32, Float32]]:
    def make() -> tuple[Float32, Float32]:
        vocal, backing = separator.process(*read_channels(mix))
        return _at_rate(vocal, separator.rate), _at_rate(backing, separator.rate)

    return make


def _made(
    name: str, voice: Path, melody: Path, drawn: tuple[int, int], facts: dict[str, Any]
) -> Callable[[str, str], Pair]:
    def pair(_: str, key: str) -> Pair:
        rng = np.random.default_rng([*drawn, zlib.crc32(voice.name.encode())])
        shift = SHIFTS[drawn[1] % len(SHIFTS)]
        song = moved(arranged(read_tune(melody), rng, moved=False), shift)
        vocal = _at_rate(read_voice(voice), TRAINING_RATE * 2.0 ** (shift / 12.0))
        backing = instruments.accompaniment(song, rng)
        if instruments.RATE != RATE:
            backing = np.asarray(soxr.resample(backing, instruments.RATE, RATE), np.float32)
        level = np.sqrt(np.mean(np.square(vocal))) / (np.sqrt(np.mean(np.square(backing))) + 1e-9)
        gain = level * 10.0 ** (-rng.uniform(*SNR_DB) / 20.0)
        made = {"style": song.style.name, "key": song.key.name, "bpm": round(song.bpm, 2), "shift": shift}
        more = {"recording": voice.stem, "made": made}
        backing = _sum([np.float32(gain) * backing], vocal.size)
        return Pair(name, key, facts | more, backing, vocal, tuple(song.sung()))

    return pair


def moved(song: Song, semitones: int) -> Song:
    """Return a song as it sounds when its recording runs faster: higher, and shorter by the same ratio."""
    ratio = 2.0 ** (semitones / 12.0)
    return replace(
        song,
        bpm=song.bpm * ratio,
        start=song.start / ratio,
        key=song.key.moved(semitones),
        chords=tuple(chord.moved(semitones) for chord in song.chords),
        notes=tuple(note._replace(pitch=note.pitch + semitones) for note in song.notes),
    )


def _at_rate(x: Float32, rate: float = TRAINING_RATE) -> Float32:
    """Return audio at the database's rate."""
    return np.asarray(soxr.resample(x, rate, RATE), np.float32)


def _sum(stems: Sequence[Float32], size: int) -> Float32:
    total = np.zeros(size, np.float32)
    for stem in stems:
        total[: stem.size] += stem[:size]
    return total
