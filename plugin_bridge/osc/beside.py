"""Start a process beside the live sound, which goes first."""

from __future__ import annotations

import asyncio
import contextlib
import os
from asyncio.subprocess import DEVNULL, Process
from typing import Any

_NICENESS = 10


async def start_beside(*words: str, **pipes: Any) -> Process:  # noqa: ANN401 - as asyncio takes them
    """Return a process at a low priority, which reads and says nothing but what is asked.

    Args:
        words: program and arguments.
        pipes: `stdout`, `stderr` and so on, as `asyncio.create_subprocess_exec` takes them.

    Raises:
        OSError: the system refuses it.
    """
    silent = {"stdin": DEVNULL, "stdout": DEVNULL, "stderr": DEVNULL}
    process = await asyncio.create_subprocess_exec(*words, **silent | pipes)
    with contextlib.suppress(OSError):  # it may be over already
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
    return process
