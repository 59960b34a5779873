"""Recordings for an evaluation, read as mono clips at a native rate, and their loudest stretch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsp.downmix import mono_of
from models.metrics.phones import Label, aligned, moved_labels, read_labels, spelt_phones
from plugin_bridge.errors import AudioFileError
from plugin_bridge.files.reader import SUFFIXES, AudioReader
from plugin_bridge.files.resampling import native_rate, resampled

Float32 = NDArray[np.float32]

STEPS_PER_SECOND = 10
LABEL_SUFFIX = ".lab"
LYRICS_SUFFIX = ".lyrics.txt"


@dataclass(frozen=True)
class Clip:
    """A voice in memory."""

    name: str
    audio: Float32
    """Mono, shape (samples,)."""
    sample_rate: int
    """Hertz, a native rate."""
    labels: tuple[Label, ...] = ()
    """Its phones, of the label files (.lab) beside its files; empty where one of these has none."""
    lyrics: str = ""
    """Its words, of the files (.lyrics.txt) beside its files; empty where one of these has none."""
    language: str = ""
    """Of its words, such as "en"; to be recognised where it is empty."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.audio.size / self.sample_rate


def recordings(paths: Iterable[Path]) -> list[Path]:
    """Return the audio files among files and folders; of a folder all of them, subfolders included, sorted.

    Raises:
        AudioFileError: a folder without audio.
    """
    found: list[Path] = []
    for path in paths:
        inside = [path]
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
        if not inside:
            raise AudioFileError(
                f"the folder {path} holds no audio; give files that end in {', '.join(SUFFIXES)}"
            )
        found += inside
    return found


def read_clip(
    paths: Sequence[Path], name: str = "", spelt: re.Pattern[str] | None = None, language: str = ""
) -> Clip:
    """Read files one after the other as one clip.

    Args:
        paths: at least one.
        name: for the table; that of the first file if empty.
        spelt: finds in the name of a file without labels the syllables that are sung, in romaji.
        language: as in `Clip`.

    Raises:
        AudioFileError: a file cannot be used.
    """
    rate = 0
    parts: list[Float32] = []
    labels: list[tuple[Label, ...]] = []
    lyrics: list[str] = []
    for path in paths:
        with AudioReader(path) as reader:
            whole = np.concatenate([np.zeros((reader.channels, 0), np.float32), *reader.chunks()], axis=1)
        audio, rate = native_mono(whole, reader.sample_rate, rate)
        start = sum(part.size for part in parts) / rate
        labels.append(moved_labels(_labels(path, spelt, audio, rate), start))
        lyrics.append(_lyrics(path))
        parts.append(audio)
    return Clip(
        name=name or paths[0].stem,
        audio=np.concatenate(parts),
        sample_rate=rate,
        labels=tuple(label for part in labels for label in part) if all(labels) else (),
        lyrics=" ".join(lyrics) if all(lyrics) else "",
        language=language,
    )


def native_mono(audio: Float32, sample_rate: int, rate: int = 0) -> tuple[Float32, int]:
    """Mix a recording down as the engine does, and bring it to a native rate.

    Args:
        audio: shape (channels, samples), one or two channels.
        sample_rate: hertz.
        rate: wanted; 0 for the native rate that fits.

    Returns:
        Shape (samples,), and its rate.
    """
    rate = rate or native_rate(sample_rate)
    mono = mono_of(audio, sample_rate)[None]
    return np.concatenate(list(resampled([mono], 1, sample_rate, rate)), axis=1)[0], rate


def _labels(path: Path, spelt: re.Pattern[str] | None, audio: Float32, sample_rate: int) -> Sequence[Label]:
    file = path.with_suffix(LABEL_SUFFIX)
    if file.is_file():
        try:
            return read_labels(file)
        except ValueError as error:
            raise AudioFileError(str(error)) from error
    syllables = spelt.search(path.stem) if spelt is not None else None
    phones = spelt_phones(syllables[1] or "") if syllables else []
    return aligned(audio, sample_rate, phones) if phones else ()


def _lyrics(path: Path) -> str:
    file = path.with_suffix(LYRICS_SUFFIX)
    try:
        return file.read_text(encoding="utf-8").strip() if file.is_file() else ""
    except (OSError, ValueError) as error:
        raise AudioFileError(f"lyrics {file} cannot be read; give a text in UTF-8") from error


def loudest(audio: Float32, sample_rate: int, seconds: float) -> Float32:
    """Return the loudest stretch of so many seconds, or the whole where it is shorter or that is 0."""
    step = sample_rate // STEPS_PER_SECOND
    steps = round(seconds * STEPS_PER_SECOND)
    have = audio.size // step
    if steps == 0 or steps >= have:
        return audio
    power = np.square(audio[: have * step].reshape(have, step), dtype=np.float64).sum(axis=1)
    sums = np.concatenate([[0.0], np.cumsum(power)])
    first = int(np.argmax(sums[steps:] - sums[:-steps]))
    return audio[first * step : (first + steps) * step]
