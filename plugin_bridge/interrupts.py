"""End a command cleanly on a signal, at any moment: temporary files are removed, the exit status names it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from models.wholefile import discard_all

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_SENTENCE = b"\nplugin-bridge: interrupted; unfinished files are removed\n"


def install() -> None:
    """Handle interrupt, termination and hang-up; a signal that the caller had ignored stays ignored."""
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


@contextmanager
def postponed() -> Iterator[Callable[[], int]]:
    """Note the first signal instead of ending the process, where `install` has run; a second one ends it.

    Yields:
        What returns the signal's number, 0 before it comes.
    """
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if came:
            _stop(number, frame)
        came.append(number)
        os.write(2, _SENTENCE)

    held = [number for number in signal.Signals if signal.getsignal(number) is _stop]
    for number in held:
        signal.signal(number, note)
    try:
        yield lambda: came[0] if came else 0
    finally:
        for number in held:
            signal.signal(number, _stop)


def _stop(number: int, _: FrameType | None) -> None:
    """Leave without unwinding: an exception could strike inside the very code that cleans up."""
    discard_all()
    os.write(2, _SENTENCE)
    os._exit(128 + number)
