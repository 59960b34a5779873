"""Watch one core from the highest real-time priority: when even that is held up, the machine stood still.

    python -m tests.stalls CORE SECONDS

Tells the xruns of a program from those of a virtual machine that is paused, or of a kernel that is busy:
nothing a program does can help against the latter. Prints a JSON array of the stalls in milliseconds.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
import time

SHORTEST_MS = 2.0
_NAP_SECONDS = 0.0005


def stalls(core: int, seconds: float) -> list[float]:
    """Return the naps that lasted too long, in milliseconds; none where real-time priority is refused."""
    os.sched_setaffinity(0, {core})
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(os.sched_get_priority_max(os.SCHED_FIFO)))
    gc.disable()
    found: list[float] = []
    before = time.monotonic()
    end = before + seconds
    while before < end:
        time.sleep(_NAP_SECONDS)
        now = time.monotonic()
        if 1000.0 * (now - before) > SHORTEST_MS:
            found.append(round(1000.0 * (now - before), 2))
        before = now
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(stalls(int(sys.argv[1]), float(sys.argv[2]))))
