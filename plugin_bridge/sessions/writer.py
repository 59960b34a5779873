"""Record a live session and never make the engine's thread wait: a bounded queue and a thread that writes."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from models.wholefile import Draft, unwritable
from plugin_bridge.control.events import AnyEvent
from plugin_bridge.control.form import Form
from plugin_bridge.control.score import as_row
from plugin_bridge.errors import OutputError
from plugin_bridge.sessions.header import AUDIO, EVENTS, HEADER, SessionHeader
from plugin_bridge.version import __version__

__all__ = ["SessionHeader", "SessionWriter"]

Float32 = NDArray[np.float32]
Row = dict[str, object]

QUEUE_SECONDS = 8.0
"""The longest that a disk may pause."""
MAX_ROWS = 100_000
"""Events that may wait for the disk."""
_PERIOD = 0.1
_SYNC_SECONDS = 5.0
_PATIENCE = 30.0


class SessionWriter:
    """A session being recorded, from the engine's sample 0 on: reset the engine before the first block.

    `block`, `gap` and `missed` belong to one thread, the engine's; they copy and return, and do nothing once
    the recording has ended. What has been written is readable whatever happens to this process.

    Args:
        folder: is made; one that is there must be empty.
        form: what the device runs at.
        header: of the engine, from `SessionHeader.of`.
        say: called with a sentence, from the thread that writes, when the recording ends by itself.
        queue_seconds: of audio that may wait for the disk.

    Raises:
        OutputError: the folder is not empty, or cannot be written.
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
        """Whether nothing more is taken: closed, or the disk was full or too slow."""
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
        self._why = ""
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="session", daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether it has ended and its files are closed, so that `close` need not wait for the disk."""
        return not self._thread.is_alive()

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
            self._end("the disk was too slow")
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

    def _end(self, why: str) -> None:
        self._why = why
        self.ended = True

    def _run(self) -> None:
        try:
            while not self.ended:
                self._wake.wait(_PERIOD)
                self._write()
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
                "what it has is kept, free the disk or record to another"
            )

    def _write(self) -> None:
        """Rows go first, so that audio is never there without its events."""
        given, position = self._mark
        rows = [self._rows.popleft() for _ in range(len(self._rows))]
        if rows or given > self._taken:
            self._files.add_rows([*rows, {"upto": position}])
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
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise _taken(folder)
            with Draft(folder / HEADER) as draft:
                draft.path.write_text(header.model_dump_json(indent=2) + "\n", encoding="utf-8")
                draft.commit()
            self._audio: BinaryIO = (folder / AUDIO).open("xb", buffering=0)
            self._events: BinaryIO = (folder / EVENTS).open("xb", buffering=0)
        except FileExistsError as error:
            raise _taken(folder) from error
        except OSError as error:
            raise unwritable(folder, error) from error
        self._sample = header.channels * 4  # bytes
        self._synced = time.monotonic()
        self.add_rows([{"rate": header.sample_rate}])

    def add_rows(self, rows: Sequence[Row]) -> None:
        _write_all(self._events, "".join(json.dumps(row) + "\n" for row in rows).encode())

    def add_audio(self, samples: Float32) -> None:
        _write_all(self._audio, samples.astype("<f4", copy=False).data.cast("B"))

    def leave_out(self, samples: int) -> None:
        """Go on behind zeros; most file systems keep no room for them."""
        self._audio.seek(samples * self._sample, os.SEEK_CUR)

    def sync(self) -> None:
        """Now and then bring it to the disk: little is lost with the power, and it never has to hurry."""
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
