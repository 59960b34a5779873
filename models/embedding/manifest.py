"""The manifest of a singer embedding's file: what it says about itself in the ONNX metadata."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT = 1
"""Version of the file; another one is refused."""
METADATA_KEY = "plugin_bridge.embedding"


class EmbeddingManifest(BaseModel):
    """The facts of one embedding, stored as JSON under `METADATA_KEY`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Annotated[int, Field(ge=1)] = FORMAT
    licence: str
    attribution: str
    training_data: str
    rate: Literal[16000] = 16000
    """Hertz at which it hears."""
    hop_ms: Literal[10] = 10
    size: Annotated[int, Field(ge=1, le=1024)]
    """Numbers in a vector."""
    steps: int
    scores: dict[str, float] = Field(default_factory=dict)
    """Of recordings that were held out (`python -m models.training.embedding --score`), by name."""
