"""The settings of a bounce, shared by all files of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dsp.units import MAX_SEED
from plugin_bridge.control.parameters import Value, is_number, is_whole, shown
from plugin_bridge.engine.pitchtracking import check_pitch
from plugin_bridge.files.dither import DITHER_SEED

if TYPE_CHECKING:
    from plugin_bridge.chain.preset import Preset

MAX_BLOCK = 1 << 20
ONE_LEVEL = "--normalize, --loudness and --match-loudness each set the level; give one of them"


@dataclass(frozen=True)
class BounceSettings:
    """The settings of a bounce, shared by all files of a batch.

    Raises:
        TypeError: a tail that is not a number.
        ValueError: a value out of range, or an unknown pitch tracker.
    """

    singer: str = ""
    """Id or path of the singer heard first; empty to leave it to the preset or the automation."""
    preset: Preset | None = None
    """A singer, values and effects; the singer and the parameters given here go over it."""
    parameters: Mapping[str, Value] = field(default_factory=dict)
    """Initial values by id, checked."""
    automation: Path | None = None
    """A MIDI file or a JSON-lines score."""
    midi_map: Path | None = None
    """A MIDI map other than the one that ships."""
    midi_channel: int | None = None
    """The only channel of a MIDI file that counts, 1 to 16; see `midi.parts.select`."""
    midi_track: int | None = None
    """The only track of a MIDI file that counts, from 1."""
    midi_start: bool = False
    """Whether programs and controls at the very start of a MIDI file overrule what is given here."""
    seed: int | None = None
    """Names the noise of the voice; None for the session's own, or 0."""
    pitch: str = ""
    """How the pitch of the source is heard, one of `engine.pitchtracking.PITCHES`; empty for the preset's
    way, else the session's, else the usual one."""
    dither_seed: int = DITHER_SEED
    """Names the noise of the rounding."""
    block: int | None = None
    """Samples the engine is given at a time; None for as many hops as it takes. The result does not depend on
    it."""
    tail_seconds: float | None = 0.0
    """Rendered after the end of the source; None for as long as something sounds."""
    normalize_db: float | None = None
    """Peak of the output in dBFS; None leaves the level."""
    loudness: float | None = None
    """Integrated loudness of the output in LUFS, as far as its true peak stays at or below -1 dBTP; None
    leaves the level."""
    match_loudness: bool = False
    """Give the output the loudness of the source, as far as its true peak allows."""
    dropouts: bool = True
    """Whether a session falls silent where it did live because the engine was late."""
    force: bool = False
    """Replace an output that exists."""

    def __post_init__(self) -> None:
        if self.pitch:
            check_pitch(self.pitch)
        for what, seed in (("seed", self.seed), ("dither seed", self.dither_seed)):
            if seed is not None and not (is_whole(seed) and 0 <= int(seed) <= MAX_SEED):
                raise ValueError(
                    f"{what} {shown(seed)} does not name a noise; give a whole number from 0 to 2^63 - 1"
                )
        for what, number, most in (("channel", self.midi_channel, 16), ("track", self.midi_track, 65535)):
            if number is not None and not (is_whole(number) and 1 <= int(number) <= most):
                raise ValueError(f"MIDI {what} {shown(number)} does not exist; give 1 to {most}")
        if self.block is not None and not (is_whole(self.block) and 1 <= int(self.block) <= MAX_BLOCK):
            raise ValueError(f"block {shown(self.block)} is out of range; give 1 to {MAX_BLOCK} samples")
        if self.tail_seconds is not None and not is_number(self.tail_seconds):
            raise TypeError(
                f"tail {shown(self.tail_seconds)} is not a number; give seconds, or None for all of it"
            )
        if self.tail_seconds is not None and not 0.0 <= self.tail_seconds <= 3600.0:
            raise ValueError(f"tail {shown(self.tail_seconds)} is out of range; give 0 to 3600 seconds")
        self._check_level()

    @property
    def sets_level(self) -> bool:
        """Whether the output is amplified once all of it is known."""
        return self.normalize_db is not None or self.loudness is not None or self.match_loudness

    def _check_level(self) -> None:
        if self.normalize_db is not None and not -60.0 <= self.normalize_db <= 0.0:
            raise ValueError(f"normalize {shown(self.normalize_db)} is out of range; give -60 to 0 dBFS")
        if self.loudness is not None and not (
            is_number(self.loudness) and -60.0 <= float(self.loudness) <= 0.0
        ):
            raise ValueError(f"loudness {shown(self.loudness)} is out of range; give -60 to 0 LUFS")
        if [self.normalize_db is None, self.loudness is None, not self.match_loudness].count(False) > 1:
            raise ValueError(ONE_LEVEL)
