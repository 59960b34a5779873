"""The one table of parameters behind the engine, presets, OSC, MIDI, the command line and the documents."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, SupportsFloat, SupportsIndex, TypeGuard

from dsp.units import MAX_F0
from plugin_bridge.control.scales import KEYS, SCALES, key_named, scale_named

Value = float | str | bool
"""What a parameter can hold: a number in its unit, a word, or a switch."""
Kind = Literal["number", "switch", "choice", "singer"]
QUALITIES: Mapping[str, int] = MappingProxyType({"draft": 0, "live": 1, "mix": 2, "render": 8})
"""The words of `quality`, and how many steps each lets a refiner take: as many as it can, up to these."""
_EXCESS = 2e-6
"""Share of a range by which a number may pass its ends and still mean them: 16 steps of a float32 at 1."""


@dataclass(frozen=True)
class Parameter:
    """One row of the table."""

    id: str
    """Its name in events, OSC addresses and presets."""
    description: str
    """One sentence for a musician."""
    default: Value
    kind: Kind = "number"
    """A number; a switch (True or False); a choice of words; or a singer of the engine's set."""
    unit: str = ""
    low: float = 0.0
    """Minimum of a number."""
    high: float = 1.0
    """Maximum of a number."""
    curve: float = 1.0
    """Exponent from a fader's 0..1 to the range: 1 is straight, 2 gives small values more room."""
    smoothing_ms: float = 0.0
    """How long a change takes to arrive, in milliseconds; 0 acts at once or with the next 10 ms frame."""
    words: tuple[str, ...] = ()
    """The words of a choice; for a number, words allowed besides numbers."""
    spelled: Callable[[str], str] = str.lower
    """From a word in any accepted spelling to the one in `words`."""
    number: int = -1
    """What plug-in hosts know it by: given once, never to another row. A new row takes the next one that is
    free, those of `plugin_bridge.plugin.table` counted; the tests say which."""
    group: str = ""
    """What it is about, for panels: "singer", "pitch", "timbre" or "level"."""

    def check(self, value: object) -> Value:
        """Return the value in its canonical type: float, bool or str.

        Raises:
            TypeError: a number, a switch or a word was needed.
            ValueError: out of range, or an unknown word.
        """
        if self.kind == "switch":
            return self._check_switch(value)
        if self.kind == "number" and not (isinstance(value, str) and self.words):
            return self._check_number(value)
        if not isinstance(value, str):
            raise TypeError(f"{self.id} {shown(value)} is not a word; {self.rule()}")
        if self.kind == "singer":
            return value
        word = self.spelled(value)
        if word not in self.words:
            raise ValueError(f"{self.id} {shown(value)} is unknown; {self.rule()}")
        return word

    def _check_switch(self, value: object) -> bool:
        if isinstance(value, str) or value not in (0, 1):
            raise TypeError(f"{self.id} {shown(value)} is not a switch; {self.rule()}")
        return bool(value)

    def _check_number(self, value: object) -> float:
        if not is_number(value):
            raise TypeError(f"{self.id} {shown(value)} is not a number; {self.rule()}")
        number = within(value, self.low, self.high)
        if number is None:
            raise ValueError(f"{self.id} {shown(value)} is out of range; {self.rule()}")
        return number

    def rule(self) -> str:
        """Return what is allowed, as the second half of a sentence."""
        words = " or ".join(repr(word) for word in self.words)
        if self.kind == "switch":
            return "give True or False"
        if self.kind == "singer":
            return "give the id of a singer"
        if self.kind == "choice":
            return f"give one of {', '.join(self.words)}"
        unit = f" {self.unit}" if self.unit else ""
        return f"give {self.low:g} to {self.high:g}{unit}" + (f" or {words}" if words else "")

    def from_unit(self, position: float) -> Value:
        """Map a fader's position to a value.

        Args:
            position: 0..1.

        Raises:
            ValueError: outside 0..1, or the parameter is a singer.
        """
        place = within(position, 0.0, 1.0)
        if place is None:
            raise ValueError(f"{self.id} position {shown(position)} is out of range; give 0 to 1")
        if self.kind == "switch":
            return place >= 0.5
        if self.kind == "choice":
            return self.words[min(int(place * len(self.words)), len(self.words) - 1)]
        if self.kind == "singer":
            raise ValueError(f"{self.id} has no fader; {self.rule()}")
        return float(self.low + (self.high - self.low) * place**self.curve)

    def to_unit(self, value: Value) -> float:
        """Map a value to a fader's position, 0..1, the inverse of `from_unit`.

        Raises:
            TypeError: the value does not fit.
            ValueError: the value does not fit, or is a word or a singer without a position.
        """
        value = self.check(value)
        if isinstance(value, bool):
            return float(value)
        if isinstance(value, float):
            return float(((value - self.low) / (self.high - self.low)) ** (1.0 / self.curve))
        if self.kind == "choice":
            return (self.words.index(value) + 0.5) / len(self.words)
        raise ValueError(f"{self.id} {shown(value)} has no fader position; read it as a value")

    def text(self, value: Value) -> str:
        """Return a value with its unit, for display."""
        if isinstance(value, bool):
            return "on" if value else "off"
        if isinstance(value, str):
            return value
        return f"{value:g} {self.unit}".rstrip()

    def smoothing(self, sample_rate: int) -> int:
        """Return the number of samples a change takes to arrive, >= 1."""
        return max(1, math.ceil(self.smoothing_ms * sample_rate / 1000.0))


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = 80


