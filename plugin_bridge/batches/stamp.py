"""What a file or a folder holds, told by its SHA-256, and by size and time where it was read before."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from plugin_bridge.sessions.header import hash_of

Files = tuple[tuple[str, int, int], ...]
"""Name in a folder ("" for a file by itself), bytes, and time of the last change in nanoseconds."""


class Stamp(BaseModel):
    """A file as it was when it was read, or a folder with all its files."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    """Of the bytes; of a folder, of the names and the bytes of its files."""
    files: Files

    @classmethod
    def of(cls, path: Path, known: Stamp | None = None) -> Self:
        """Read a file or a folder.

        Args:
            path: of it.
            known: what it was before; with the same sizes and times it is taken to be the same.

        Raises:
            OSError: it cannot be read.
        """
        files = seen(path)
        if known is not None and known.files == files:
            return cls(sha256=known.sha256, files=files)
        if not path.is_dir():
            return cls(sha256=hash_of(path), files=files)
        whole = hashlib.sha256()
        for name, _, __ in files:
            whole.update(f"{name}\0{hash_of(path / name)}\n".encode())
        return cls(sha256=whole.hexdigest(), files=files)

    def fits(self, path: Path) -> bool:
        """Return whether a file is still, or again, what it was; it is read where size or time differ."""
        try:
            return self.files == seen(path) or self.sha256 == Stamp.of(path).sha256
        except OSError:
            return False


def seen(path: Path) -> Files:
    """Return sizes and times without reading anything.

    Raises:
        OSError: it is not there.
    """
    if not path.is_dir():
        return (_seen("", path),)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return tuple(_seen(file.relative_to(path).as_posix(), file) for file in files)


def _seen(name: str, path: Path) -> tuple[str, int, int]:
    found = path.stat()
    return name, found.st_size, found.st_mtime_ns
