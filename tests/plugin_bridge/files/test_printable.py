"""Text from elsewhere cannot move the cursor, colour the screen or pretend to be another line."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugin_bridge.files.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Lied für Ännchen ♫ 歌", "Lied für Ännchen ♫ 歌"),
        ("\x1b[2J\x1b[1;31mgone", "[2J[1;31mgone"),
        ("\x1b]0;title\x07rest", "]0;titlerest"),
        ("\x9b31mred", "31mred"),
        ("one\ntwo\r\nthree\tfour\u2028five", "one two  three four five"),
        ("bell\a, backspace\b, delete\x7f, nothing\0", "bell, backspace, delete, nothing"),
        ("stem\u202evaw.exe", "stemvaw.exe"),
        (Path("a\x1bb.wav"), "ab.wav"),
        (ValueError("no\x1b[0m"), "no[0m"),
    ],
)
def test_what_a_terminal_would_obey_is_taken_out(text: object, shown: str) -> None:
    assert printable(text) == shown
