"""The manifest of a pronunciation's file: what it says about itself in the ONNX metadata."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT = 1
"""Version of the file; another one is refused."""
METADATA_KEY = "plugin_bridge.pronunciation"


class PronunciationManifest(BaseModel):
    """The facts of one pronunciation, stored as JSON under `METADATA_KEY`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Annotated[int, Field(ge=1)] = FORMAT
    licence: str
    attribution: str
    training_data: str
    hop_ms: Literal[10] = 10
    voices: Annotated[
        dict[str, Annotated[float, Field(gt=20.0, lt=6000.0)]], Field(min_length=1, max_length=64)
    ]
    """The singers it has learnt from: the median of their pitch, hertz."""
    releases: dict[str, Annotated[float, Field(ge=0.0, le=1.0)]]
    """Seconds from a plosive's burst to its end, by plosive."""
    steps: int
    scores: dict[str, float] = Field(default_factory=dict)
    """Of recordings that were held out: mean error of the controls in dB, by voice."""
