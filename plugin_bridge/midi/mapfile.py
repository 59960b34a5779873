"""Write a learned control into a MIDI map, whole or not at all; the rest of the file stays as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import tomli_w

from models.wholefile import Draft
from plugin_bridge.errors import OutputError, ScoreError
from plugin_bridge.files.tomlfile import parse_toml
from plugin_bridge.midi.map import Control, MidiMap, load_midi_map, parse_midi_map

_CONTROL = re.compile(r"\s*\[\[\s*control\s*\]\]")
_HEADER = re.compile(r"\s*\[")
_NOTE = re.compile(r"\s*(#|$)")


def save_learned(path: Path, number: int, parameter: str, *, pair: bool = False) -> None:
    """Bind a control to a parameter in a map file, as `MidiMap.learned` does.

    The file is read again first, so that what was edited meanwhile stays. Its comments and its order stay,
    too, wherever the rows are written as `[[control]]`; a file written otherwise keeps only its meaning.

    Args:
        path: the map; a link is followed.
        number: the control.
        parameter: its parameter from now on.
        pair: see `MidiMap.learned`.

    Raises:
        ScoreError: the file is gone or does not fit any more.
        OutputError: it cannot be written; it is then as it was.
    """
    path = path.resolve()
    meant = load_midi_map(path, placed=False).learned(number, parameter, pair=pair)
    try:
        text = path.read_bytes().decode("utf-8")
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        raise ScoreError(f"{path} cannot be read; check the MIDI map") from error
    edited = _edited(text, meant, number)
    if not _means(edited, meant):
        edited = tomli_w.dumps(meant.model_dump(exclude_none=True, exclude_defaults=True))
    with Draft(path, force=True) as draft:
        try:
            draft.path.write_bytes(edited.encode("utf-8"))
            draft.path.chmod(mode & 0o777)
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}; free some space") from error
        draft.commit()


def _edited(text: str, meant: MidiMap, number: int) -> str:
    """Take the rows out that `meant` lacks, and put that of the control in its place or at the end."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    row = next(row for row in meant.control if row.number == number)
    numbers = {row.number for row in meant.control}
    keys = [line + newline for line in _keys(row)]
    placed = False
    for start, stop in reversed(list(_blocks(lines))):
        found = _number(lines[start:stop])
        if found == number:
            notes = [line for line in lines[start + 1 : stop] if _NOTE.match(line)]
            lines[start + 1 : stop] = [*notes, *keys]
            placed = True
        elif found is not None and found not in numbers:
            after = stop < len(lines) and not lines[stop].strip()  # one empty line goes with it
            del lines[start : stop + after]
    if not placed:
        if lines and not lines[-1].endswith(newline):
            lines[-1] += newline
        lines += [newline, f"[[control]] # learned{newline}", *keys]
    return "".join(lines)


def _blocks(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Yield where each control row begins, and where its last key ends."""
    start: int | None = None
    stop = 0
    for at, line in enumerate(lines):
        if _HEADER.match(line):
            if start is not None:
                yield start, stop
            start = at if _CONTROL.match(line) else None
        if not _NOTE.match(line):
            stop = at + 1
    if start is not None:
        yield start, stop


def _number(block: list[str]) -> object:
    try:
        return parse_toml("".join(block))["control"][0]["number"]
    except (ValueError, LookupError):
        return None


def _keys(row: Control) -> Iterator[str]:
    yield f"number = {row.number}"
    yield f'parameter = "{row.parameter}"'
    for name, value in (("low", row.low), ("high", row.high), ("step", row.step or None)):
        if value is not None:
            yield f"{name} = {value!r}"


def _means(text: str, meant: MidiMap) -> bool:
    try:
        found = parse_midi_map(text)
    except ValueError:  # what tomllib and pydantic raise
        return False
    return _content(found) == _content(meant)


def _content(midi_map: MidiMap) -> object:
    return (
        midi_map.bend_range,
        midi_map.program,
        sorted(midi_map.control, key=lambda row: row.number),
    )
