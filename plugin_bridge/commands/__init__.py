"""The commands: a module each, with `add_parser(subparsers)` and `run(arguments) -> exit status`.

Their imports at the top are light, so that `--help` answers at once; the rest is loaded when a command runs.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - its only name

COMMANDS = ("bounce", "live", "devices", "singers", "params", "train", "extractor", "evaluate", "bench")
"""In the order of the help."""


class UsageError(Exception):
    """Options that do not fit together: one sentence, exit status 2."""
