"""How much of the disk OSC may take, so that nobody on the network can fill it."""

from __future__ import annotations

import os
import shutil
from itertools import islice
from pathlib import Path

from plugin_bridge.errors import NoRoomError
from plugin_bridge.sessions.writer import MIN_FREE_BYTES

MAX_ENTRIES = 1000
"""OSC makes nothing more in a folder that holds so many files and sessions."""


def check_room(folder: Path) -> None:
    """Check that another file or session may be made.

    Args:
        folder: where.

    Raises:
        NoRoomError: the folder or its disk is too full.
        OSError: the folder cannot be read.
    """
    with os.scandir(folder) as entries:
        count = sum(1 for _ in islice(entries, MAX_ENTRIES))
    if count >= MAX_ENTRIES:
        raise NoRoomError(
            f"{folder} holds {MAX_ENTRIES} files and sessions, and OSC makes no more; move some away"
        )
    check_free(folder)


def check_free(folder: Path) -> None:
    """Check that the disk of a folder has more free space than OSC leaves to others.

    Raises:
        NoRoomError: it has not.
        OSError: the disk cannot be asked.
    """
    free = shutil.disk_usage(folder).free
    if free < MIN_FREE_BYTES:
        raise NoRoomError(
            f"the disk of {folder} has {free / 1e6:.0f} MB left, and OSC leaves "
            f"{MIN_FREE_BYTES / 1e6:.0f} MB; free some space"
        )
