"""What a singer file says of its refiner: for how many denoising steps it has a network, and at what cost."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

MAX_STEPS = 8
"""Denoising steps of a frame."""
MAX_BANDS = 256
"""Numbers of a control frame that a refiner may refine."""


class Refiner(BaseModel):
    """The facts of one refiner, part of a singer's manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bands: Annotated[int, Field(ge=1, le=MAX_BANDS)]
    """Width of the noise that it starts from."""
    steps: Annotated[tuple[Annotated[int, Field(ge=1, le=MAX_STEPS)], ...], Field(min_length=1)]
    """How many steps it can take, in ascending order."""
    noise: Annotated[float, Field(ge=0.0, le=1.0)] = 1.0
    """Standard deviation of the noise that it starts from: 0 of a regression, which starts from none."""
    milliseconds: Annotated[float, Field(ge=0.0, lt=1000.0, allow_inf_nan=False)] = 0.0
    """What one step of one frame takes, as it was measured where the refiner was trained; 0 if it was not."""

    @field_validator("steps")
    @classmethod
    def _ascending(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if list(value) != sorted(set(value)):
            raise ValueError(f"steps {value} do not ascend; give each number of steps once, the lowest first")
        return value