def shown(value: object) -> str:
    """Return a value as it is quoted in a sentence: its `repr`, shortened where it is long or deep."""
    try:
        return _SHORT.repr(value)
    except ValueError:  # Python writes whole numbers of up to 4300 digits
        return "a number of thousands of digits"


def is_number(value: object) -> TypeGuard[SupportsFloat]:
    """Return whether a value is a number; text and switches are not."""
    # The protocol last: it takes 8 us to ask.
    return isinstance(value, (float, int, SupportsFloat)) and not isinstance(value, (str, bytes, bool))


def as_float(value: SupportsFloat) -> float:
    """Return a number as a float, infinity for one that is too large."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def within(value: SupportsFloat, low: float, high: float) -> float | None:
    """Return a number from `low` to `high` as a float, None for one outside and for NaN.

    What passes an end by the rounding of a float32, as a fader's 1.0000001, is that end.
    """
    number = as_float(value)
    excess = _EXCESS * (high - low)
    if not low - excess <= number <= high + excess:  # NaN fails both
        return None
    return float(min(high, max(low, number)))


def is_whole(value: object) -> TypeGuard[SupportsIndex]:
    """Return whether a value is a whole number, of Python or of numpy."""
    return isinstance(value, SupportsIndex) and not isinstance(value, bool)


_ROWS = (
    Parameter(
        "singer", "The singer who is heard.", "", kind="singer", smoothing_ms=20, number=0, group="singer"
    ),
    Parameter(
        "morph_singer",
        "The singer `morph` goes to; empty for none.",
        "",
        kind="singer",
        smoothing_ms=20,
        number=1,
        group="singer",
    ),
    Parameter(
        "morph", "From `singer` (0) to `morph_singer` (1).", 0.0, smoothing_ms=20, number=2, group="singer"
    ),
    Parameter(
        "transpose",
        "Interval added to the melody; `auto` picks the octave nearest to the singer's range.",
        "auto",
        unit="semitones",
        low=-36,
        high=36,
        smoothing_ms=20,
        words=("auto",),
        number=3,
        group="pitch",
    ),
    Parameter(
        "fine_tune",
        "Tuning of the output.",
        0.0,
        unit="cents",
        low=-100,
        high=100,
        smoothing_ms=20,
        number=4,
        group="pitch",
    ),
    Parameter(
        "formant",
        "Shift of the vocal tract's resonances.",
        0.0,
        unit="semitones",
        low=-12,
        high=12,
        smoothing_ms=20,
        number=5,
        group="timbre",
    ),
    Parameter(
        "vibrato",
        "Depth of the sung vibrato: 0 flattens, 1 is as sung, 2 doubles.",
        1.0,
        high=2,
        smoothing_ms=50,
        number=6,
        group="pitch",
    ),
    Parameter(
        "correction",
        "How far the pitch is pulled to the notes of `scale` in `key`.",
        0.0,
        smoothing_ms=50,
        number=7,
        group="pitch",
    ),
    Parameter(
        "scale",
        "The notes `correction` pulls to.",
        "chromatic",
        kind="choice",
        words=tuple(SCALES),
        spelled=scale_named,
        number=8,
        group="pitch",
    ),
    Parameter(
        "key",
        "The keynote of `scale`; flats are taken too, Bb as A#.",
        "C",
        kind="choice",
        words=KEYS,
        spelled=key_named,
        number=9,
        group="pitch",
    ),
    Parameter(
        "retune",
        "How long `correction` takes; 0 is immediate.",
        30.0,
        unit="ms",
        high=500,
        curve=2,
        number=10,
        group="pitch",
    ),
    Parameter(
        "breath",
        "Level of the noise in voiced sounds.",
        0.0,
        unit="dB",
        low=-40,
        high=20,
        smoothing_ms=20,
        number=11,
        group="timbre",
    ),
    Parameter(
        "brightness",
        "Slope of the spectrum above 1 kHz.",
        0.0,
        unit="dB/octave",
        low=-6,
        high=6,
        smoothing_ms=20,
        number=12,
        group="timbre",
    ),
    Parameter(
        "likeness",
        "How strongly the singer's own sounds replace the source's.",
        0.0,
        smoothing_ms=20,
        number=13,
        group="timbre",
    ),
    Parameter(
        "consonants",
        "How far the source's own bursts and hiss are heard in place of the singer's; not with music around.",
        1.0,
        smoothing_ms=20,
        number=14,
        group="timbre",
    ),
    Parameter(
        "quality",
        "How many steps the singer's refiner, if it has one, takes: none, 1, 2, or as many as it can.",
        "live",
        kind="choice",
        words=tuple(QUALITIES),
        number=26,
        group="timbre",
    ),
    Parameter(
        "melody",
        "Whether notes replace the sung melody.",
        False,
        kind="switch",
        smoothing_ms=10,
        number=15,
        group="pitch",
    ),
    Parameter(
        "glide",
        "How long the pitch slides from note to note where notes replace the melody.",
        40.0,
        unit="ms",
        high=1000,
        curve=2,
        number=16,
        group="pitch",
    ),
    Parameter(
        "source_pitch",
        "Median pitch of the source, for `auto`; 0 measures it.",
        0.0,
        unit="Hz",
        high=MAX_F0,
        number=17,
        group="pitch",
    ),
    Parameter(
        "mix", "From the source (0) to the singer (1).", 1.0, smoothing_ms=20, number=18, group="level"
    ),
    Parameter(
        "gain",
        "Level of the output.",
        0.0,
        unit="dB",
        low=-60,
        high=24,
        smoothing_ms=20,
        number=19,
        group="level",
    ),
    Parameter(
        "bypass",
        "Whether the source passes unchanged, with the same latency.",
        False,
        kind="switch",
        smoothing_ms=20,
        number=20,
        group="level",
    ),
)

PARAMETERS: Mapping[str, Parameter] = MappingProxyType({row.id: row for row in _ROWS})
"""Every parameter by its id, in the order of the documentation."""
SINGERS = tuple(row.id for row in _ROWS if row.kind == "singer")
"""The parameters that name a singer."""


def parameter(name: object) -> Parameter:
    """Return the row of a parameter.

    Raises:
        ValueError: no such parameter; the sentence lists the known ones.
    """
    row = PARAMETERS.get(name) if isinstance(name, str) else None
    if row is None:
        raise ValueError(f"parameter {shown(name)} is unknown; use one of {', '.join(PARAMETERS)}")
    return row


def check_values(values: Mapping[str, object]) -> dict[str, Value]:
    """Return parameter values in their canonical types.

    Raises:
        TypeError: a value has the wrong type.
        ValueError: an unknown parameter, or a value out of range.
    """
    return {name: parameter(name).check(value) for name, value in values.items()}
