"""The singers of a rig as OSC knows them: their files, and how one of the folder is added."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from plugin_bridge.control.rig import Rig
from plugin_bridge.errors import OutputError, SingerFileError
from plugin_bridge.osc.paths import checked_name, inside

SUFFIX = ".onnx"


@dataclass(frozen=True)
class SingerSet:
    """A rig's set."""

    rig: Rig
    folder: Path | None
    """Where singer files are made and added from; None for nowhere."""
    files: dict[str, str]
    """By id, what a bounce names it by: the id of one that ships, or the path of its file. It grows."""
    grown: Callable[[], None]
    """Called when the set has another singer."""

    def file(self, name: str) -> Path:
        """Return where the singer file of a name lies, or would.

        Raises:
            OutputError: there is no folder, or the name leads out of it.
            ValueError: it is no plain name.
        """
        return inside(self.folder, f"{checked_name(name, 'singer')}{SUFFIX}")

    async def add(self, name: str, is_being_made: Callable[[Path], bool]) -> str:
        """Add a singer of the folder to the set and return its id.

        Args:
            name: of its file, without the suffix.
            is_being_made: says whether a file is about to be replaced.

        Raises:
            BridgeError: there is no such file, or the rig does not take it.
            ValueError: it is no plain name.
        """
        file = await asyncio.to_thread(self.file, name)
        if is_being_made(file):
            raise OutputError(f"{file.name} is being made; add it when that is done")
        if not await asyncio.to_thread(file.is_file):
            raise SingerFileError(f"{file.name} is no singer file of the folder; enrol one, or put it there")
        singer = await self.rig.add_singer(file)
        self.files[singer] = str(file)
        self.grown()
        return singer
