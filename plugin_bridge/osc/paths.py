"""Keep paths and names that come from the network inside a folder."""

from __future__ import annotations

import re
from pathlib import Path

from plugin_bridge.errors import OutputError

_MAX_LENGTH = 255
_MAX_NAME_BYTES = 200
"""Of one part of a path. Most file systems allow 255, of which suffixes need some."""
_OPTION = "--sessions"
"""Of the command line, which names the folder."""
_NAME = re.compile(r"[^\W_][\w .+()-]{0,79}")


def inside(folder: Path | None, name: str) -> Path:
    """Return the path of a name within a folder, links followed.

    Args:
        folder: the one configured; None for none.
        name: from the network.

    Raises:
        OutputError: there is no folder, or the name leads out of it.
    """
    if folder is None:
        raise OutputError(f"no folder is open to the network; start with {_OPTION} FOLDER")
    if len(name) > _MAX_LENGTH:
        raise OutputError(f"path of {len(name)} characters is too long; give at most {_MAX_LENGTH}")
    if any(_size(part) > _MAX_NAME_BYTES for part in Path(name).parts):
        raise OutputError(f"a name in a path is longer than {_MAX_NAME_BYTES} bytes; give shorter ones")
    try:
        home = folder.resolve()
        path = (home / name).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # too long, a loop of links, or no path at all
        raise OutputError(f"{name!r} is no path; give one within {_OPTION}") from error
    if path == home or not path.is_relative_to(home):
        raise OutputError(f"{name!r} leads out of the folder of {_OPTION}; give a path within it")
    return path


def checked_name(name: str, what: str) -> str:
    """Return a name that is a file's name and no path.

    Raises:
        ValueError: it is empty, longer than 80 characters or 200 bytes, or has others than letters, digits
            and ` .+()_-`.
    """
    if not _NAME.fullmatch(name) or name.endswith((" ", ".")):
        raise ValueError(
            f"{what} {name[:80]!r} is no plain name; give up to 80 letters, digits, spaces and .+()_-"
        )
    if _size(name) > _MAX_NAME_BYTES:
        raise ValueError(f"{what} {name!r} is longer than {_MAX_NAME_BYTES} bytes; give a shorter name")
    return name


def _size(name: str) -> int:
    return len(name.encode("utf-8", "surrogateescape"))
