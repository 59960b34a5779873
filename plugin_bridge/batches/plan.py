"""Read a plan of bounces: a TOML file with defaults and jobs, or a CSV file with a job in each row."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)

from plugin_bridge.control.parameters import PARAMETERS, Value, check_values
from plugin_bridge.engine.pitchtracking import PitchName
from plugin_bridge.errors import PlanError
from plugin_bridge.files.tomlfile import read_toml

FORMAT = 1
MAX_BYTES = 64 * 2**20
"""Of a plan."""

Word = Annotated[StrictStr, Field(max_length=4096)]
Words = Annotated[tuple[Word, ...], Field(min_length=1)]
Number = StrictInt | StrictFloat
_FAULTS = {
    "missing": "it is missing",
    "extra_forbidden": "it is unknown",
    "tuple_type": "it must be a word or a list of words",
    "dict_type": "it must be a table",
    "list_type": "it must be a list of tables, [[jobs]]",
    "model_type": "it must be a table",
    "bool_type": "it must be a switch, true or false",
    "int_type": "it must be a number",
    "string_type": "it must be a word",
}
"""What pydantic says of a plan, in the words of its file."""
_ON, _OFF = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


class JobTable(BaseModel):
    """What a plan says of a job, or of all of them; what it leaves out is as in `plugin-bridge bounce`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Words = ()
    """Files, recorded sessions, folders or glob patterns; relative ones start at the plan's folder."""
    output: Word = ""
    """Name of the output with fields in braces; see `plugin_bridge.batches.naming`."""
    singer: Words = ("",)
    """Ids or paths; each makes a job of its own."""
    preset: Word = ""
    """Name, or a path that ends in .toml."""
    automation: Word = ""
    """A MIDI file or a score; it may have fields as the output."""
    midi_map: Word = ""
    midi_channel: StrictInt | None = None
    midi_track: StrictInt | None = None
    midi_start: StrictBool = False
    parameters: dict[str, StrictBool | Number | Word] = Field(default_factory=dict)
    """Initial values by id."""
    bits: Word = ""
    tail: Number | Literal["auto"] = 0
    """Seconds."""
    normalize: Number | None = None
    """Peak, dBFS."""
    loudness: Number | None = None
    """LUFS."""
    match_loudness: StrictBool = False
    """Give the output the loudness of the input."""
    rate: StrictInt | None = None
    """Of the output, hertz."""
    seed: StrictInt | None = None
    dither_seed: StrictInt | None = None
    pitch: PitchName | Literal[""] = ""
    dropouts: StrictBool = True

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, data: object) -> object:
        """Take one word where a list may stand, and bits as a number."""
        if not isinstance(data, Mapping):
            return data
        found = dict(data)
        for name in {"input", "singer"} & found.keys():
            found[name] = [found[name]] if isinstance(found[name], str) else found[name]
        if type(found.get("bits")) is int:
            found["bits"] = str(found["bits"])
        return found

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Check the parameters against the table."""
        if "singer" in self.parameters:
            raise ValueError("the singer is no parameter here; give it as singer of the job")
        try:
            self.values()
        except TypeError as error:
            raise ValueError(str(error)) from error
        return self

    def values(self) -> dict[str, Value]:
        """Return the parameters in canonical types."""
        return check_values(self.parameters)


class _PlanTable(BaseModel):
    """The top of a TOML file."""

    model_config = ConfigDict(extra="forbid")

    format: Literal[1] = 1
    defaults: dict[str, Any] = Field(default_factory=dict)
    jobs: Annotated[list[dict[str, Any]], Field(min_length=1)]


def read_plan(path: Path) -> list[JobTable]:
    """Return the jobs of a plan, each with an input and an output.

    Args:
        path: a TOML file, or a CSV file where its name ends in .csv.

    Raises:
        PlanError: the file is missing, too large, no valid TOML or CSV, or says what does not fit; the
            sentence says where.
    """
    if path.suffix.lower() == ".csv":
        return [_checked(path, f"row {line}", table) for line, table in _csv_rows(path)]
    data = read_toml(path, "plan", PlanError, MAX_BYTES)
    version = data.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise PlanError(f"{path} has plan format {version} and this version reads up to {FORMAT}; update")
    try:
        plan = _PlanTable.model_validate(data)
        JobTable.model_validate(plan.defaults)
    except ValidationError as error:
        where = "defaults, " if error.title == JobTable.__name__ else ""
        raise PlanError(f"{path}, {where}{_first(error)}; correct the plan") from error
    return [
        _checked(path, f"job {number}", _merged(plan.defaults, job))
        for number, job in enumerate(plan.jobs, 1)
    ]


def _merged(defaults: Mapping[str, Any], job: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job over the defaults; parameters go over those of the defaults one by one."""
    merged = {**defaults, **job}
    both = [table.get("parameters", {}) for table in (defaults, job)]
    if all(isinstance(values, Mapping) for values in both):
        merged["parameters"] = {**both[0], **both[1]}
    return merged


