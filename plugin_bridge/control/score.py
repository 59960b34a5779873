"""Scores: timed events as JSON lines, read and written.

One object a line; `time` in seconds or `position` in samples, and one thing that happens:

    {"time": 0.0, "parameter": "singer", "value": "nit"}
    {"time": 1.5, "parameter": "transpose", "value": 12}
    {"position": 72000, "note_on": 69}
    {"time": 2.0, "bend": 0.5}
    {"time": 2.5, "note_off": 69}
    {"time": 9.0, "notes_off": true}

The first line may be `{"rate": 48000}`, the sample rate of the positions; without it they count the samples
of the audio file. Lines need no order; those of one time act in the order of the file. The events of a
recorded session are a score, too; its bookkeeping rows are skipped.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from models.wholefile import Draft, unwritable
from plugin_bridge.control.events import AllNotesOff, AnyEvent, Event, NoteOff, NoteOn, PitchBend, check_event
from plugin_bridge.control.parameters import shown
from plugin_bridge.errors import ScoreError

_LINE_LIMIT = 4096
_EVENT_LIMIT = 1_000_000
_MAX_LENGTH = 7 * 24 * 3600.0  # seconds
_WHEN = ("time", "position")
_BOOKKEEPING = {"upto", "gap", "missed", "end"}
_WHAT: dict[str, Callable[[int, dict[str, Any]], AnyEvent]] = {
    "parameter": lambda at, row: Event(at, row["parameter"], row["value"]),
    "note_on": lambda at, row: NoteOn(at, row["note_on"]),
    "note_off": lambda at, row: NoteOff(at, row["note_off"]),
    "bend": lambda at, row: PitchBend(at, row["bend"]),
    "notes_off": lambda at, _: AllNotesOff(at),
}


def read_score(path: Path, sample_rate: int, source_rate: int | None = None) -> list[AnyEvent]:
    """Read a score.

    Args:
        path: a JSON-lines file.
        sample_rate: of the positions returned, hertz.
        source_rate: of the positions in the file where it names none, hertz; `sample_rate` if absent.

    Returns:
        The checked events in order of position.

    Raises:
        ScoreError: the file is missing or not a score; the sentence names the line.
    """
    rate = source_rate or sample_rate
    events: list[AnyEvent] = []
    for number, row in _rows(path):
        try:
            if not events and set(row) == {"rate"}:
                rate = _rate(row["rate"])
                continue
            if not _BOOKKEEPING & row.keys():
                events.append(event_of_row(row, rate, sample_rate))
        except (TypeError, ValueError) as error:
            raise ScoreError(f"{path}, line {number}: {error}") from error
        if len(events) > _EVENT_LIMIT:
            raise ScoreError(f"{path} has more than {_EVENT_LIMIT} events; split the score")
    events.sort(key=lambda event: event.position)
    return events


def write_score(path: Path, events: Iterable[AnyEvent], sample_rate: int) -> None:
    """Write events so that `read_score` returns them again.

    Args:
        path: the file; one that is there is replaced.
        events: any events.
        sample_rate: of their positions, hertz.

    Raises:
        OutputError: the file cannot be written.
    """
    rows = itertools.chain([{"rate": sample_rate}], map(as_row, events))
    with Draft(path, force=True) as draft:
        try:
            with draft.path.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        except OSError as error:
            raise unwritable(path, error) from error
        draft.commit()


def as_row(event: AnyEvent) -> dict[str, object]:
    """Return the JSON object of an event."""
    at: dict[str, object] = {"position": event.position}
    if isinstance(event, Event):
        return {**at, "parameter": event.parameter, "value": event.value}
    if isinstance(event, NoteOn):
        return {**at, "note_on": event.note}
    if isinstance(event, NoteOff):
        return {**at, "note_off": event.note}
    if isinstance(event, PitchBend):
        return {**at, "bend": event.semitones}
    return {**at, "notes_off": True}


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if not path.is_file():
        fault = "is not a file" if path.exists() else "does not exist"
        raise ScoreError(f"{path} {fault}; check the path of the automation")
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(_LINE_LIMIT + 1), b""), 1):
                if len(line) > _LINE_LIMIT:
                    raise ScoreError(
                        f"{path}, line {number}: longer than {_LINE_LIMIT} bytes; give one event a line"
                    )
                if line.strip():
                    yield number, _parsed(path, number, line)
    except OSError as error:
        raise ScoreError(f"{path} cannot be read: {error.strerror}; check the automation") from error


def _parsed(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8-sig"), object_pairs_hook=_once_each)
    except UnicodeDecodeError as error:
        raise ScoreError(f"{path}, line {number}: not JSON in UTF-8; save the score in UTF-8") from error
    except RecursionError as error:
        raise ScoreError(
            f"{path}, line {number}: not JSON (nested too deeply); give one object a line"
        ) from error
    except ValueError as error:
        raise ScoreError(f"{path}, line {number}: not JSON ({error}); give one object a line") from error
    if not isinstance(row, dict):
        raise ScoreError(
            f'{path}, line {number}: not an object; write {{"time": 1.5, "parameter": "morph", "value": 1}}'
        )
    return row


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"{shown(twice)} stands twice")
    return row


def event_of_row(row: dict[str, Any], rate: int, sample_rate: int) -> AnyEvent:
    """Return the checked event of a JSON object.

    Args:
        row: the object.
        rate: of its position, where it has one, hertz.
        sample_rate: of the position returned, hertz.

    Raises:
        TypeError, ValueError: it is not an event.
    """
    what = [key for key in row if key in _WHAT]
    when = [key for key in row if key in _WHEN]
    if len(what) != 1 or len(when) != 1:
        raise ValueError(
            f"it needs one of {', '.join(_WHEN)} and one of {', '.join(_WHAT)}; "
            f"found {shown(', '.join(row)) if row else 'nothing'}"
        )
    needed = {what[0], when[0]} | ({"value"} if what[0] == "parameter" else set())
    if set(row) != needed:
        odd = min(set(row) ^ needed)
        fault = "missing" if odd in needed else "not understood here"
        raise ValueError(f"{shown(odd)} is {fault}; give {', '.join(sorted(needed))}")
    if what[0] == "notes_off" and row["notes_off"] is not True:
        raise TypeError(f"notes_off {row['notes_off']!r} does nothing; write true")
    return check_event(_WHAT[what[0]](_position(row[when[0]], when[0], rate, sample_rate), row))


def _position(value: object, when: str, rate: int, sample_rate: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int if when == "position" else (int, float)):
        raise TypeError(
            f"{when} {shown(value)} is not a {'whole ' if when == 'position' else ''}number; count from 0"
        )
    if when == "position" and rate == sample_rate and 0 <= value <= _MAX_LENGTH * rate:
        return int(value)  # a tenth of the time of the exact way below: a session may hold a million of these
    seconds = Fraction(value) / (rate if when == "position" else 1) if abs(value) < 2**53 else Fraction(-1)
    if not 0 <= seconds <= _MAX_LENGTH:
        raise ValueError(f"{when} {shown(value)} is out of range; give 0 to {_MAX_LENGTH:g} seconds")
    return round(seconds * sample_rate)


def _rate(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10**7:
        raise ValueError(f"rate {shown(value)} is not a sample rate; give a whole number of hertz")
    return value
