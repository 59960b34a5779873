"""Write a file under a temporary name beside its target and rename it when it is whole."""

from __future__ import annotations

import contextlib
import itertools
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from plugin_bridge.errors import OutputError

_open: set[Path] = set()
_numbers = itertools.count()


class Scratch:
    """A temporary file, removed when the `with` block ends.

    Args:
        target: the file it is made for, beside which it lies.

    Raises:
        OutputError: the folder cannot be written.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.parent / f".plugin-bridge-{os.getpid()}-{next(_numbers)}.part"

    def __enter__(self) -> Self:
        _open.add(self.path)
        try:
            self.path.touch(exist_ok=False)
        except OSError as error:
            self._discard()
            raise unwritable(self.target, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._discard()

    def _discard(self) -> None:
        self.path.unlink(missing_ok=True)
        _open.discard(self.path)


class Draft(Scratch):
    """A file to be: renamed to its target by `commit`, removed when the `with` block ends without it.

    Args:
        target: the file.
        force: replace one that is there already.

    Raises:
        OutputError: the target exists, or its folder is missing or cannot be written.
    """

    def __init__(self, target: Path, *, force: bool = False) -> None:
        super().__init__(target)
        self._force = force
        check_target(target, force=force)

    def commit(self) -> None:
        """Bring the temporary file to the disk and give it its name.

        Raises:
            OutputError: the disk refuses, or somebody else made the target meanwhile.
        """
        check_target(self.target, force=self._force)
        try:
            with self.path.open("rb+") as file:
                os.fsync(file.fileno())
            self.path.replace(self.target)
        except OSError as error:
            raise unwritable(self.target, error) from error
        _sync_folder(self.target.parent)


def check_target(target: Path, *, force: bool = False) -> None:
    """Check that a file may be written.

    Raises:
        OutputError: it exists (without `force`) or is a folder; or its folder is missing or read-only.
    """
    try:
        exists, is_folder = target.exists(), target.is_dir()
    except OSError as error:  # a name too long, or a folder closed to us
        raise OutputError(
            f"{target} cannot be written: {error.strerror}; choose another name with -o"
        ) from error
    if is_folder:
        raise OutputError(f"{target} is a folder; give the name of a file")
    if exists and not force:
        raise OutputError(f"{target} exists already; choose another name with -o or replace it with --force")
    if not target.parent.is_dir():
        raise OutputError(f"the folder {target.parent} does not exist; make it first")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise OutputError(f"the folder {target.parent} cannot be written; choose another with -o")


def unwritable(target: Path, error: OSError) -> OutputError:
    """Return the sentence for a failed write."""
    reason = error.strerror or str(error)
    return OutputError(f"{target} cannot be written: {reason}; free some space or choose another folder")


def discard_all() -> None:
    """Remove every temporary file of this process: for a signal handler, which may run at any moment."""
    for path in list(_open):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Some file systems cannot sync a folder; the rename has happened all the same."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
