"""Format scores: as a table for terminal and Markdown alike, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Column:
    """One column."""

    field: str
    """Of the row."""
    title: str
    form: str = ""
    """Of a number, as in `format`; words are filled up on the right."""
    width: int = 6

    def cell(self, value: object) -> str:
        """Return a value, filled up to the width."""
        if isinstance(value, float):
            return f"{'-' if math.isnan(value) else format(value, self.form):>{self.width}}"
        text = str(value)
        return f"{text if len(text) <= self.width else text[: self.width - 1] + '…':<{self.width}}"


_NAMES = (Column("source", "source", width=26), Column("singer", "singer", width=16))
CONVERSION = (
    *_NAMES,
    Column("seconds", "s", ".1f", 5),
    Column("transpose", "semit.", "+.1f"),
    Column("cents", "cents", ".1f"),
    Column("rmse", "F0RMSE", ".3f"),
    Column("correlation", "corr.", ".3f"),
    Column("spread", "spread", ".0f"),
    Column("gross", "gross", ".1%"),
    Column("octave", "octave", ".1%"),
    Column("voicing_f1", "F1", ".3f"),
    Column("source_cents", "src ct", ".1f"),
    Column("source_voicing_f1", "src F1", ".3f"),
    Column("similarity_before", "before", ".3f"),
    Column("similarity_after", "after", ".3f"),
    Column("similarity_gain", "gain", "+.3f"),
    Column("similarity_ceiling", "real", ".3f"),
    Column("stoi", "STOI", ".3f"),
    Column("stoi_at_pitch", "at pi.", ".3f"),
)
COPY = (
    *_NAMES,
    Column("seconds", "s", ".1f", 5),
    Column("stft_loss", "loss", ".3f"),
    Column("log_spectral_distance", "LSD", ".2f", 5),
    Column("cents", "cents", ".1f"),
    Column("voicing_f1", "F1", ".3f"),
    Column("stoi", "STOI", ".3f"),
    Column("pesq", "PESQ", ".2f"),
    Column("similarity", "sim.", ".3f"),
    Column("similarity_of_recording", "(rec.)", ".3f"),
)

WORDS = (
    *_NAMES,
    Column("error_source", "err.src", ".0%", 7),
    Column("error", "err.", ".0%", 5),
    Column("vowels_source", "v. src", ".2f"),
    Column("vowels", "vowels", ".2f"),
    Column("consonants_source", "c. src", ".2f"),
    Column("consonants", "cons.", ".2f"),
    Column("rise_source", "r. src", ".1f"),
    Column("rise", "rise", ".1f", 5),
    Column("lead", "lead", "+.1f", 5),
    Column("d_vector_real", "d real", ".3f"),
    Column("d_vector", "d-vec.", ".3f"),
    Column("tune_real", "t real", ".3f"),
    Column("tune", "TUNe", ".3f"),
    Column("level", "level", "+.1f"),
)
LIFE = (
    *_NAMES,
    *(
        column
        for band in ("1k", "2k", "4k", "8k")
        for column in (
            Column(f"hnr_{band}_real", f"{band} re.", ".1f"),
            Column(f"hnr_{band}", f"HNR {band}", ".1f"),
        )
    ),
    Column("shimmer_real", "s.real", ".2%"),
    Column("shimmer", "shim.", ".2%"),
    Column("jitter_real", "j.real", ".2%"),
    Column("jitter", "jitter", ".2%"),
    Column("movement_real", "m.real", ".2f"),
    Column("movement", "move", ".2f", 5),
    Column("variance", "GV", ".2f", 5),
    Column("modulation_4", "m. 4", "+.1f", 5),
    Column("modulation_10", "m. 10", "+.1f", 5),
    Column("modulation_30", "m. 30", "+.1f", 5),
)
PHONES = (
    Column("phone", "phone", width=17),
    Column("count", "count", width=5),
    Column("right_source", "source", ".0%"),
    Column("right", "right", ".0%"),
    Column("instead", "heard instead", width=30),
)
MELODY = (
    Column("tracker", "tracker", width=12),
    Column("snr", "SNR", width=5),
    Column("rmse", "F0RMSE", ".3f"),
    Column("rise", "x clean", ".2f", 7),
    Column("correlation", "F0CORR", ".3f"),
    Column("voicing_f1", "F1", ".3f"),
    Column("accuracy", "right", ".1%"),
    Column("gross", "gross", ".1%"),
    Column("octave", "octave", ".1%"),
    Column("cents", "cents", ".1f"),
    Column("raw_pitch", "RPA", ".1%"),
    Column("raw_chroma", "RCA", ".1%"),
    Column("overall", "OA", ".1%"),
    Column("voicing_recall", "VR", ".1%"),
    Column("voicing_false_alarm", "VFA", ".1%"),
    Column("cost", "ms/s", ".0f"),
)


def header(columns: tuple[Column, ...]) -> str:
    """Return the two lines above the rows."""
    titles = [f"{c.title:>{c.width}}" if c.form else f"{c.title:<{c.width}}" for c in columns]
    rules = ["-" * (c.width - 1) + (":" if c.form else "-") for c in columns]
    return f"| {' | '.join(titles)} |\n| {' | '.join(rules)} |"


def line(columns: tuple[Column, ...], row: Mapping[str, Any]) -> str:
    """Return a row; what it lacks stays empty."""
    return f"| {' | '.join(c.cell(row.get(c.field, '')) for c in columns)} |"


def without_nan(value: object) -> object:
    """Return a value for JSON, with null in place of NaN, which JSON does not have."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, Mapping):
        return {key: without_nan(part) for key, part in value.items()}
    if isinstance(value, list):
        return [without_nan(part) for part in value]
    return value
