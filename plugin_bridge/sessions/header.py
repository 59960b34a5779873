"""The header of a recorded session: form, singers, seed, pitch tracker and values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
)

from dsp.units import MAX_SEED
from plugin_bridge.control.parameters import Value
from plugin_bridge.engine.pitchtracking import USUAL, PitchName
from plugin_bridge.engine.singers import Singer
from plugin_bridge.files.printable import printable

FORMAT = 1
"""Version of the session; a higher one is refused."""


def _plain(text: str) -> str:
    if not text or printable(text) != text:
        raise ValueError("it is empty or has characters that are not printed")
    return text


Text = Annotated[str, AfterValidator(printable)]
"""For people; what a terminal would obey is left out."""


class SessionSinger(BaseModel):
    """A singer of the set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, AfterValidator(_plain)]
    file: str = ""
    """Its absolute path; empty for one that came from no file."""
    sha256: str = ""
    """Of the file, in hexadecimal digits."""


class SessionHeader(BaseModel):
    """What an engine has to be made of to sing the same again.

    `SessionWriter` fills in what the device says.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Annotated[int, Field(ge=1)] = FORMAT
    software: Text = ""
    """Name and version of the program."""
    sample_rate: Literal[16000, 24000, 32000, 44100, 48000, 88200, 96000] = 48000
    """Hertz."""
    channels: Literal[1, 2] = 1
    device: Text = ""
    """For people."""
    block: int = 0
    """Samples that the device gave at a time, for people."""
    singers: tuple[SessionSinger, ...] = ()
    """In the order of the engine's set."""
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
    pitch: PitchName = "periodicity"
    """Pitch tracker; sessions of versions that had only one do not name it."""
    values: dict[str, StrictBool | StrictInt | StrictFloat | StrictStr] = Field(default_factory=dict)
    """The parameters the engine was made with."""

    @classmethod
    def of(
        cls, singers: Iterable[Singer], seed: int, values: Mapping[str, Value], pitch: str = USUAL
    ) -> Self:
        """Return the header of a session of an engine.

        Args:
            singers: its set, in order.
            seed: its.
            values: the parameters it was made with, by id.
            pitch: its pitch tracker.
        """
        described = tuple(_described(singer) for singer in singers)
        return cls.model_validate(
            {"singers": described, "seed": seed, "pitch": pitch, "values": dict(values)}
        )


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _described(singer: Singer) -> SessionSinger:
    path = getattr(singer, "path", None)
    if path is None:
        return SessionSinger(id=singer.id)
    return SessionSinger(id=singer.id, file=str(Path(path).resolve()), sha256=hash_of(Path(path)))
