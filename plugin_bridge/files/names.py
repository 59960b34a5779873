"""Names that every system takes for a file, so that a folder can be carried from one to another."""

from __future__ import annotations

import re

MAX_NAME_BYTES = 200
"""Most file systems allow 255, of which suffixes need some."""
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_DEVICE = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE | re.DOTALL
)
"""With any suffix, and whatever spaces before it. Source: Microsoft, Naming Files, Paths, and Namespaces."""


def check_portable(name: str, what: str) -> str:
    """Return a name if Windows takes it as other systems do.

    Args:
        name: of a file or a folder, without a path.
        what: it names, for the sentence.

    Raises:
        ValueError: it is longer than 200 bytes, has a character that Windows takes in no name, ends with a
            dot or a space, or Windows keeps it for a device.
    """
    if _DEVICE.fullmatch(name):
        raise ValueError(f"{what} {name[:80]!r} is a device of Windows and no file there; give another name")
    if found := _FORBIDDEN.search(name):
        raise ValueError(
            f"{what} {name[:80]!r} has {found[0]!r}, which Windows takes in no name; give one without it"
        )
    if name.endswith((" ", ".")):
        raise ValueError(
            f"{what} {name[:80]!r} ends with a dot or a space, which Windows leaves out; give one without"
        )
    if len(name.encode("utf-8", "surrogateescape")) > MAX_NAME_BYTES:
        raise ValueError(f"{what} {name[:80]!r} is longer than {MAX_NAME_BYTES} bytes; give a shorter name")
    return name
