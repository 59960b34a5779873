"""Write a file under a temporary name beside its target and rename it when it is whole."""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import re
import stat
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from models.errors import NoRoomError, OutputError

_MACHINE = f"{zlib.crc32(platform.node().encode()):08x}"
_NAME = re.compile(r"\.plugin-bridge-(?:(?P<machine>[0-9a-f]{8})-)?(?P<process>\d{1,10})-[0-9a-f]+\.part")
_OLD = 7 * 24 * 3600.0
"""Seconds after which a temporary file of another machine, whose processes cannot be seen, is abandoned."""

_FULL = {errno.ENOSPC, errno.EDQUOT}

_open: set[Path] = set()
_swept: set[Path] = set()


class Scratch:
    """A temporary file, removed when the `with` block ends.

    Its name is random, and tells the machine and the process, so that what a killed process left behind
    blocks nobody and is removed by the next one that writes into the folder.

    Args:
        target: the file it is made for, beside which it lies.

    Raises:
        OutputError: the folder cannot be written.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        name = f".plugin-bridge-{_MACHINE}-{os.getpid()}-{os.urandom(8).hex()}.part"
        self.path = target.parent / name

    def __enter__(self) -> Self:
        _sweep(self.target.parent)
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
        with contextlib.suppress(OSError):  # the folder may be gone; a fault on its way must not be hidden
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
        try:
            with self.path.open("rb+") as file:
                os.fsync(file.fileno())
            check_target(self.target, force=self._force)  # after the disk, which may take seconds
            self.path.replace(self.target)
        except OSError as error:
            raise unwritable(self.target, error) from error
        _sync_folder(self.target.parent)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give the name to write to; an old file stays until the new one is whole, and nothing else is left.

    Raises:
        OutputError: the file cannot be written.
    """
    with Draft(path, force=True) as draft:
        yield draft.path
        draft.commit()


def check_target(target: Path, *, force: bool = False) -> None:
    """Check that a file may be written.

    Raises:
        OutputError: it exists (without `force`) or is a folder; or its folder is missing or read-only.
    """
    try:
        mode: int | None = target.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        mode = None
    except (OSError, ValueError) as error:  # too long, closed to us, or no name at all
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"{target} cannot be written: {reason}; choose another name") from error
    if mode is not None and stat.S_ISDIR(mode):
        raise OutputError(f"{target} is a folder; give the name of a file")
    if mode is not None and not force:
        raise OutputError(f"{target} exists already; choose another name, or give force to replace it")
    if not target.parent.is_dir():
        raise OutputError(f"the folder {target.parent} does not exist; make it first")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise OutputError(f"the folder {target.parent} cannot be written; choose another")


def check_output(path: Path) -> None:
    """Check that a file can be written, hours before it is; its folder is made when missing.

    Raises:
        OutputError: it cannot.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        check_target(path, force=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}; give another place") from error


def unwritable(target: Path, error: OSError) -> OutputError:
    """Return the sentence for a failed write."""
    reason = error.strerror or str(error)
    full_table = error.errno in {errno.EMFILE, errno.ENFILE}
    remedy = "close other programs" if full_table else "free some space or choose another folder"
    kind = NoRoomError if error.errno in _FULL else OutputError
    return kind(f"{target} cannot be written: {reason}; {remedy}")


def discard_all() -> None:
    """Remove every temporary file of this process: for a signal handler, which may run at any moment."""
    for path in list(_open):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def discard_of(process: int, folder: Path) -> None:
    """Remove the temporary files in a folder of a process of this machine that was killed."""
    for left in folder.glob(f".plugin-bridge-{_MACHINE}-{process}-*.part"):
        with contextlib.suppress(OSError):
            left.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what dead processes left in a folder; each is looked through once, as caches hold thousands."""
    if (here := folder.absolute()) in _swept:
        return
    _swept.add(here)
    clear_abandoned(folder)


def clear_abandoned(folder: Path) -> None:
    """Remove the temporary files in a folder of processes that are dead."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            found = _NAME.fullmatch(entry.name)
            if found and _is_abandoned(found["machine"], int(found["process"]), entry):
                with contextlib.suppress(OSError):
                    Path(entry.path).unlink()


def _is_abandoned(machine: str | None, process: int, entry: os.DirEntry[str]) -> bool:
    if machine == _MACHINE and sys.platform != "win32":  # where asking for a process would end it
        ours = {path.name for path in list(_open)}
        return entry.name not in ours if process == os.getpid() else not _runs(process)
    try:
        return time.time() - entry.stat(follow_symlinks=False).st_mtime > _OLD
    except OSError:  # gone meanwhile
        return False


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's
        return True
    return True


def _sync_folder(folder: Path) -> None:
    """Some file systems cannot sync a folder; the rename has happened all the same."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
