"""Record a live session without making the engine's thread wait: a bounded queue and a writing thread."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from models.wholefile import unwritable
from plugin_bridge.control.events import AnyEvent
from plugin_bridge.control.form import Form
from plugin_bridge.control.score import as_row
from plugin_bridge.errors import OutputError
from plugin_bridge.sessions.folder import AUDIO, EVENTS, HEADER, MAX_LINES, PARTS
from plugin_bridge.sessions.header import SessionHeader
from plugin_bridge.version import __version__

__all__ = ["SessionHeader", "SessionWriter"]

Float32 = NDArray[np.float32]
Row = dict[str, object]

QUEUE_SECONDS = 8.0
"""The longest that a disk may pause."""
MAX_ROWS = 100_000
"""Events that may wait for the disk."""
MAX_SECONDS = 6 * 3600.0
"""The longest recording."""
MIN_FREE_BYTES = 500_000_000
"""What a recording leaves of the disk to others."""
_PERIOD = 0.1
_SYNC_SECONDS = 5.0
_PATIENCE = 30.0


class SessionWriter:
    """A session being recorded, from the engine's sample 0 on: reset the engine before the first block.

    It ends by itself, with a sentence, when it is `MAX_SECONDS` long or holds `MAX_LINES`, when the disk has
    no more than `MIN_FREE_BYTES` left, cannot be written or is too slow. Folder and files are open to their
    owner only: what a microphone heard is private.

    `block`, `gap` and `missed` belong to one thread, the engine's; they copy and return, and do nothing once
    the recording has ended. What has been written is readable whatever happens to this process.

    Args:
        folder: is made; one that is there must be empty.
        form: what the device runs at.
        header: of the engine, from `SessionHeader.of`.
        say: called with a sentence, from the thread that writes, when the recording ends by itself.
        queue_seconds: of audio that may wait for the disk.

    Raises:
        OutputError: the folder is not empty, cannot be written, or its disk has no room.
    """

    def __init__(
        self,
        folder: Path,
        form: Form,
        header: SessionHeader,
        say: Callable[[str], None] = lambda _: None,
        queue_seconds: float = QUEUE_SECONDS,
    ) -> None:
        self.folder = folder
        self.ended = False
        """Whether nothing more is taken: closed, or ended by itself."""
        self._say, self._rate = say, form.sample_rate
        self._files = _Files(folder, _completed(header, form))
        size = max(1, round(queue_seconds * form.sample_rate))
        # Filled, so that the engine's thread never meets a page that the system has still to find.
        self._ring = np.full((size, form.channels), 0.0, np.float32)
        self._rows: deque[Row] = deque()
        self._holes: deque[tuple[int, int]] = deque()  # number of samples recorded before, samples left out
        self._given, self._position = 0, 0  # samples recorded; and those of the device, gaps among them
        self._mark = (0, 0)  # both, of one moment
        self._taken = 0
        self._lines = 0  # written
        self._why = self._remedy = ""
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="session", daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether it has ended and its files are closed, so that `close` need not wait for the disk."""
        return not self._thread.is_alive()

    @property
    def room(self) -> float:
        """Seconds that this recording can last, as the disk is now."""
        rate = 4 * self._ring.shape[1] * self._rate  # bytes a second; events are few beside it
        return min(MAX_SECONDS, self._files.free() / rate)

    def block(self, position: int, source: Float32, events: Sequence[AnyEvent]) -> None:
        """Take a block of input and the events in it.

        Args:
            position: of its first sample, in the engine's samples.
            source: shape (channels, n), copied.
            events: their positions, in the engine's samples, are those they acted on.
        """
        n, size = source.shape[1], len(self._ring)
        if self.ended:
            return
        if n > size - (self._given - self._taken) or len(self._rows) + len(events) > MAX_ROWS:
            self._end("the disk was too slow", "record to another disk")
            return
        shift = self._position - position  # gaps
        for event in events:
            row = as_row(event)
            row["position"] = event.position + shift
            self._rows.append(row)
        at = self._given % size
        first = min(n, size - at)
        self._ring[at : at + first] = source[:, :first].T
        self._ring[: n - first] = source[:, first:].T
        self._given += n
        self._position += n
        self._mark = (self._given, self._position)

    def gap(self, samples: int) -> None:
        """Note input that was left out before the block to come."""
        if not self.ended:
            self._rows.append({"position": self._position, "gap": samples})
            self._holes.append((self._given, samples))
            self._position += samples
            self._mark = (self._given, self._position)

    def missed(self, position: int, samples: int) -> None:
        """Note output that was not ready when the device asked for it, so that silence was heard.

        Args:
            position: of its first sample, counted from the session's first sample as the device counts, gaps
                among them; the device's own latency and the ring's are not in it, the engine's is: the output
                that `process` returned for the block that begins here.
            samples: how many.
        """
        samples += min(0, position)  # output from before the session
        if not self.ended and samples > 0 and len(self._rows) < MAX_ROWS:
            self._rows.append({"position": max(0, position), "missed": samples})

    def close(self) -> None:
        """End the recording, from any thread but the engine's, once that hands over nothing more."""
        self.ended = True
        self._wake.set()
        self._thread.join(_PATIENCE)
        if self._thread.is_alive():
            self._say(f"the disk of {self.folder} does not answer; the end of the recording may be lost")

    def _end(self, why: str, remedy: str = "free some space or record to another disk") -> None:
        self._why, self._remedy = why, remedy
        self.ended = True

    def _run(self) -> None:
        try:
            while not self.ended:
                self._wake.wait(_PERIOD)
                self._write()
                self._check_bounds()
            self._write()
            self._files.finish(self._mark[1], self._why)
        except OSError as error:
            self._end(f"it cannot be written ({error.strerror})")
        finally:
            self._files.close()
        if self._why:
            seconds = self._position / self._rate
            self._say(
                f"the recording {self.folder.name} ended after {seconds:.1f} s: {self._why}; "
                f"what it has is kept, {self._remedy}"
            )

    def _check_bounds(self) -> None:
        if self.ended:
            return
        if self._position > MAX_SECONDS * self._rate:
            self._end(f"it is as long as one may be, {MAX_SECONDS / 3600.0:g} h", "begin another")
        elif self._lines > MAX_LINES - MAX_ROWS - 100:  # for what is still to be written
            self._end(f"it holds as many events as one may, {self._lines}", "begin another")
        elif self._files.free() <= 0:
            self._end(_RESERVED)

    def _write(self) -> None:
        """Rows go first, so that audio is never there without its events."""
        given, position = self._mark
        rows = [self._rows.popleft() for _ in range(len(self._rows))]
        if rows or given > self._taken:
            self._files.add_rows([*rows, {"upto": position}])
            self._lines += len(rows) + 1
        while True:
            hole = self._holes[0] if self._holes and self._holes[0][0] <= given else None
            self._write_audio(given if hole is None else hole[0])
            if hole is None:
                break
            self._files.leave_out(hole[1])
            self._holes.popleft()
        self._files.sync()

    def _write_audio(self, stop: int) -> None:
        size = len(self._ring)
        while self._taken < stop:
            at = self._taken % size
            n = min(stop - self._taken, size - at)
            self._files.add_audio(self._ring[at : at + n])
            self._taken += n


