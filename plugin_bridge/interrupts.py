"""End a command cleanly on a signal, at any moment: temporary files are removed, the exit status names it."""

from __future__ import annotations

import os
import signal
from types import FrameType

from models.wholefile import discard_all

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


def install() -> None:
    """Handle interrupt, termination and hang-up; a signal that the caller had ignored stays ignored."""
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, _: FrameType | None) -> None:
    """Leave without unwinding: an exception could strike inside the very code that cleans up."""
    discard_all()
    os.write(2, b"\nplugin-bridge: interrupted; unfinished files are removed\n")
    os._exit(128 + number)
