"""Read a TOML file; what it costs is bounded before it is parsed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

MAX_TEXT = 2**20
"""Characters outside of strings; the longest such text takes about 1.5 s to parse."""
MAX_PARTS = 32
"""Of one dotted key: its cost grows with the square of their number."""
MAX_DEPTH = 32
"""Of arrays and inline tables in one another."""
MAX_KEY = 200
"""Characters of a key, which error messages repeat."""
_INT64 = range(-(2**63), 2**63)

_TOKEN = re.compile(r"\"\"\"|'''|[\"'.=,\n\[\]{}]|#[^\n]*")
# What follows an opening quote, to its end, in one pass also where there is none. Python before 3.11.5 loses
# its place in possessive groups that look ahead; a million parts of a string are more than a preset has.
_STRINGS = {
    '"': re.compile(r'[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"'),
    "'": re.compile(r"[^'\n]*+'"),
    '"""': re.compile(r'(?:[^"\\]++|\\.|"{1,2}(?!")){0,1000000}"{3,5}', re.DOTALL),
    "'''": re.compile(r".*?'{3,5}", re.DOTALL),
}


def read_toml(path: Path, kind: str, error: type[Exception], max_bytes: int = MAX_TEXT) -> dict[str, Any]:
    """Return what a TOML file holds.

    Args:
        path: a file of UTF-8.
        kind: what it is to be, for the sentence, such as "preset".
        error: what to raise.
        max_bytes: of the file.

    Raises:
        error: the file is missing, unreadable, too large, not valid TOML or costly to parse; the sentence
            says which.
    """
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except FileNotFoundError as fault:
        raise error(f"{path} does not exist; check the path of the {kind}") from fault
    except (OSError, ValueError) as fault:  # ValueError: a name with a zero in it
        reason = getattr(fault, "strerror", None) or str(fault)
        raise error(f"{path} cannot be read: {reason}; check the {kind}") from fault
    if len(data) > max_bytes:
        raise error(f"{path} is larger than {max_bytes} bytes; give a {kind}")
    try:
        return parse_toml(data.decode("utf-8"))
    except ValueError as fault:
        raise error(f"{path} is not valid TOML: {fault}; correct the {kind}") from fault


def parse_toml(text: str) -> dict[str, Any]:
    """Return what a TOML text holds; a byte order mark at its start is passed over.

    Raises:
        ValueError: it is not valid, or costly to read.
    """
    text = text.removeprefix("\ufeff")
    check_cost(text)
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as error:  # Python reads whole numbers of up to 4300 digits
        raise ValueError("a whole number is beyond 64 bits") from error
    _check_values(found)
    return found


def check_cost(text: str) -> None:
    """Refuse a TOML text that takes long to parse; the check takes one pass.

    Raises:
        ValueError: too long a text, a key of too many parts, or values nested too deeply.
    """
    at = strings = parts = depth = 0
    while (found := _TOKEN.search(text, at)) and at - strings <= MAX_TEXT:
        mark, at = found[0], found.end()
        if mark in _STRINGS:
            end = _STRINGS[mark].match(text, at)
            if end is None:  # the parser will stop here, too
                break
            strings, at = strings + end.end() - at, end.end()
            continue
        parts = parts + (mark == ".") if mark[0] in ".#" else 0
        depth += (mark in "[{") - (mark in "]}")
        if parts >= MAX_PARTS:
            raise ValueError(f"a key has more than {MAX_PARTS} parts")
        if depth > MAX_DEPTH:
            raise ValueError(f"values are nested more than {MAX_DEPTH} deep")
    if len(text) - strings > MAX_TEXT:
        raise ValueError(f"it has more than {MAX_TEXT} characters outside of strings")


def _check_values(found: dict[str, Any]) -> None:
    waiting: list[Any] = [found]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if long := next((key for key in value if len(key) > MAX_KEY), None):
                raise ValueError(f"a key has {len(long)} characters, more than {MAX_KEY}")
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, int) and value not in _INT64:
            raise ValueError("a whole number is beyond 64 bits")
