"""What a live engine is started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dsp.units import RATES
from plugin_bridge.control.parameters import Value
from plugin_bridge.engine.pitchtracking import USUAL, check_pitch

if TYPE_CHECKING:
    from plugin_bridge.midi.map import Learned  # else the command line would load pydantic

DRIVERS = ("jack", "soundcard", "reastream", "null")
"""A module each in `plugin_bridge.live.drivers`."""


@dataclass(frozen=True)
class DriverSettings:
    """Which device to open, and how to run it.

    Raises:
        ValueError: an unknown driver, or a rate, channels or a block out of range.
    """

    name: str = "jack"
    """One of `DRIVERS`."""
    device: str = ""
    """Its meaning depends on the driver; empty for the default device."""
    sample_rate: int = 0
    """Hertz, one of `dsp.units.RATES`; 0 for what the device prefers."""
    channels: int = 1
    """1 or 2."""
    block: int = 0
    """Samples; 0 for what the device prefers."""

    def __post_init__(self) -> None:
        if self.name not in DRIVERS:
            raise ValueError(f"driver {self.name!r} is unknown; use one of {', '.join(DRIVERS)}")
        if self.sample_rate and self.sample_rate not in RATES:
            rates = ", ".join(map(str, RATES))
            raise ValueError(f"sample rate {self.sample_rate!r} is not native; use one of {rates}")
        if self.channels not in (1, 2):
            raise ValueError(f"{self.channels!r} channels cannot be sung live; give 1 or 2")
        if self.block and not 16 <= self.block <= 8192:
            raise ValueError(f"block {self.block!r} is out of range; give 16 to 8192 samples")


@dataclass(frozen=True)
class LiveSettings:
    """What a live rig starts its audio process with, at first and after every failure.

    Raises:
        ValueError: a ring out of range, or an unknown pitch tracker.
    """

    driver: DriverSettings = field(default_factory=DriverSettings)
    singers: tuple[str, ...] = ()
    """Ids or paths, all loaded; the first is heard first. Empty for all that ship."""
    parameters: Mapping[str, Value] = field(default_factory=dict)
    """Initial values by id, checked."""
    seed: int = 0
    """Seed of the voice's noise."""
    pitch: str = USUAL
    """Pitch tracker, one of `plugin_bridge.engine.pitchtracking.PITCHES`."""
    midi_map: Path | None = None
    """MIDI map instead of the one that ships; learned controls are saved in it."""
    learned: tuple[Learned, ...] = ()
    """Controls learned so far, in order; they override the map."""
    sessions: Path = Path()
    """Folder of recorded sessions."""
    ring: int = 0
    """Blocks between input and output, 2 to 8; 0 for 2, or 3 where a block is shorter than 4 ms."""

    def __post_init__(self) -> None:
        check_pitch(self.pitch)
        if self.ring and not 2 <= self.ring <= 8:
            raise ValueError(f"ring {self.ring!r} is out of range; give 2 to 8 blocks")
