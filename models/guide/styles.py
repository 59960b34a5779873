"""The named styles of the guide singer, read from `styles.toml`."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

DEFAULT = "pop"
_FILE = Path(__file__).parent / "styles.toml"


class Vowels(BaseModel):
    """What is sung for each class of vowel; n is the closed mouth."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    a: str
    i: str
    u: str
    e: str
    o: str
    n: str


class Style(BaseModel):
    """One style; `styles.toml` says what the numbers do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: str
    notes: float = Field(gt=0.0, le=16.0)
    phrase: int = Field(ge=1, le=8)
    breath: int = Field(ge=1, le=12)
    swell: float = Field(ge=0.0)
    repeats: float
    leaps: float
    slurred: float = Field(ge=0.0, le=1.0)
    consonants: tuple[str, ...] = Field(min_length=1)
    vowels: Vowels


@lru_cache(maxsize=1)
def styles() -> dict[str, Style]:
    """Return all styles by name."""
    data = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {name: Style.model_validate(fields) for name, fields in data.items()}


def style_of(name: str) -> Style:
    """Return the style of a name.

    Raises:
        ValueError: there is none.
    """
    known = styles()
    if name not in known:
        raise ValueError(f"{name!r} is no style of the guide; choose from {', '.join(known)}")
    return known[name]
