"""Real-time settings of the audio process: garbage collection, thread switches and priorities."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PRIORITY = 2
"""Real-time priority of the process; any is above every ordinary program."""
ENGINE_PRIORITY = 4
"""Of the engine's thread: above its helpers, below the callbacks of a JACK server at its default of 10."""
# How long a callback waits for the engine to hand over the interpreter's lock. At 0.1 ms, 99.9 % of callbacks
# begin within 1.1 ms of their cycle; at 0.5 ms, within 1.8 ms; below, the engine loses more than they win.
_SWITCH_SECONDS = 0.0001


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


@contextmanager
def ordinary_priority() -> Iterator[None]:
    """Let the calling thread work at ordinary priority in a `with` block."""
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, param = os.sched_getscheduler(0), os.sched_getparam(0)
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, param)


def raise_priority(priority: int) -> bool:
    """Schedule the calling thread by SCHED_FIFO; return whether the system allows it."""
    if not hasattr(os, "sched_setscheduler"):
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except OSError:  # PermissionError, or no such policy in a container
        return False
    return True
