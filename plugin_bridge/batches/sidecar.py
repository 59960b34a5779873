"""The sidecar of an output, `out.wav.json`: how it was made, from what, and what was measured.

The rule that makes a plan safe to interrupt anywhere: an output counts only together with a sidecar that
tells its very bytes. The sidecar gets its name first and the audio last, both whole and on the disk; an older
output is removed before. So audio of a plan never lies there without its sidecar; a sidecar whose audio is
missing, or is another, means that the job is still to do; and audio that no sidecar knows is somebody else's.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.wholefile import Draft, unwritable
from plugin_bridge.batches.stamp import Stamp

SUFFIX = ".json"
_MAX_BYTES = 2**20


class Sidecar(BaseModel):
    """What stands in the file."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    software: str = ""
    """Name and version of the program."""
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """See `plugin_bridge.batches.identity`."""
    depends_on: dict[str, Any]
    """What the id is the SHA-256 of."""
    source: str
    """As the plan named it."""
    input: Stamp
    output: Stamp
    figures: dict[str, Any]
    """What was measured: a `BounceResult` without its paths, and `rtf`, seconds taken for one of audio."""
    warnings: list[str]


def sidecar_of(target: Path) -> Path:
    """Return the name of the sidecar of an output."""
    return target.with_name(target.name + SUFFIX)


def read_sidecar(target: Path) -> Sidecar | None:
    """Return the sidecar of an output, None where there is none or it is not one."""
    try:
        with sidecar_of(target).open("rb") as file:
            return Sidecar.model_validate_json(file.read(_MAX_BYTES))
    except (OSError, ValidationError):
        return None


def write_sidecar(target: Path, sidecar: Sidecar) -> None:
    """Give a sidecar its name, and remove the output that was there before.

    Raises:
        OutputError: the disk refuses; nothing has changed then.
    """
    with Draft(sidecar_of(target), force=True) as draft:
        try:
            with draft.path.open("w", encoding="utf-8") as file:
                file.write(sidecar.model_dump_json(indent=1) + "\n")
                file.flush()
                os.fsync(file.fileno())
            target.unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(draft.target, error) from error
        draft.commit()
