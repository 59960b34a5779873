"""The plan of an evaluation: clips and references, from options or from a TOML file of held-out voices."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from plugin_bridge.files.reader import SUFFIXES
from plugin_bridge.files.tomlfile import read_toml
from plugin_bridge.measure.clips import recordings

SHIPPED = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.toml"))}
"""Plans that can be named without a path."""


def _with_one_group(pattern: re.Pattern[str]) -> re.Pattern[str]:
    if pattern.groups != 1:
        raise ValueError("give a pattern with one group, which holds the syllables")
    return pattern


@dataclass(frozen=True)
class Item:
    """One clip."""

    paths: tuple[Path, ...]
    """Files, read one after the other."""
    name: str = ""
    """For the table; that of the first file if empty."""
    voice: str = ""
    """Whose it is in the plan file; sung by the singer of that id it is a copy."""
    seconds: float = 0.0
    """Only the stretch so long with the most singing; 0 for all."""
    spelt: re.Pattern[str] | None = None
    """Finds in the names of the files the syllables that are sung."""
    language: str = ""
    """Of its words, such as "en"; recognised where it is empty."""


@dataclass(frozen=True)
class Plan:
    """The clips that every singer is to sing."""

    items: tuple[Item, ...]
    references: Mapping[str, tuple[Path, ...]]
    """By singer, as named or by id: its held-out recordings."""
    copies: bool = False
    """Whether the clips are every singer's own."""


class _Voice(BaseModel):
    model_config = ConfigDict(extra="forbid")

    files: Annotated[list[str], Field(min_length=1)]
    every: Annotated[int, Field(ge=1)] = 1
    join: bool = False
    seconds: Annotated[float, Field(ge=0.0)] = 0.0
    spelt: Annotated[re.Pattern[str], AfterValidator(_with_one_group)] | None = None
    language: str = ""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    voices: Annotated[dict[str, _Voice], Field(min_length=1)]


def plan_of(
    sources: Sequence[Path], singers: Sequence[str], references: Sequence[str], seconds: float
) -> Plan:
    """Return the plan of a command line.

    Args:
        sources: files and folders.
        singers: ids or paths.
        references: as `named_references` takes them.
        seconds: as in `Item`.

    Raises:
        AudioFileError: a folder holds no audio.
        ValueError: a reference names no singer.
    """
    items = tuple(Item((path,), seconds=seconds) for path in recordings(sources))
    return Plan(items, named_references(references, singers))


def plan_of_copies(paths: Sequence[Path], singers: Sequence[str], seconds: float) -> Plan:
    """Return the plan of every singer copying its own recordings, which are their own reference.

    Args:
        paths: files and folders.
        singers: ids or paths.
        seconds: as in `Item`.

    Raises:
        AudioFileError: a folder holds no audio.
    """
    files = recordings(paths)
    items = tuple(Item((file,), seconds=seconds) for file in files)
    return Plan(items, dict.fromkeys(singers, tuple(files)), copies=True)


def named_references(references: Sequence[str], singers: Sequence[str]) -> dict[str, tuple[Path, ...]]:
    """Return held-out recordings by singer.

    Args:
        references: `SINGER=PATH`, or `PATH` where there is one singer; a singer may have several.
        singers: ids or paths.

    Raises:
        AudioFileError: a folder holds no audio.
        ValueError: a reference names no singer.
    """
    named: dict[str, list[Path]] = {}
    for text in references:
        name, equals, path = text.partition("=")
        if not equals and len(singers) != 1:
            raise ValueError(f"--reference {text!r} does not say of which singer; give SINGER={text}")
        named.setdefault(name if equals else singers[0], []).append(Path(path if equals else text))
    return {name: tuple(recordings(paths)) for name, paths in named.items()}


def read_plan(name: str | Path, data: Path | None = None) -> Plan:
    """Read a plan file, which names held-out voices.

    It has a table `[voices.NAME]` for each voice: `files` (patterns such as "nit/*.wav") and optionally
    `every` (of all that match only every so manieth, in the order of their paths), `join` (whether they are
    read as one clip), `seconds` (of each clip only the stretch so long with the most singing), `spelt` (a
    regular expression whose group finds in a file's name the syllables that are sung, in romaji) and
    `language` (of its words). A singer whose id is the voice's name has these recordings as its reference.

    Args:
        name: one of `SHIPPED`, or a path.
        data: the folder that the files lie in; that of the plan for None.

    Raises:
        ValueError: the plan is missing, is no TOML or does not fit, or nothing matches a pattern.
    """
    path = Path(name)
    if not path.is_file() and name in SHIPPED:
        path = SHIPPED[str(name)]
    table = read_toml(path, "plan", ValueError)
    try:
        found = _File.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"plan {path}: {where}: {first['msg'].lower()}; correct the plan") from error
    home = path.parent if data is None else data
    items: list[Item] = []
    references: dict[str, tuple[Path, ...]] = {}
    for title, voice in found.voices.items():
        files = tuple(_matching(home, voice.files, f"plan {path}: voices.{title}"))[
            voice.every - 1 :: voice.every
        ]
        if not files:
            raise ValueError(
                f"plan {path}: voices.{title}: every {voice.every} leaves nothing; correct the plan"
            )
        references[title] = files
        how = (title, voice.seconds, voice.spelt, voice.language)
        items += [Item(files, title, *how)] if voice.join else [Item((file,), "", *how) for file in files]
    return Plan(tuple(items), references)


def _matching(home: Path, patterns: Sequence[str], where: str) -> list[Path]:
    """Return the audio files that match any of the patterns, in order."""
    found: set[Path] = set()
    for pattern in patterns:
        try:
            files = {file for file in home.glob(pattern) if file.suffix.lower() in SUFFIXES}
        except (NotImplementedError, ValueError) as error:
            raise ValueError(f"{where}: {pattern!r} is no relative pattern; correct the plan") from error
        if not files:
            raise ValueError(
                f"{where}: no recording matches {pattern!r} in {home}; give their folder by --data"
            )
        found |= files
    return sorted(found)
