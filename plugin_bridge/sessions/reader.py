"""Read a recorded session: its audio and events, up to where it was cut off or damaged."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from plugin_bridge.control.events import AnyEvent
from plugin_bridge.control.parameters import Value, check_values
from plugin_bridge.control.score import event_of_row
from plugin_bridge.errors import SessionError
from plugin_bridge.files.printable import printable
from plugin_bridge.sessions.folder import AUDIO, EVENTS, HEADER, MAX_LINES, PARTS
from plugin_bridge.sessions.header import FORMAT, SessionHeader

Float32 = NDArray[np.float32]
Span = tuple[int, int]
"""Position of the first sample, and samples."""

CHUNK = 16384
_MAX_HEADER_BYTES = 2**20
_LINE_LIMIT = 4096
_PIECE = 2**20
_MAX_TEXT = 500
"""Characters of a text from a session in a sentence."""


class SessionReader(AbstractContextManager["SessionReader"]):
    """An open session; all positions count the samples of its audio, which are the device's.

    Args:
        path: its folder.

    Raises:
        SessionError: a part is missing or unusable, the format is newer, or no sample was recorded.
    """

    container = "session"
    metadata: dict[str, str] = {}  # noqa: RUF012 - as of an audio file; a session has none

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            for part in PARTS:
                _check_part(path, part)
            self.header = read_header(path / HEADER)
            rows = _Rows(path / EVENTS, self.header.sample_rate)
            size = (path / AUDIO).stat().st_size
            self._file = (path / AUDIO).open("rb")
        except OSError as error:
            raise SessionError(f"{error.filename} cannot be read: {error.strerror}; check it") from error
        self.sample_rate: int = self.header.sample_rate
        """Hertz."""
        self.channels: int = self.header.channels
        self.frames = frames = min(size // (4 * self.channels), rows.upto)
        """Samples in each channel, gaps among them."""
        self.values: dict[str, Value] = self.header.values
        """The parameters the engine was made with."""
        self.events: list[AnyEvent] = [event for event in rows.events if event.position < frames]
        """In order."""
        self.gaps = [_cut(span, frames) for span in rows.gaps if span[0] < frames]
        """Input that the engine never heard."""
        self.missed = [_cut(span, frames) for span in rows.missed if span[0] < frames]
        """Output that was not heard, given by the input block in which it was made."""
        self.note = self._condition(rows)
        """A sentence where the session is not whole, else empty."""
        if not frames:
            self.close()
            raise SessionError(f"{path} holds no samples: its recording ended at once; record it again")

    def chunks(self) -> Iterator[Float32]:
        """Yield the input from its beginning as float32 (channels, n), n <= `CHUNK`; zeros in the gaps.

        Raises:
            SessionError: the audio cannot be read to its end.
        """
        position = 0
        self._file.seek(0)
        while position < self.frames:
            n = min(CHUNK, self.frames - position)
            try:
                data = self._file.read(4 * self.channels * n)
            except OSError as error:
                raise SessionError(f"{self.path / AUDIO} cannot be read: {error.strerror}") from error
            if len(data) != 4 * self.channels * n:
                raise SessionError(f"{self.path / AUDIO} became shorter while it was read; bounce it again")
            yield np.ascontiguousarray(np.frombuffer(data, "<f4").reshape(n, -1).T, np.float32)
            position += n

    def close(self) -> None:
        """Close it; closing again does nothing."""
        self._file.close()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _condition(self, rows: _Rows) -> str:
        seconds = self.frames / self.sample_rate
        if rows.end == self.frames:
            return f"{self.path.name} ended by itself after {seconds:.2f} s: {rows.why}" if rows.why else ""
        how = f"is damaged in line {rows.damaged} of {EVENTS}" if rows.damaged else "was cut off"
        return f"{self.path.name} {how}; it is used up to there, {seconds:.2f} s"


class _Rows:
    """The rows of `events.jsonl`, up to the first that cannot be read."""

    def __init__(self, path: Path, rate: int) -> None:
        self.events: list[AnyEvent] = []
        self.gaps: list[Span] = []
        self.missed: list[Span] = []
        self.upto = 0
        """The audio before this sample has all its events."""
        self.end = -1
        """Samples in all, -1 if the recording was not ended."""
        self.why = ""
        self.damaged = 0
        """Number of the first line that cannot be read, 0 for none."""
        _check_lines(path)
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(_LINE_LIMIT), b""), 1):
                try:
                    self._take(line, rate)
                except (KeyError, TypeError, ValueError, RecursionError):
                    self.damaged = number
                    break
        self.events.sort(key=lambda event: event.position)

    def _take(self, line: bytes, rate: int) -> None:
        row: Any = json.loads(line)
        if not isinstance(row, dict) or not line.endswith(b"\n"):
            raise ValueError("not a whole row")
        if "upto" in row:
            self.upto = max(self.upto, _count(row["upto"]))
        elif "end" in row:
            self.upto = self.end = _count(row["end"])
            self.why = printable(row.get("why", ""))[:_MAX_TEXT]
        elif "gap" in row:
            position, samples = _count(row["position"]), _count(row["gap"])
            if self.gaps and position < sum(self.gaps[-1]):
                raise ValueError("a gap within a gap")
            self.gaps.append((position, samples))
        elif "missed" in row:
            self.missed.append((_count(row["position"]), _count(row["missed"])))
        elif "rate" not in row:
            self.events.append(event_of_row(row, rate, rate))


def _check_part(path: Path, part: str) -> None:
    """A part lies in the folder itself: a link in a session of a stranger could name anything."""
    try:
        mode = (path / part).lstat().st_mode
    except FileNotFoundError:
        mode = 0
    if stat.S_ISLNK(mode):
        raise SessionError(f"{path / part} is a link; put the file itself into the session")
    if not stat.S_ISREG(mode):
        raise SessionError(f"{path} lacks {part}, so it is no whole session; copy the folder again")


def _check_lines(path: Path) -> None:
    with path.open("rb") as file:
        lines = sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_PIECE), b""))
    if lines > MAX_LINES:
        raise SessionError(f"{path} has {lines} lines, and a recording {MAX_LINES} at most; copy it again")


def read_header(path: Path) -> SessionHeader:
    """Return the header of a session.

    Args:
        path: of the header's file.

    Raises:
        OSError: it cannot be read.
        SessionError: it is damaged, foreign or newer than this program.
    """
    if path.stat().st_size > _MAX_HEADER_BYTES:
        raise SessionError(f"{path} is no header of a session: it is too long; copy the session again")
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise SessionError(f"{path} is damaged: not JSON; copy the session again") from error
    version = facts.get("format") if isinstance(facts, dict) else None
    if isinstance(version, int) and version > FORMAT:
        found = str(version)[:20]
        raise SessionError(
            f"{path} has format {found} and this program reads up to {FORMAT}; update plugin_bridge"
        )
    try:
        header = SessionHeader.model_validate(facts)
        return header.model_copy(update={"values": check_values(header.values)})
    except ValidationError as error:
        first = error.errors()[0]
        where = printable(".".join(map(str, first["loc"])))[:_MAX_TEXT] or "it"
        raise SessionError(f"{path} is damaged: {where}: {first['msg']}; copy the session again") from error
    except (TypeError, ValueError) as error:  # of a parameter
        raise SessionError(f"{path} does not fit: {printable(error)[:_MAX_TEXT]}") from error


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} does not count samples")
    return value


def _cut(span: Span, stop: int) -> Span:
    return span[0], min(span[1], stop - span[0])
