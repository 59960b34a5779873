"""The format of recorded sessions: a folder of three files, how it is known and named.

`session.json` is the header (`sessions.header`). `audio.f32` is the input as the device gave it,
interleaved little-endian float32, with zeros where input was left out. `events.jsonl` is a score whose
positions count the samples of `audio.f32`, with rows of its own in between:

    {"upto": 96000}                     every event before this sample stands above
    {"position": 4800, "gap": 256}      input from here on that the engine never heard
    {"position": 9600, "missed": 128}   output from here on for which the device had to play silence
    {"end": 192000}                     the last row of a recording that was ended properly
"""

from __future__ import annotations

from pathlib import Path

from plugin_bridge.errors import OutputError
from plugin_bridge.files.names import MAX_NAME_BYTES, check_portable

HEADER, AUDIO, EVENTS = PARTS = ("session.json", "audio.f32", "events.jsonl")
"""Names of the files of a session."""
MAX_LINES = 2_000_000
"""Of a session's events: 80 of them a second for six hours."""


def is_session(path: Path) -> bool:
    """Return whether a path is a folder that holds any part of a session."""
    return path.is_dir() and any((path / part).is_file() for part in PARTS)


def session_folder(parent: Path, name: str) -> Path:
    """Return the folder of a session to be recorded.

    Args:
        parent: the folder of all sessions.
        name: of the session.

    Raises:
        OutputError: the name is empty, hidden, a path, too long, not printable, or no folder of Windows can
            have it; or it is taken.
    """
    plain = name and not name.startswith(".") and name.isprintable() and not set(name) & set("/\\")
    if not plain or len(name.encode()) > MAX_NAME_BYTES:
        raise OutputError(
            f"session {name[:80]!r} is no plain name; give printable text without folders, at most "
            f"{MAX_NAME_BYTES} bytes"
        )
    try:
        check_portable(name, "session")
    except ValueError as error:
        raise OutputError(str(error)) from error
    folder = parent / name
    try:
        folder.lstat()
    except FileNotFoundError:
        return folder
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror}; choose another folder") from error
    raise OutputError(f"{folder} exists already; choose another name")