class _Files:
    """The files of a session, open for writing."""

    def __init__(self, folder: Path, header: SessionHeader) -> None:
        self._folder = folder
        made = _make(folder)
        try:
            self._begin(header)
        except OSError as error:
            _remove(folder, whole=made)
            raise unwritable(folder, error) from error
        self._sample = header.channels * 4  # bytes
        self._synced = time.monotonic()

    def _begin(self, header: SessionHeader) -> None:
        """The header comes first: a folder without the other files is not a session, whatever happens now."""
        with _new(self._folder / HEADER) as file:
            _write_all(file, header.model_dump_json(indent=2).encode() + b"\n")
            os.fsync(file.fileno())
        self._audio = _new(self._folder / AUDIO)
        self._events = _new(self._folder / EVENTS)
        self.add_rows([{"rate": header.sample_rate}])

    def free(self) -> int:
        """Return the bytes that may still be written."""
        return _free(self._folder)

    def add_rows(self, rows: Sequence[Row]) -> None:
        _write_all(self._events, "".join(json.dumps(row) + "\n" for row in rows).encode())

    def add_audio(self, samples: Float32) -> None:
        _write_all(self._audio, samples.astype("<f4", copy=False).data.cast("B"))

    def leave_out(self, samples: int) -> None:
        """Leave a gap of zeros; on most file systems it takes no room."""
        self._audio.seek(samples * self._sample, os.SEEK_CUR)

    def sync(self) -> None:
        """Sync to the disk now and then: little is lost with the power, and never much has to be written."""
        if time.monotonic() - self._synced >= _SYNC_SECONDS:
            for file in (self._events, self._audio):
                os.fsync(file.fileno())
            self._synced = time.monotonic()

    def finish(self, samples: int, why: str) -> None:
        self._audio.truncate(samples * self._sample)  # a gap may come last
        self.add_rows([{"end": samples, "why": why} if why else {"end": samples}])
        for file in (self._audio, self._events):
            os.fsync(file.fileno())

    def close(self) -> None:
        self._audio.close()
        self._events.close()


_RESERVED = f"its disk has less than {MIN_FREE_BYTES / 1e6:.0f} MB left, which are kept free"


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free - MIN_FREE_BYTES


def _make(folder: Path) -> bool:
    """Make the folder of a session, its owner's alone; return False where an empty one is there."""
    try:
        folder.parent.mkdir(0o700, parents=True, exist_ok=True)
        made = not folder.exists()
        folder.mkdir(0o700, exist_ok=True)
        if any(folder.iterdir()):
            raise _taken(folder)
        if _free(folder) <= 0:
            _remove(folder, whole=made)
            raise OutputError(f"session {folder.name} cannot begin: {_RESERVED}; free some space")
    except FileExistsError as error:
        raise _taken(folder) from error
    except OSError as error:
        raise unwritable(folder, error) from error
    return made


def _new(path: Path) -> BinaryIO:
    """Open a file that is new and its owner's alone."""
    return open(path, "xb", buffering=0, opener=lambda name, flags: os.open(name, flags, 0o600))


def _remove(folder: Path, *, whole: bool) -> None:
    """Leave nothing of a session that could not begin."""
    for part in PARTS:
        (folder / part).unlink(missing_ok=True)
    if whole:
        folder.rmdir()


def _taken(folder: Path) -> OutputError:
    return OutputError(f"{folder} exists already; choose another name for the session")


def _completed(header: SessionHeader, form: Form) -> SessionHeader:
    facts = {name: getattr(form, name) for name in ("sample_rate", "channels", "device", "block")}
    software = f"plugin_bridge {__version__}"
    return SessionHeader.model_validate({**header.model_dump(), **facts, "software": software})


def _write_all(file: BinaryIO, data: bytes | memoryview) -> None:
    """An unbuffered file may take a part."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
