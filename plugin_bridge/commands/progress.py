"""How far a command is: a bar with the time left where a person watches, or JSON lines for a program."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from plugin_bridge.files.printable import printable


class Progress:
    """Nothing to see; the others show the same."""

    def move(self, done: float, total: float, share: float) -> None:
        """Take the seconds done of a file and those in all, and the fraction done of all files, 0..1."""

    def ended(self) -> None:
        """Take that a file is done or has failed."""

    def write(self, line: str, stream: TextIO) -> None:
        """Print a line, where a bar is, above it; a line for people that nobody can read is dropped."""
        with suppress(OSError) if stream is sys.stderr else _as_it_is():
            print(line, file=stream)


class _Lines(Progress):
    def __init__(self, files: int) -> None:
        self._files = files
        self._print = printed_progress()

    def move(self, done: float, total: float, share: float) -> None:
        if self._files == 1:
            self._print(done, total)
        else:
            self._print(share * self._files, self._files)


class _Bar(Progress):
    def __init__(self, bar: Any, files: int) -> None:  # noqa: ANN401 - tqdm is loaded late
        self._bar, self._files = bar, files
        self._ended = 0

    def move(self, done: float, total: float, share: float) -> None:
        if self._files > 1:
            done, total = share, 1.0
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def ended(self) -> None:
        self._ended += 1
        if self._files > 1:
            self._bar.set_description_str(f"{self._ended} of {self._files} files")

    def write(self, line: str, stream: TextIO) -> None:
        with suppress(OSError) if stream is sys.stderr else _as_it_is():
            self._bar.write(line, file=stream)


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


@contextmanager
def shown_progress(name: str, files: int, lines: bool) -> Iterator[Progress]:
    """Show how far one file, or all of many, are.

    Args:
        name: of the file, where it is one.
        files: their number; seconds of audio are shown of one, parts of all files of several.
        lines: print JSON lines to standard error instead of a bar.
    """
    if lines:
        yield _Lines(files)
    elif not files or not sys.stderr.isatty():
        yield Progress()
    else:
        from tqdm import tqdm  # noqa: PLC0415 - only where it is seen

        count = "" if files > 1 else " {n:.0f}/{total:.0f} s,"
        size = shutil.get_terminal_size()  # tqdm shows nothing where a terminal tells no size
        with tqdm(
            desc=printable(name) if files == 1 else f"0 of {files} files",
            total=1.0,
            bar_format="{desc} {percentage:3.0f}% {bar}" + count + " {remaining} left",
            leave=False,
            file=sys.stderr,
            ncols=size.columns - 1,
            nrows=size.lines,
        ) as bar:
            yield _Bar(bar, files)


def printed_progress() -> Callable[[float, float], None]:
    """Return what prints seconds done and in all to standard error, ten times a second and at the end."""
    printed = 0.0

    def move(done: float, total: float) -> None:
        nonlocal printed
        now = time.monotonic()
        if now - printed >= 0.1 or done >= total:
            printed = now
            line = json.dumps({"done": round(done, 3), "total": round(total, 3)})
            print(line, file=sys.stderr, flush=True)

    return move
