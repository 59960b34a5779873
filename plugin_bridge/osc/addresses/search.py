"""Find the addresses that a pattern stands for, in small steps: a long pattern takes milliseconds."""

from __future__ import annotations

from collections.abc import Generator

from plugin_bridge.osc.addresses.table import ADDRESSES, Address
from plugin_bridge.osc.wire.patterns import Pattern

_ROWS = 4
"""Matched in one step, about 50 microseconds."""
_MAX_KEPT = 256


class Search:
    """Keeps what it found, for controllers repeat their patterns."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[Address, ...]] = {}

    def steps(self, text: str) -> Generator[None, None, tuple[Address, ...]]:
        """Go through the table in steps; return the rows that can be read, never a command or a note.

        Raises:
            ValueError: the pattern is wrong or stands for none.
        """
        if text not in self._found:
            pattern, rows = Pattern(text), list[Address]()
            for number, row in enumerate(ADDRESSES.values()):
                if number % _ROWS == 0:
                    yield
                if row.readable and pattern.matches(row.path):
                    rows.append(row)
            if len(self._found) >= _MAX_KEPT:
                self._found.clear()
            self._found[text] = tuple(rows)
        found = self._found[text]
        if not found:
            raise ValueError(
                f"pattern {text!r} fits no address that can be read; /param/* fits the parameters"
            )
        return found