def _checked(path: Path, where: str, table: Mapping[str, Any]) -> JobTable:
    try:
        job = JobTable.model_validate(table)
    except ValidationError as error:
        raise PlanError(f"{path}, {where}, {_first(error)}; correct the plan") from error
    for name in ("input", "output"):
        if not getattr(job, name):
            raise PlanError(f"{path}, {where} has no {name}; give it there or under [defaults]")
    return job


def _first(error: ValidationError) -> str:
    """Return the first fault as a place and a sentence."""
    fault = error.errors()[0]
    place = [str(part) for part in fault["loc"] if part in JobTable.model_fields or part in PARAMETERS]
    if fault["type"] in {"extra_forbidden", "missing"} or not place:
        place = [str(part) for part in fault["loc"]]
    where = " ".join(place) or "as a whole"
    return f"{where}: {_FAULTS.get(fault['type']) or fault['msg'].removeprefix('Value error, ')}"


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line and table of each row that holds anything."""
    lines = io.StringIO(_text(path), newline="")
    header = lines.readline()
    lines.seek(0)
    reader = csv.DictReader(lines, delimiter=";" if ";" in header and "," not in header else ",", strict=True)
    try:
        _check_columns(path, reader.fieldnames or ())
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise PlanError(
            f"{path} is not valid CSV after line {reader.line_num}: {error}; correct it"
        ) from error
    if not rows:
        raise PlanError(f"{path} holds no job; give a row for each under the names of the columns")
    for line, row in rows:
        if None in row:
            raise PlanError(f"{path}, row {line} has more cells than there are columns; correct it")
        cells = {name.strip(): (cell or "").strip() for name, cell in row.items()}
        yield line, _table({name: cell for name, cell in cells.items() if cell})


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise PlanError(f"{path} is larger than {MAX_BYTES} bytes; give a plan")
        return data.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise PlanError(f"{path} does not exist; check the path of the plan") from error
    except OSError as error:
        raise PlanError(f"{path} cannot be read: {error.strerror}; check the plan") from error
    except UnicodeDecodeError as error:
        raise PlanError(f"{path} is not UTF-8; export the plan as UTF-8") from error


def _check_columns(path: Path, names: Iterable[str]) -> None:
    known = [*(name for name in JobTable.model_fields if name != "parameters"), *PARAMETERS]
    for name in names:
        if name.strip() not in known:
            near = difflib.get_close_matches(name.strip(), known, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise PlanError(f"{path} has a column {name[:80]!r}, which is unknown{hint}; correct its name")


def _table(cells: Mapping[str, str]) -> dict[str, Any]:
    """Return a row as a job of a TOML file would say it."""
    numbers = {"midi_channel", "midi_track", "tail", "normalize", "loudness", "rate", "seed", "dither_seed"}
    switches = {"midi_start", "match_loudness", "dropouts"} | {
        name for name, row in PARAMETERS.items() if row.kind == "switch"
    }
    found: dict[str, Any] = {}
    values: dict[str, Any] = {}
    for name, cell in cells.items():
        is_parameter = name in PARAMETERS and name != "singer"
        is_number = name in numbers or (is_parameter and PARAMETERS[name].kind == "number")
        value = _switch(cell) if name in switches else _number(cell) if is_number else cell
        (values if is_parameter else found)[name] = value
    return found | ({"parameters": values} if values else {})


def _switch(cell: str) -> bool | str:
    return True if cell.lower() in _ON else False if cell.lower() in _OFF else cell


def _number(cell: str) -> float | str:
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            pass
    return cell
