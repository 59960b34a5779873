"""What a TUNe is made of: one description from which every variant of the paper follows, and CLMR."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from models.errors import TrainingError

SAMPLES = 3**10
"""Of a published example, 2.68 s at `RATE`."""
RATE = 22050
"""Of the published networks' input, hertz."""
KERNEL = 3
"""Taps of every convolution, and the factor between two levels."""
_DOUBLINGS = 5
"""The tail's blocks double their width up to 32 times the filters; the paper's text says further."""
_CLMR_WIDTHS = (1, 1, 1, 2, 2, 2, 2, 2, 2)
"""Of the blocks of SampleCNN before its last two, in multiples of its first."""


@dataclass(frozen=True)
class Architecture:
    """A multi-timescale U-Net encoder with a tail (Vélez Vásquez and Burgoyne 2022).

    Level k is what is left after k poolings by three. The contractive path goes from level 0 down to level
    `contractive`, the expansive path from there `expansive` levels up again, and the tail from where that
    ends down by `tail` levels; what is left in time is averaged.

    Raises:
        TrainingError: the parts do not fit together.
    """

    contractive: int = 4
    """Blocks after the first, each behind a pooling; with none and CLMR's tail there is no U at all."""
    expansive: int = 4
    """Blocks, each behind a transposed convolution and joined by the contractive one of its level."""
    tail: int = 4
    """Blocks, each behind a pooling; with none the U's own output is averaged. CLMR's always has 11."""
    filters: int = 34
    """Channels of level 0; each level below has twice as many."""
    plus: bool = False
    """TUNe+: a tail block also hears what the expansive path, or its lowest block, says at its level."""
    representation: int = 512
    """Numbers that describe an example: the width of the last tail block."""
    wide_from: int | None = None
    """Tail blocks from this one on, counted from 1, are as wide as the representation; None: the last."""
    widest: int | None = None
    """No block but those as wide as the representation has more channels; None: as published, no limit."""
    clmr: int = 0
    """Filters of CLMR's SampleCNN, 128 as published, where that is the tail; 0: a tail of TUNe."""
    inputs: int = 1
    """Channels of the input: 1 of a wave, or the bands of a spectrum's frames."""

    def __post_init__(self) -> None:
        for name in ("filters", "representation", "inputs"):
            if getattr(self, name) < 1:
                raise TrainingError(f"{name} = {getattr(self, name)} leaves no channels; give 1 or more")
        for name in ("contractive", "expansive", "tail", "clmr"):
            if getattr(self, name) < 0:
                raise TrainingError(f"{name} = {getattr(self, name)} is below 0; give 0 or more")
        if self.expansive > self.contractive:
            raise TrainingError(
                f"{self.expansive} expansive blocks rise above the input; give at most {self.contractive}, "
                "as many as there are contractive ones"
            )
        if self.plus and (self.clmr or not self.tail or not self.expansive):
            raise TrainingError(
                "plus joins an expansive path with a tail of TUNe; give both 1 block or more and clmr = 0"
            )

    @property
    def has_u(self) -> bool:
        """Whether anything comes before the tail."""
        return not self.clmr or self.contractive > 0

    @property
    def top(self) -> int:
        """The level on which the U ends and the tail begins."""
        return self.contractive - self.expansive

    @property
    def multiple(self) -> int:
        """An input's length must be a multiple of this, so that the expansive path meets the contractive."""
        return int(KERNEL ** (self.contractive if self.has_u else 0))

    @property
    def shortest(self) -> int:
        """An input must be at least as long as this, in samples or frames."""
        below = len(_CLMR_WIDTHS) + 1 if self.clmr else self.tail
        return int(KERNEL ** max(self.contractive, self.top + below))

    def width(self, level: int) -> int:
        """Return the channels of the contractive and expansive blocks of a level."""
        width = int(self.filters * 2**level)
        return min(width, self.widest) if self.widest else width

    @property
    def u_width(self) -> int:
        """Channels that the U ends with: before CLMR's tail it makes as many as its input has again."""
        if not self.has_u:
            return self.inputs
        return self.inputs if self.clmr and self.expansive else self.width(self.top)

    @property
    def tail_widths(self) -> tuple[int, ...]:
        """Channels of the blocks of TUNe's tail."""
        wide = min(self.wide_from or self.tail, self.tail)
        return tuple(
            self.representation
            if block >= wide
            else self.width(min(self.top + block, max(self.top, _DOUBLINGS)))
            for block in range(1, self.tail + 1)
        )

    @property
    def tail_inputs(self) -> tuple[int, ...]:
        """Channels that the blocks of TUNe's tail hear."""
        before = (self.u_width, *self.tail_widths)[: self.tail]
        levels = range(self.top + 1, self.top + 1 + self.tail)
        return tuple(
            width + (self.width(level) if self.plus and level <= self.contractive else 0)
            for width, level in zip(before, levels, strict=True)
        )

    @property
    def clmr_widths(self) -> tuple[int, ...]:
        """Channels of the blocks of CLMR's tail: the first strides, all but the last are pooled."""
        return (*(self.clmr * times for times in _CLMR_WIDTHS), self.representation, self.representation)

    @property
    def size(self) -> int:
        """Numbers that describe an example."""
        return self.representation if self.clmr or self.tail else self.u_width


CLMR = Architecture(contractive=0, expansive=0, tail=0, clmr=128)
"""Spijkervet and Burgoyne 2021: SampleCNN (Lee et al. 2017) and nothing before it."""
TABLE_1 = MappingProxyType(
    {
        "vanilla": Architecture(),
        **{
            f"contractive+{more}": Architecture(4 + more, 4 + more, filters=filters)
            for more, filters in ((1, 18), (2, 9), (3, 4))
        },
        **{
            f"expansive-{fewer}": Architecture(4, 4 - fewer, 4 - fewer, filters)
            for fewer, filters in ((1, 34), (2, 35), (3, 38))
        },
        **{
            f"tail+{more}": Architecture(tail=4 + more, filters=filters)
            for more, filters in ((1, 28), (2, 19), (3, 15), (4, 13), (5, 11))
        },
        "clmr-tail": Architecture(tail=0, filters=10, clmr=128),
        "tune+": Architecture(tail=9, filters=11, plus=True),
        "vanilla-small": Architecture(filters=11),
        "tune+large": Architecture(tail=9, filters=34, plus=True, wide_from=4),
        "tune+smaller-rep": Architecture(tail=9, filters=11, plus=True, representation=256, wide_from=4),
        "clmr": CLMR,
    }
)
"""The published variants, by name."""
CPU_SIZED = "tune+cpu"
SMALL = MappingProxyType(
    {
        CPU_SIZED: Architecture(tail=9, filters=4, plus=True, representation=64, wide_from=4),
        "tail+5+cpu": Architecture(tail=9, filters=5, representation=64, wide_from=4),
        "vanilla+cpu": Architecture(filters=8, representation=64),
        "clmr+cpu": Architecture(0, 0, 0, clmr=34, representation=64),
    }
)
"""Of 0.11 to 0.12 million weights each, to be compared; one core trains one in an hour."""
VARIANTS = MappingProxyType({**SMALL, **TABLE_1})
"""All, by name."""
