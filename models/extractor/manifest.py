"""The manifest of an extractor file: what it says about itself in the ONNX metadata."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT = 1
"""Version of the extractor file; a higher one is refused."""
METADATA_KEY = "plugin_bridge.extractor"
Architecture = Literal["hubert", "wavlm"]
Layers = Literal["weighted", "last"]


class ExtractorManifest(BaseModel):
    """The facts of one extractor, stored as JSON under `METADATA_KEY`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Annotated[int, Field(ge=1)] = FORMAT
    encoder: Architecture
    encoder_sha256: str
    """Of the encoder's weights as they were given."""
    layers: Layers
    fft: bool
    frozen: bool
    """Whether the encoder's weights stayed as they were given."""
    steps: int
    layer_weights_before: tuple[float, ...]
    """Share of each layer when tuning of the encoder began; the first is what enters its transformer."""
    layer_weights_after: tuple[float, ...]
    scores: dict[str, float] = Field(default_factory=dict)
    """Held-out scores by name."""
