"""Which vowels and consonants are heard: labelled Japanese, as snfa (a recurrent network) tells it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from models.metrics.extras import eval_extra

PAUSES = frozenset({"pau", "sil", "br", "cl", "xx", "SP", "AP"})
"""Labels that are no phones; the closure before a double consonant (cl) is silence, too."""
VOWELS = ("a", "i", "u", "e", "o")
CLASSES = {
    "unvoiced plosives": ("k", "ky", "p", "py", "t", "ty"),
    "voiced plosives": ("b", "by", "d", "dy", "g", "gy"),
    "affricates": ("ch", "ts", "j", "z"),
    "fricatives": ("s", "sh", "f", "h", "hy"),
    "nasals": ("m", "my", "n", "ny"),
    "glides": ("r", "ry", "w", "y"),
}
"""Consonants by how they are made."""
CONSONANTS = tuple(phone for members in CLASSES.values() for phone in members)
_ALIKE = {"N": "n"}
"""Labels by another name than the network's."""
_MARGIN_SECONDS = 0.02
"""The network tells a consonant beside its label as often as within it."""
_LOUDNESS_RMS = 0.07
"""The network was taught on speech so loud; how loud somebody sings says nothing of the phones."""
_SYLLABLE = re.compile(r"([^aiueo]*)([aiueo])|[nNm]")

Float32 = NDArray[np.float32]


class Label(NamedTuple):
    """One phone of a label file."""

    start: float
    """Seconds."""
    stop: float
    phone: str


class PhoneScores(NamedTuple):
    """How many phones are heard as they are meant: shares from 0 to 1, not a number where there are none."""

    vowels: float
    consonants: float
    classes: dict[str, float]
    """By `CLASSES`."""
    confusions: Counter[tuple[str, str]]
    """Phones by what was meant and what was heard."""


def read_labels(path: Path) -> list[Label]:
    """Read an HTS label file, times in units of 100 ns, plain or full-context; pauses are left out.

    Raises:
        ValueError: it is missing or no such file; one sentence.
    """
    found = []
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            start, stop, word = line.split()[:3]
            phone = word.partition("-")[2].partition("+")[0] if "@" in word else word
            if phone not in PAUSES:
                found.append(Label(int(start) * 1e-7, int(stop) * 1e-7, phone))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"labels {path} cannot be read; give lines of start, end (100 ns) and phone"
        ) from error
    return found


def moved_labels(labels: Iterable[Label], seconds: float) -> tuple[Label, ...]:
    """Return labels later by some seconds, or earlier; what then lies before the start is left out."""
    moved = (Label(start + seconds, stop + seconds, phone) for start, stop, phone in labels)
    return tuple(label for label in moved if label.start >= 0.0)


def spelt_phones(text: str) -> list[str]:
    """Return the phones of syllables in romaji apart by what is no letter, as voice banks name their files.

    A consonant that Japanese lacks is left out, and so is one without a vowel unless it is a nasal.

    Returns:
        Nothing where a part is no syllable, since then nobody knows what is sung.
    """
    found: list[str] = []
    for part in re.findall(r"[^\W_]+", text):
        syllable = _SYLLABLE.fullmatch(part)
        if syllable is None and (not part.isalpha() or set(part) & set(VOWELS)):
            return []
        consonant, vowel = (syllable[1], syllable[2]) if syllable and syllable[2] else ("", "")
        found += [consonant] if consonant in CONSONANTS else []
        found += [vowel] if vowel else ["N"] if syllable else []
    return found


