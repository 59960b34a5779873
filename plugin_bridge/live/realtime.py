"""What the audio process asks of Python and of the system, so that nothing stops it for long."""

from __future__ import annotations

import gc
import os
import sys

PRIORITY = 2
"""Real-time priority of the process; any beats every ordinary program."""
ENGINE_PRIORITY = 4
"""Of the engine's thread: above its helpers, below the callbacks of a JACK server at its default of 10."""
_SWITCH_SECONDS = 0.0005


def settle_process() -> bool:
    """Freeze garbage collection and ask for real-time scheduling, for all threads started from now on.

    All of them, because one of ordinary priority that holds the interpreter's lock while another program has
    its core stops the engine as well.

    Returns:
        Whether the system allows real-time scheduling.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    sys.setswitchinterval(_SWITCH_SECONDS)
    return raise_priority(PRIORITY)


def raise_priority(priority: int) -> bool:
    """Schedule the calling thread by SCHED_FIFO; return whether the system allows it."""
    if not hasattr(os, "sched_setscheduler"):
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except OSError:  # PermissionError, or no such policy in a container
        return False
    return True
