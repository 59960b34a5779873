"""Write a learned control into a MIDI map, whole or not at all; comments and order of the file are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Comment

from models.wholefile import Draft
from plugin_bridge.errors import OutputError, ScoreError
from plugin_bridge.midi.map import MidiMap, load_midi_map, parse_midi_map


def save_learned(path: Path, number: int, parameter: str, *, pair: bool = False) -> None:
    """Bind a control to a parameter in a map file, as `MidiMap.learned` does.

    The file is read again first, so that what was edited meanwhile stays.

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
    if edited is None:
        raise ScoreError(f"{path} cannot be edited; write its controls as [[control]]")
    with Draft(path, force=True) as draft:
        try:
            draft.path.write_bytes(edited.encode("utf-8"))
            draft.path.chmod(mode & 0o777)
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}; free some space") from error
        draft.commit()


def _edited(text: str, meant: MidiMap, number: int) -> str | None:
    """Return the text of a map with the controls that are meant; None where it cannot be edited so."""
    newline = "\r\n" if "\r\n" in text else "\n"
    plain = text.replace("\r\n", "\n")
    ended = plain if plain.endswith("\n") or not plain else plain + "\n"
    mark = "\ufeff" if ended.startswith("\ufeff") else ""  # which tomlkit does not pass over
    try:
        document = tomlkit.parse(ended.removeprefix(mark))
        _edit(document, meant, number)
        edited = document.as_string()
        found = parse_midi_map(edited)
    except (TOMLKitError, ValueError):
        return None
    return mark + edited.replace("\n", newline) if _content(found) == _content(meant) else None


def _edit(document: tomlkit.TOMLDocument, meant: MidiMap, number: int) -> None:
    """Change the row of a control or add one, and take out the rows that are meant no longer."""
    if "control" not in document:
        if document.as_string():
            document.add(tomlkit.nl())
        document.add("control", tomlkit.aot())
    rows: Any = document["control"]
    learned = next(row for row in meant.control if row.number == number)
    facts = learned.model_dump(exclude_none=True, exclude_defaults=True)
    row = next((row for row in rows if row["number"] == number), None)
    if row is None:
        _add(rows, facts)
    else:
        for key in row.keys() - facts.keys():
            del row[key]
        row.update(facts)
    numbers = {row.number for row in meant.control}
    for at in reversed(range(len(rows))):
        if rows[at]["number"] not in numbers:
            _remove(rows, at)


def _add(rows: Any, facts: dict[str, Any]) -> None:  # noqa: ANN401 - an array of tables or of inline tables
    tables = isinstance(rows, AoT)
    row: Any = tomlkit.table() if tables else tomlkit.inline_table()
    row.update(facts)
    if tables:
        row.comment("learned")
    if tables and len(rows):  # an empty line stands between two rows, and behind those that had one
        (row if rows[-1].as_string().endswith("\n\n") else rows[-1]).add(tomlkit.nl())
    rows.append(row)


def _remove(rows: Any, at: int) -> None:  # noqa: ANN401 - as above
    """Take a row out; comments below its last key, which may speak of the next row, stay."""
    body = rows[at].value.body if isinstance(rows, AoT) else []
    rest = body[1 + max((k for k, (key, _) in enumerate(body) if key is not None), default=-1) :]
    del rows[at]
    if not any(isinstance(item, Comment) for _, item in rest):
        return
    if at == 0:
        rows[0].value.body[:0] = rest
    else:
        for _, item in rest:
            rows[at - 1].add(item)


def _content(midi_map: MidiMap) -> object:
    controls = sorted(midi_map.control, key=lambda row: row.number)
    return midi_map.bend_range, midi_map.program, controls
