"""The manifest of a singer file: what it says about itself in the ONNX metadata."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, FiniteFloat, field_validator

from models.errors import TrainingError
from models.refiner.facts import Refiner

FORMAT = 5
"""Version of the singer file; a higher one is refused. Format 4 is the same without a refiner."""
OLDEST = 3
"""The oldest that is read: singers that have a content path of their own and read envelopes."""
METADATA_KEY = "plugin_bridge.singer"

Kind = Literal["sawsing", "ddsp-add", "dwts"]
Hertz = Annotated[float, Field(gt=0.0, lt=24000.0)]


def plain_id(text: str) -> str:
    """Return a text that may be a singer's id.

    Raises:
        ValueError: it may not.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", text):
        raise ValueError(
            f"singer id {text!r} is not plain; use up to 40 lower-case letters, digits, '-' or '_', "
            "a letter or a digit first"
        )
    return text


def check_unicode(texts: Mapping[str, str]) -> None:
    """Check texts that are to be written into a file.

    Args:
        texts: by field name.

    Raises:
        TrainingError: one holds what no file takes, such as bytes of a terminal that are not UTF-8.
    """
    for what, text in texts.items():
        if any("\ud800" <= sign <= "\udfff" for sign in text):
            shown = what.replace("_", " ")
            raise TrainingError(f"the {shown} {text!r} is no Unicode text; give it in UTF-8")


def finite(scores: Mapping[str, float]) -> dict[str, float]:
    """Return the scores that are finite: JSON cannot hold the others."""
    return {name: score for name, score in scores.items() if math.isfinite(score)}


class Manifest(BaseModel):
    """The facts of one singer, stored as JSON under `METADATA_KEY`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Annotated[int, Field(ge=1)] = FORMAT
    id: str
    name: str
    licence: str
    attribution: str
    training_data: str
    kind: Kind = "sawsing"
    hop_ms: Literal[10] = 10
    look_ahead_hops: Literal[1] = 1
    content: Annotated[str, Field(pattern="^([0-9a-f]{64})?$")] = ""
    """SHA-256 of the content encoder's file (`models.content`); empty in format 3."""
    bands: int = 0
    """Of the envelope that a singer of format 3 reads."""
    harmonic: int
    noise: int
    state_size: int = 0
    f0_low: Hertz
    """5th percentile of the training pitch."""
    f0_median: Hertz
    f0_high: Hertz
    """95th percentile of the training pitch."""
    steps: int = 0
    scores: dict[str, float] = Field(default_factory=dict)
    """Held-out scores by name."""
    ltas: tuple[FiniteFloat, ...] = Field(default=(), validation_alias=AliasChoices("ltas", "colour"))
    """Of a sawsing singer: the long-term average of its filters (`dsp.singerltas`), called colour in files
    made before 0.2; empty leaves the voice as it is."""
    tables: str = ""
    """Wavetables of a dwts singer: base64 of complex64 (tables, harmonics), little-endian."""
    refiner: Refiner | None = None
    """Of a singer whose network has one behind it."""

    @field_validator("id")
    @classmethod
    def _plain_id(cls, value: str) -> str:
        return plain_id(value)

    def to_metadata(self) -> dict[str, str]:
        """Return the ONNX metadata entries."""
        return {METADATA_KEY: self.model_dump_json()}
