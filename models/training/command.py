"""What the programs of the trainings share: one sentence for what goes wrong, and a word on an interrupt."""

from __future__ import annotations

import sys
from collections.abc import Callable

from models.errors import BridgeError


def run(command: str, work: Callable[[], int]) -> int:
    """Return the exit status of a program: 2 and one sentence for bad input, 130 after an interrupt.

    Args:
        command: its name, as it is typed.
        work: what it does; returns its status.
    """
    try:
        return work()
    except BridgeError as error:
        print(f"{command}: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:
        print(f"\n{command}: stopped; run the same command to go on", file=sys.stderr)  # noqa: T201
        return 130
