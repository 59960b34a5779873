"""`python -m tests.support.enrolling SHARED ...`: plugin-bridge with that shared network, and few steps."""

from __future__ import annotations

import sys
from pathlib import Path

from plugin_bridge import cli
from tests.support.extras import needs

STEPS = 3


def enrolling(shared: Path) -> tuple[str, ...]:
    """Write a tiny shared network, and return the program that enrols by it."""
    needs("torch")
    from models.training.enrolment.file import write_shared
    from tests.support.sharednetworks import manifest_of, some_network, some_songs

    write_shared(some_network(), some_songs(), manifest_of(), shared)
    return sys.executable, "-m", "tests.support.enrolling", str(shared)


def main() -> int:
    """Run a command."""
    if sys.argv[2] == "enrol":
        from models.training.enrolment import enrol
        from models.training.singer.training import Plan

        shared = Path(sys.argv[1])
        enrol.ENROLMENT = Plan(steps=STEPS, batch=1)
        vars(enrol)["shipped"] = lambda: shared
    sys.argv[1:] = sys.argv[2:]
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
