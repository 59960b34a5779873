"""Every check by name: `python -m tests` runs all but coverage, `python -m tests lint types` only those."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# Two files at a time; more would keep the live tests' audio waiting. They come as conftest.py has them, the
# longest first: xdist's own order would end with them, as they have few tests, and leave a worker idle.
_TESTS = ("pytest", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
CHECKS = {
    "lint": ("ruff", "check", "."),
    "format": ("ruff", "format", "--check", "."),
    "types": ("mypy",),
    "tests": _TESTS,
    "coverage": (*_TESTS, "--cov", "--cov-report=term:skip-covered"),
}
_USUAL = [name for name in CHECKS if name != "coverage"]
"""Coverage runs the tests again, half as slow, so it is asked for by name."""


def main(names: list[str]) -> int:
    """Run the named checks, or the usual ones, and return 0 when each one passed."""
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        print(f"no check is called {unknown[0]!r}; choose from {', '.join(CHECKS)}", file=sys.stderr)
        return 2
    failed = [name for name in names or _USUAL if not _passes(name)]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _passes(name: str) -> bool:
    print(f"== {name}: {' '.join(CHECKS[name])}", flush=True)
    root = Path(__file__).resolve().parent.parent
    words = [sys.executable, "-m", *CHECKS[name]]
    # Threads of two workers of pytest would wait for each other.
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    # Some containers have it; each of the hundreds of processes of the tests would compile the project anew.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run(words, cwd=root, env=environment, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
