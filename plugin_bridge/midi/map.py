"""The MIDI map, a TOML file: which program selects which singer, which control moves which parameter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from plugin_bridge.control.events import WIDEST_BEND
from plugin_bridge.control.parameters import Parameter, Value, parameter
from plugin_bridge.errors import ScoreError
from plugin_bridge.files.tomlfile import parse_toml, read_toml

DEFAULT_MAP = Path(__file__).with_name("midi.toml")
RESERVED = frozenset({0, 32, 6, 38, *range(96, 102), *range(120, 128)})
"""Controls with a fixed meaning, which a map cannot change."""

Seven = Annotated[int, Field(ge=0, le=127)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Program(_Row):
    """A program change and its singer."""

    bank: int = Field(default=0, ge=0, le=16383)
    program: Seven
    singer: str = Field(min_length=1)
    """Id, or path of a singer file, relative to the map."""


class Control(_Row):
    """A control change and its parameter."""

    number: Seven
    parameter: str
    low: float | None = None
    """Value at control value 0; the parameter's minimum if absent."""
    high: float | None = None
    """Value at the highest control value; the parameter's maximum if absent."""
    step: float = Field(default=0.0, ge=0.0)
    """The value is rounded to multiples of it; 0 for no rounding."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        row = movable(self.parameter)
        if self.number in RESERVED:
            raise ValueError(f"control {self.number} has a fixed meaning; choose another")
        for bound in (self.low, self.high):
            if bound is not None and row.kind != "number":
                raise ValueError(f"{row.id} takes no low and high; leave them out")
            if bound is not None:
                row.check(bound)
        return self

    def value(self, position: float) -> Value:
        """Return the parameter's value for a control position 0..1."""
        row = parameter(self.parameter)
        if row.kind != "number" or (self.low is None and self.high is None):
            found = row.from_unit(position)
        else:
            low = row.low if self.low is None else self.low
            high = row.high if self.high is None else self.high
            found = low + (high - low) * position
        if isinstance(found, float):  # which rounding may bring past an end
            found = round(found / self.step) * self.step if self.step else found
            found = min(row.high, max(row.low, found))
        return found


class Learned(NamedTuple):
    """A learned control; see `MidiMap.learned`."""

    number: int
    parameter: str
    pair: bool


class MidiMap(_Row):
    """A whole map."""

    bend_range: float = Field(default=2.0, ge=0.0, le=WIDEST_BEND)
    """Semitones of the pitch wheel, each way."""
    program: tuple[Program, ...] = ()
    control: tuple[Control, ...] = ()

    def learned(self, number: int, name: str, *, pair: bool = False) -> MidiMap:
        """Return this map with a parameter bound to another control, its `low`, `high` and `step` kept.

        Args:
            number: the control; its previous binding and the parameter's are removed.
            name: the parameter.
            pair: the control was seen with its low half, number + 32, which then loses its own binding.

        Raises:
            ValueError: the control or the parameter cannot be mapped.
        """
        before = next((row for row in self.control if row.parameter == name), None)
        facts = before.model_dump(exclude={"number"}) if before else {"parameter": name}
        taken = {number, number + 32} if pair else {number}
        kept = [row for row in self.control if row.parameter != name and row.number not in taken]
        return self.model_copy(update={"control": (*kept, Control(number=number, **facts))})

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        keys = [f"program {row.program} of bank {row.bank}" for row in self.program]
        keys += [f"control {row.number}" for row in self.control]
        seen: set[str] = set()
        for key in keys:
            if key in seen:
                raise ValueError(f"{key} is given twice; keep one")
            seen.add(key)
        return self


def movable(name: object) -> Parameter:
    """Return the row of a parameter that controls can move.

    Raises:
        ValueError: an unknown parameter, or a singer.
    """
    row = parameter(name)
    if row.kind == "singer":
        raise ValueError(f"a control cannot pick a {row.id}; map a program")
    return row


def load_midi_map(path: Path | None = None, *, placed: bool = True) -> MidiMap:
    """Read a map.

    Args:
        path: a TOML file like `DEFAULT_MAP`, which is read if absent.
        placed: resolve the paths of singer files, which are relative to the map.

    Raises:
        ScoreError: the file is missing, is not valid TOML, or does not fit.
    """
    path = path or DEFAULT_MAP
    data = read_toml(path, "MIDI map", ScoreError)
    try:
        found = MidiMap.model_validate(_tuples(data))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the map"
        raise ScoreError(
            f"{path}, {where}: {first['msg'].removeprefix('Value error, ')}; correct the MIDI map"
        ) from error
    if not placed:
        return found
    return found.model_copy(update={"program": tuple(_placed(row, path.parent) for row in found.program)})


def parse_midi_map(text: str) -> MidiMap:
    """Return the map of a TOML text, paths as they are written.

    Raises:
        ValueError: it is not valid TOML, or does not fit: `parse_toml`'s or pydantic's.
    """
    return MidiMap.model_validate(_tuples(parse_toml(text)))


def _tuples(data: dict[str, object]) -> dict[str, object]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}


def _placed(row: Program, folder: Path) -> Program:
    if not row.singer.endswith(".onnx"):
        return row
    return row.model_copy(update={"singer": str(folder / row.singer)})
