"""The phones that the content encoder tells apart, and the label files that name them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsp.units import HOPS_PER_SECOND
from models.errors import TrainingError

PHONES = (
    *("pau", "a", "i", "u", "e", "o", "N", "k", "g", "s", "sh", "z", "j", "t", "ts", "ch", "d", "n"),
    *("h", "hy", "f", "b", "p", "m", "y", "r", "w", "ae", "ah", "er", "ih", "uh", "v", "th", "dh", "l"),
    *("ng", "zh"),
)
"""Those of Japanese as its label files spell them, and those that English adds."""
VOWELS = frozenset(("a", "i", "u", "e", "o", "ae", "ah", "er", "ih", "uh"))
SPELLINGS = {
    "br": "pau",
    "sil": "pau",
    "cl": "pau",
    "q": "pau",
    **{vowel.upper(): vowel for vowel in "aiueo"},
    "ky": "k",
    "gy": "g",
    "ny": "n",
    "by": "b",
    "py": "p",
    "my": "m",
    "ry": "r",
    "ty": "t",
    "dy": "d",
    "iy": "i",
    "uw": "u",
    "aa": "a",
    "eh": "e",
    "ao": "o",
    "ax": "ah",
    "hh": "h",
    "jh": "j",
}
"""Others for the same; a palatal consonant is the consonant, and its vowel tells the rest."""
UNKNOWN = -1
_PER_SECOND = 10_000_000
"""Units of a label file, 100 ns, in a second."""


def read_labels(path: Path, frames: int) -> NDArray[np.int64]:
    """Read a label file: begin and end in units of 100 ns, and a phone, on each line.

    Args:
        path: the file.
        frames: of the recording.

    Returns:
        The phone of each frame as an index into `PHONES`, `UNKNOWN` where none or another is named.

    Raises:
        TrainingError: the file cannot be read, or a line is of another form.
    """
    found = np.full(frames, UNKNOWN)
    for start, stop, name in label_lines(path):
        span = slice(*(max(0, round(time * HOPS_PER_SECOND)) for time in (start, stop)))
        phone = SPELLINGS.get(name, name)
        found[span] = PHONES.index(phone) if phone in PHONES else UNKNOWN
    return found


def label_lines(path: Path) -> Iterator[tuple[float, float, str]]:
    """Yield begin and end, seconds, and the phone of each line of a label file.

    Raises:
        TrainingError: the file cannot be read, or a line is of another form.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path} cannot be read as a label file; write it again") from error
    for number, line in enumerate(filter(str.strip, lines), 1):
        try:
            begin, end, name = line.split()[:3]
            yield int(begin) / _PER_SECOND, int(end) / _PER_SECOND, name
        except ValueError as error:
            raise TrainingError(
                f"{path}, line {number}: {line[:40]!r} is no label; give begin and end in 100 ns and a phone"
            ) from error
