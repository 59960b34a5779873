"""`python -m tests.support.enrolling SHARED ...`: plugin-bridge with that shared network, and few steps."""

from __future__ import annotations

import sys
from pathlib import Path

from plugin_bridge import cli

STEPS = 3


def main() -> int:
    if "enrol" in sys.argv:
        from models.training.enrolment import enrol
        from models.training.singer.training import Plan

        shared = Path(sys.argv[1])
        enrol.ENROLMENT = Plan(steps=STEPS, batch=1)
        vars(enrol)["shipped"] = lambda: shared
    sys.argv[1:] = sys.argv[2:]
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
