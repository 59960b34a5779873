"""OSC address patterns: `?`, `*`, `[a-z]`, `[!a-z]` and `{one,two}`, within a part of an address.

A part is matched by the set of places reached in it, kept as the bits of a whole number: the time grows with
the length of the pattern alone, whatever it holds, so that no pattern can stall the server.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

MAX_PATTERN_LENGTH = 128
_SPECIAL = frozenset("?*[]{}")

Step = Callable[["_Part", int], int]
"""From the places reached in a part to those reached after one element of the pattern."""


def is_pattern(address: str) -> bool:
    """Return whether an address stands for several."""
    return not _SPECIAL.isdisjoint(address) or "//" in address


class Pattern:
    """A compiled pattern.

    Args:
        text: the pattern.

    Raises:
        ValueError: too long, not of printable ASCII, a bracket or brace that is not closed, or `//`.
    """

    def __init__(self, text: str) -> None:
        if len(text) > MAX_PATTERN_LENGTH:
            raise ValueError(
                f"pattern of {len(text)} characters is too long; send at most {MAX_PATTERN_LENGTH}"
            )
        if not (text.isascii() and text.isprintable()):  # a range could else be a million characters
            raise ValueError(f"pattern {text!a} is not of printable ASCII, as addresses are; send that")
        if "//" in text:
            raise ValueError(f"pattern {text!r} has '//', which is not read; name each part, '*' for any")
        self._parts = [_steps(part) for part in text.split("/")]

    def matches(self, address: str) -> bool:
        """Return whether an address fits."""
        parts = address.split("/")
        return len(parts) == len(self._parts) and all(
            _fits(steps, _part(part)) for steps, part in zip(self._parts, parts, strict=True)
        )


class _Part:
    """A part of an address: where each character stands."""

    def __init__(self, text: str) -> None:
        self.end = len(text)
        self.every = (1 << self.end) - 1
        self.where: dict[str, int] = {}
        for place, character in enumerate(text):
            self.where[character] = self.where.get(character, 0) | 1 << place


@lru_cache(maxsize=512)
def _part(text: str) -> _Part:
    return _Part(text)


def _fits(steps: list[Step], part: _Part) -> bool:
    reached = 1
    for step in steps:
        reached = step(part, reached)
        if not reached:
            return False
    return bool(reached >> part.end & 1)


def _steps(text: str) -> list[Step]:
    steps: list[Step] = []
    place = 0
    while place < len(text):
        character = text[place]
        close = {"[": "]", "{": "}"}.get(character)
        if close is not None:
            end = text.find(close, place + 1)
            if end < 0:
                raise ValueError(f"pattern part {text!r} has {character!r} without {close!r}; close it")
            inside = text[place + 1 : end]
            steps.append(_one_of(inside) if character == "[" else _alternatives(inside.split(",")))
            place = end
        elif character in "]}":
            raise ValueError(f"pattern part {text!r} has {character!r} that opens nowhere; take it out")
        else:
            steps.append({"?": _any, "*": _many}.get(character) or _alternatives([character]))
        place += 1
    return steps


def _any(part: _Part, reached: int) -> int:
    return (reached & part.every) << 1


def _many(part: _Part, reached: int) -> int:
    lowest = reached & -reached
    return (part.every << 1 | 1) & ~(lowest - 1)


def _one_of(inside: str) -> Step:
    negated = inside.startswith("!")
    wanted = _spread(inside[negated:])

    def step(part: _Part, reached: int) -> int:
        found = 0
        for character, where in part.where.items():
            if (character in wanted) != negated:
                found |= where
        return (reached & found) << 1

    return step


def _spread(text: str) -> frozenset[str]:
    """Return the characters of a bracket, ranges such as `a-z` written out."""
    found: set[str] = set()
    place = 0
    while place < len(text):
        last = place + 2 if text[place + 1 : place + 2] == "-" and place + 2 < len(text) else place
        found.update(map(chr, range(ord(text[place]), ord(text[last]) + 1)))
        place = last + 1
    return frozenset(found)


def _alternatives(words: list[str]) -> Step:
    def step(part: _Part, reached: int) -> int:
        found = 0
        for word in words:
            here = reached
            for character in word:
                here = (here & part.where.get(character, 0)) << 1
            found |= here
        return found

    return step
