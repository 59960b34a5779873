"""The manifest of a melody network's file: what it says about itself in the ONNX metadata."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT = 5
"""Version of the file; one with other inputs or outputs is refused (`models.melody.tracker.load_network`)."""
METADATA_KEY = "plugin_bridge.melody"


class MelodyManifest(BaseModel):
    """The facts of one network, stored as JSON under `METADATA_KEY`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Annotated[int, Field(ge=1)] = FORMAT
    licence: str
    attribution: str
    training_data: str
    hop_ms: Literal[10] = 10
    look_ahead_hops: Literal[2] = 2
    parameters: int
    steps: int
    scores: dict[str, float] = Field(default_factory=dict)
    """Scores on the held-out recordings, by name and level of the accompaniment."""
