"""Watch one core at the highest real-time priority: where even that is held up, the machine itself stalled.

    python -m tests.support.stalls CORE SECONDS

It tells xruns that a program causes from those of a paused virtual machine or a busy kernel, against which no
program can help. Prints a JSON array of the stalls in milliseconds.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
import time

MIN_MS = 2.0
# Long enough to leave the machine alone: a nap takes 40 us of a small virtual machine's time.
_NAP_SECONDS = 0.01


def stalls(core: int, seconds: float) -> list[float]:
    """Return the milliseconds by which sleeps ended late, those of more than 2 ms."""
    os.sched_setaffinity(0, {core})
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(os.sched_get_priority_max(os.SCHED_FIFO)))
    gc.disable()
    found: list[float] = []
    now = time.monotonic()
    end = now + seconds
    while now < end:
        due = now + _NAP_SECONDS
        time.sleep(_NAP_SECONDS)
        now = time.monotonic()
        late_ms = 1000.0 * (now - due)
        if late_ms > MIN_MS:
            found.append(round(late_ms, 2))
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(stalls(int(sys.argv[1]), float(sys.argv[2]))))
