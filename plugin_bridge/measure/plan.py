"""The plan of an evaluation: clips, singers and references, from options or from a TOML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from plugin_bridge.files.tomlfile import read_toml
from plugin_bridge.measure.clips import recordings

Words = Annotated[list[str], Field(min_length=1)]


@dataclass(frozen=True)
class Item:
    """One clip and its singers."""

    paths: tuple[Path, ...]
    """Files, read one after the other."""
    singers: tuple[str, ...]
    """Ids or paths."""
    name: str = ""
    """For the table; that of the first file if empty."""
    seconds: float = 0.0
    """Only the stretch so long with the most singing; 0 for all."""


@dataclass(frozen=True)
class Plan:
    """The conversions to score."""

    items: tuple[Item, ...]
    references: Mapping[str, tuple[Path, ...]]
    """By singer: its held-out recordings."""


class _Pair(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sources: Words
    singers: Words
    seconds: Annotated[float, Field(ge=0.0)] = 0.0
    join: str = ""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    references: dict[str, Words]
    pairs: Annotated[list[_Pair], Field(min_length=1)]


def plan_of(
    sources: Sequence[Path], singers: Sequence[str], references: Sequence[str], seconds: float
) -> Plan:
    """Return the plan of a command line: every source by every singer.

    Args:
        sources: files and folders.
        singers: ids or paths.
        references: `SINGER=PATH`, or `PATH` where there is one singer; a singer may have several.
        seconds: as in `Item`.

    Raises:
        AudioFileError: a folder holds no audio.
        ValueError: a reference names no singer.
    """
    items = tuple(Item((path,), tuple(singers), seconds=seconds) for path in recordings(sources))
    named: dict[str, list[Path]] = {}
    for text in references:
        name, equals, path = text.partition("=")
        if not equals and len(singers) != 1:
            raise ValueError(f"--reference {text!r} does not say of which singer; give SINGER={text}")
        named.setdefault(name if equals else singers[0], []).append(Path(path if equals else text))
    return Plan(items, {name: tuple(recordings(paths)) for name, paths in named.items()})


def read_plan(path: Path) -> Plan:
    """Read a plan file; its paths are relative to its folder.

    It has a table `[references]`, singer = [files and folders], and for each group of clips a `[[pairs]]`
    with `sources` (files and folders), `singers`, and optionally `seconds` (only the stretch so long with
    the most singing) and `join` (the name under which all the sources are read as one clip).

    Raises:
        AudioFileError: a folder holds no audio.
        ValueError: the file is missing, no TOML, or does not fit.
    """
    data = read_toml(path, "plan", ValueError)
    try:
        found = _File.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"plan {path}: {where}: {first['msg'].lower()}; correct the plan") from error
    home = path.parent
    items: list[Item] = []
    for pair in found.pairs:
        files = recordings(home / source for source in pair.sources)
        groups = [tuple(files)] if pair.join else [(file,) for file in files]
        singers = tuple(_singer(home, name) for name in pair.singers)
        items += [Item(group, singers, pair.join, pair.seconds) for group in groups]
    references = {
        _singer(home, name): tuple(recordings(home / file for file in files))
        for name, files in found.references.items()
    }
    return Plan(tuple(items), references)


def _singer(home: Path, name: str) -> str:
    return str(home / name) if (home / name).is_file() else name
