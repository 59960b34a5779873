"""Split a stream of MIDI bytes into channel messages, however it is cut and whatever it holds."""

from __future__ import annotations

import re

_STATUS = re.compile(rb"[\x80-\xff]")
_SYSTEM, _REALTIME = 0xF0, 0xF8


class MidiStream:
    """Takes the bytes of one cable and returns whole channel messages; no input makes it fail.

    Running status is followed and real-time bytes may occur anywhere. System messages of any length are
    skipped, as are data without a status and incomplete messages.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the running status and any incomplete message."""
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
            elif self._status == 0:  # exclusive data, or data without a status
                status = _STATUS.search(data, at)
                at = status.start() if status else end
            elif self._first is None and not 0xC0 <= self._status < 0xE0:
                self._first = byte
            else:
                data_bytes = (byte,) if self._first is None else (self._first, byte)
                found.append(bytes((self._status, *data_bytes)))
                self._first = None
        return found
