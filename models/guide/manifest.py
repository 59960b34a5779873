"""The manifest of a guide melody network's file: what it says about itself in the ONNX metadata."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

FORMAT = 1
"""Version of the file; another one is refused."""
METADATA_KEY = "plugin_bridge.guide"


class GuideManifest(BaseModel):
    """The facts of one network, stored as JSON under `METADATA_KEY`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Annotated[int, Field(ge=1)] = FORMAT
    licence: str
    attribution: str
    training_data: str
    latent: Annotated[int, Field(ge=1, le=256)]
    """Numbers in what a window of four bars is drawn from."""
    steps: int
    scores: dict[str, float] = Field(default_factory=dict)
    """On tunes that were held out, by name."""
