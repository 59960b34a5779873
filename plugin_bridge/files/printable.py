"""Make text from files and networks safe to print: no control characters, one line."""

from __future__ import annotations

import unicodedata

_SPACES = "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"
_REORDERING = range(0x202A, 0x202F), range(0x2066, 0x206A)  # show "gpj.wav" as "vaw.jpg"


def printable(text: object) -> str:
    """Return a text on one line without what a terminal would obey instead of show.

    Tabs and line ends become spaces; other control characters (escape sequences lose their ESC and show as
    harmless characters) and marks that reverse the direction of writing are dropped.

    Args:
        text: a string, or anything that has one, such as a path or an exception.
    """
    whole = str(text)
    return whole if whole.isprintable() else "".join(map(_shown, whole))


def _shown(character: str) -> str:
    if character in _SPACES:
        return " "
    hidden = unicodedata.category(character) == "Cc" or any(ord(character) in span for span in _REORDERING)
    return "" if hidden else character
