"""Cut a stream of MIDI bytes into channel messages, whatever the pieces it comes in and whatever it holds."""

from __future__ import annotations

import re

_STATUS = re.compile(rb"[\x80-\xff]")
_SYSTEM, _REALTIME = 0xF0, 0xF8


class MidiStream:
    """Bytes of one cable in, whole channel messages out; nothing it is given makes it fail.

    Running status is followed, real-time bytes may stand anywhere, and system messages, exclusive ones above
    all, are skipped however long they are, as are data without a status and messages that break off.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the status and what was begun."""
        self._status = 0
        self._first: int | None = None

    def process(self, data: bytes) -> list[bytes]:
        """Take the next bytes and return the messages they complete, each with its status, 2 or 3 bytes."""
        found: list[bytes] = []
        at, end = 0, len(data)
        while at < end:
            byte = data[at]
            at += 1
            if byte >= _REALTIME:
                continue
            if byte >= 0x80:
                self._status = byte if byte < _SYSTEM else 0  # a system message ends the running status
                self._first = None
            elif self._status == 0:  # exclusive data, or data that belong to nothing
                status = _STATUS.search(data, at)
                at = status.start() if status else end
            elif self._first is None and not 0xC0 <= self._status < 0xE0:
                self._first = byte
            else:
                data_bytes = (byte,) if self._first is None else (self._first, byte)
                found.append(bytes((self._status, *data_bytes)))
                self._first = None
        return found