def aligned(audio: Float32, sample_rate: int, phones: Sequence[str]) -> tuple[Label, ...]:
    """Find when phones are sung that are known to be, in this order, with silence before and after.

    Args:
        audio: mono, shape (samples,), float32.
        sample_rate: hertz, any.
        phones: as labels spell them.

    Returns:
        Nothing where the audio is too short for so many.

    Raises:
        MissingExtraError: snfa is not installed.
    """
    network, _ = _snfa()
    sound = _framed(audio, sample_rate)
    known = [_ALIKE.get(phone, phone) for phone in phones]
    if sound.size < (len(known) + 2) * network.hop_size + network.n_fft or not known:
        return ()
    found = network.align(sound, known)[1:-1]
    return tuple(
        Label(one.start * 1e-3, one.end * 1e-3, phone) for one, phone in zip(found, phones, strict=True)
    )


def score_phones(audio: Float32, sample_rate: int, labels: Sequence[Label]) -> PhoneScores:
    """Tell for each label which vowel, or which consonant, is the likeliest there.

    Args:
        audio: mono, shape (samples,), float32.
        sample_rate: hertz, any.
        labels: what is to be heard; those that the network does not know are left out.

    Raises:
        MissingExtraError: snfa is not installed.
    """
    return (
        judged(*_heard(audio, sample_rate), labels)
        if labels
        else judged(np.zeros((0, 0), np.float32), (), 1.0, ())
    )


def judged(shares: Float32, names: Sequence[str], per_second: float, labels: Sequence[Label]) -> PhoneScores:
    """Count for each label which phone of its kind has the largest share there.

    Args:
        shares: of each phone in each frame, shape (frames, phones), 0..1; frame k is centred at k frames.
        names: of the phones.
        per_second: how many frames.
        labels: what is to be heard.
    """
    pairs: Counter[tuple[str, str]] = Counter()
    for start, stop, phone in labels:
        meant = _ALIKE.get(phone, phone)
        kind, margin = (VOWELS, 0.0) if meant in VOWELS else (CONSONANTS, _MARGIN_SECONDS)
        if meant in kind:
            choice = [name for name in kind if name in names]
            first = min(max(0, round((start - margin) * per_second)), len(shares) - 1)
            last = max(first + 1, round((stop + margin) * per_second))
            mass = shares[first:last].sum(axis=0)[[names.index(name) for name in choice]]
            pairs[meant, choice[int(mass.argmax())]] += 1
    return PhoneScores(
        _right(pairs, VOWELS),
        _right(pairs, CONSONANTS),
        {name: _right(pairs, members) for name, members in CLASSES.items()},
        pairs,
    )


def _right(pairs: Counter[tuple[str, str]], phones: Iterable[str]) -> float:
    among = set(phones)
    every = sum(count for (meant, _), count in pairs.items() if meant in among)
    right = sum(count for (meant, heard), count in pairs.items() if meant in among and meant == heard)
    return right / every if every else float("nan")


def _heard(audio: Float32, sample_rate: int) -> tuple[Float32, list[str], float]:
    """Return each phone's share of each frame, shape (frames, phones), their names, and frames a second."""
    network, spectrogram = _snfa()
    size = {"n_fft": network.n_fft, "hop_length": network.hop_size, "n_mels": network.n_mels}
    scores = network.forward(spectrogram(_framed(audio, sample_rate), sr=network.sr, p=2, log=True, **size).T)
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return np.asarray(shares, np.float32), list(network.phone_set), network.sr / network.hop_size


def _framed(audio: Float32, sample_rate: int) -> Float32:
    """Return what the network is given: at its rate, equally loud, frame k centred at k frames."""
    network, _ = _snfa()
    at_rate = np.asarray(soxr.resample(audio, sample_rate, network.sr), np.float32)
    rms = max(float(np.sqrt(np.sum(np.square(at_rate)) / max(1, at_rate.size))), 1e-6)
    return np.pad(at_rate * np.float32(_LOUDNESS_RMS / rms), network.n_fft // 2)


@lru_cache(maxsize=1)
def _snfa() -> tuple[Any, Any]:
    with eval_extra():
        import snfa  # noqa: PLC0415 - an extra
        from snfa.stft import mel_spectrogram  # noqa: PLC0415
    return snfa.Aligner(), mel_spectrogram
