"""The manifest of a content encoder's file: what it says about itself in the ONNX metadata."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT = 1
"""Version of the file; another one is refused."""
METADATA_KEY = "plugin_bridge.content"


class ContentManifest(BaseModel):
    """The facts of one encoder, stored as JSON under `METADATA_KEY`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Annotated[int, Field(ge=1)] = FORMAT
    licence: str
    attribution: str
    training_data: str
    hop_ms: Literal[10] = 10
    look_ahead_hops: Literal[1] = 1
    size: Annotated[int, Field(ge=1, le=1024)]
    """Numbers that describe one frame."""
    steps: int
    scores: dict[str, float] = Field(default_factory=dict)
    """Share of frames whose vowel or consonant is recognised in voices held out, by name."""
