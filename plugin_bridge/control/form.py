"""The form of a device: its sample rate, channels and block size."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Form:
    """What a device runs at."""

    sample_rate: int
    channels: int
    block: int
    """Samples per call of `Exchange.cycle`."""
    device: str
    """Its name, for people."""
