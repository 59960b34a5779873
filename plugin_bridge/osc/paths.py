"""Keep paths and names that come from the network inside a folder."""

from __future__ import annotations

import re
from pathlib import Path

from plugin_bridge.errors import OutputError
from plugin_bridge.files.names import MAX_NAME_BYTES, check_portable

_MAX_LENGTH = 255
_NAME = re.compile(r"[^\W_][\w .+()-]{0,79}")


def open_folder(folder: Path | None) -> Path:
    """Return the folder that is open to the network, links followed.

    Args:
        folder: the one configured; None for none.

    Raises:
        OutputError: there is none, or it is a loop of links.
    """
    if folder is None:
        raise OutputError("no folder is open to the network; start with --sessions FOLDER")
    try:
        return folder.resolve()
    except (OSError, RuntimeError) as error:
        raise OutputError(f"{folder} leads nowhere; start the server with another folder") from error


def inside(folder: Path | None, name: str) -> Path:
    """Return the path of a name within a folder, links followed.

    Args:
        folder: the one configured; None for none.
        name: from the network.

    Raises:
        OutputError: there is no folder, or the name leads out of it.
    """
    home = open_folder(folder)
    if len(name) > _MAX_LENGTH:
        raise OutputError(f"path of {len(name)} characters is too long; give at most {_MAX_LENGTH}")
    if any(len(part.encode("utf-8", "surrogateescape")) > MAX_NAME_BYTES for part in Path(name).parts):
        raise OutputError(f"a name in a path is longer than {MAX_NAME_BYTES} bytes; give shorter ones")
    try:
        path = (home / name).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # too long, a loop of links, or no path at all
        raise OutputError(f"{name!r} is no path; give one within the open folder") from error
    if path == home or not path.is_relative_to(home):
        raise OutputError(f"{name!r} leads out of the folder that is open; give a path within it")
    return path


def checked_name(name: str, what: str) -> str:
    """Return a name that is a file's name and no path.

    Raises:
        ValueError: it is empty, longer than 80 characters or 200 bytes, has others than letters, digits and
            ` .+()_-`, or no file of Windows can have it.
    """
    if not _NAME.fullmatch(name) or name.endswith((" ", ".")):
        raise ValueError(
            f"{what} {name[:80]!r} is no plain name; give up to 80 letters, digits, spaces and .+()_-"
        )
    return check_portable(name, what)
